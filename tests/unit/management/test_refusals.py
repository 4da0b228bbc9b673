"""Bad input, row by row: the status, the code, the field that is named; and nothing has changed."""

import base64
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from portcall.management.http.errors import ArmError
from portcall.management.openapi.document import rows
from portcall.schemas.webhooks import Sku
from portcall.store.engine import Store, open_store
from tests import keys
from tests.unit.management.api import GUEST_TOKEN, VERSION, Json, ManagementApi, webhook_body
from tests.unit.management.letter_rows import LETTERS
from tests.unit.management.route_rows import ROUTES
from tests.unit.management.row import CONTENT, NOT_FOUND, PARAMETER, Row
from tests.unit.management.source_rows import SOURCES, add_sources
from tests.unit.management.token_rows import EVERYWHERE, TOKENS

HOOK = "{webhook}/webhook01"
OTHER = "00000000-0000-0000-0000-000000000000"
DEEP = b'{"location":"westus","properties":' + b'{"a":' * 5000 + b"1" + b"}" * 5001


def put(name: str, target: str, **properties: object) -> Row:
    """A PUT that is good but for these properties."""
    return Row(name, "PUT", HOOK, 400, CONTENT, target, webhook_body(**properties))


def bad_body(name: str, target: str | None, body: object, *, code: str = CONTENT) -> Row:
    """A PUT of a webhook with this body."""
    return Row(name, "PUT", HOOK, 400, code, target, body)


def patch(name: str, target: str, body: object) -> Row:
    return Row(name, "PATCH", HOOK, 400, CONTENT, target, body)


def portcall(name: str, target: str, **extras: object) -> Row:
    return put(name, f"properties.portcall.{target}", portcall=extras)


def secret(size: int) -> str:
    return "whsec_" + base64.b64encode(bytes(size)).decode()


def registry(name: str, target: str | None, body: object, *, code: str = CONTENT) -> Row:
    return Row(name, "PUT", "{registry}", 400, code, target, body)


def imported(name: str, target: str, *items: object) -> Row:
    body = {"value": [{"name": "webhook90"} | webhook_body(), *items]}
    return Row(name, "POST", "{registry}/importWebhooks", 400, CONTENT, target, body)


def without(key: str) -> dict[str, Json]:
    return {name: value for name, value in webhook_body().items() if name != key}


URI = "properties.serviceUri"
HEADERS = "properties.customHeaders"

OWN = [
    # who calls
    Row("no token", "GET", HOOK, 401, "AuthenticationFailed", token=None),
    Row("wrong token", "GET", HOOK, 401, "InvalidAuthenticationToken", token="wrong"),  # noqa: S106
    Row("token of other letters", "GET", HOOK, 401, "InvalidAuthenticationToken", token="tökén"),  # noqa: S106
    Row("basic auth", "GET", HOOK, 401, "InvalidAuthenticationToken", headers={"Authorization": "Basic YTpi"}),
    Row("bearer of nothing", "GET", HOOK, 401, "InvalidAuthenticationToken", headers={"Authorization": "Bearer "}),
    Row("unknown path without a token", "GET", "/x", 401, "AuthenticationFailed", token=None),
    Row("line break in a path without a token", "GET", "/a%0Ab", 401, "AuthenticationFailed", token=None),
    Row("export by a guest", "GET", "{registry}/webhooks", 403, "AuthorizationFailed", query=f"{VERSION}&$expand=callbackConfig", token=GUEST_TOKEN),
    # api-version
    Row("no api-version", "GET", HOOK, 400, "MissingApiVersionParameter", "api-version", query=""),
    Row("empty api-version", "GET", HOOK, 400, "MissingApiVersionParameter", "api-version", query="api-version="),
    Row("undated api-version", "GET", HOOK, 400, "InvalidApiVersionParameter", "api-version", query="api-version=1.0"),
    Row("api-version of no day", "GET", HOOK, 400, "InvalidApiVersionParameter", "api-version", query="api-version=2025-02-31"),
    Row("api-version with a tail", "GET", HOOK, 400, "InvalidApiVersionParameter", "api-version", query="api-version=2025-11-01-beta"),
    Row("api-version in other digits", "GET", HOOK, 400, "InvalidApiVersionParameter", "api-version", query="api-version=%D9%A2025-11-01"),
    # paths
    Row("unknown path", "GET", "/nowhere", 404, "NotFound"),
    Row("root", "GET", "/", 404, "NotFound"),
    Row("other provider", "GET", "{group}/providers/Microsoft.Storage/registries/Alpha", 404, "NotFound"),
    Row("empty name", "GET", "{group}/providers/Microsoft.ContainerRegistry/registries//webhooks/webhook01", 404, "NotFound"),
    Row("action that is none", "POST", f"{HOOK}/explode", 404, "NotFound"),
    Row("wrong method", "POST", HOOK, 405, "MethodNotAllowed", says="'POST'"),
    Row("made-up method", "BREW", HOOK, 405, "MethodNotAllowed", says="'BREW'"),
    Row("head", "HEAD", HOOK, 405, "MethodNotAllowed"),
    Row("get a ping", "GET", f"{HOOK}/ping", 405, "MethodNotAllowed"),
    Row("delete the registries", "DELETE", "{group}/providers/Microsoft.ContainerRegistry/registries", 405, "MethodNotAllowed"),
    Row("unknown subscription", "GET", f"/subscriptions/{OTHER}", 404, "SubscriptionNotFound", says=OTHER),
    Row("unknown subscription of a webhook", "GET", f"/subscriptions/{OTHER}/resourceGroups/portcall/providers/Microsoft.ContainerRegistry/registries/Alpha/webhooks/webhook01", 404, "SubscriptionNotFound", says=OTHER),
    Row("unknown group", "GET", "{subscription}/resourceGroups/other/providers/Microsoft.ContainerRegistry/registries/Alpha", 404, "ResourceGroupNotFound", says="'other'"),
    Row("unknown registry", "GET", "{registries}/Missing", 404, NOT_FOUND, says="registries/Missing'"),
    Row("unknown webhook", "GET", "{webhook}/missing1", 404, NOT_FOUND, says="registries/Alpha/webhooks/missing1'"),
    Row("registry of no name", "GET", "{registries}/a%00b", 404, NOT_FOUND),
    Row("webhook of no name", "GET", "{webhook}/%2e%2e%2fx", 404, NOT_FOUND),
    Row("webhook of broken bytes", "GET", "{webhook}/%ff%fe", 404, NOT_FOUND),
    Row("webhook of an unknown registry", "PUT", "{registries}/Missing/webhooks/webhook01", 404, NOT_FOUND, body=webhook_body(), says="registries/Missing'"),
    Row("patch of an unknown webhook", "PATCH", "{webhook}/missing1", 404, NOT_FOUND, body={"tags": {}}, says="missing1"),
    Row("patch of an unknown registry", "PATCH", "{registries}/Missing", 404, NOT_FOUND, body={"tags": {}}, says="Missing"),
    Row("deletion in an unknown registry", "DELETE", "{registries}/Missing/webhooks/webhook01", 404, NOT_FOUND, says="Missing"),
    Row("ping of an unknown webhook", "POST", "{webhook}/missing1/ping", 404, NOT_FOUND, says="missing1"),
    Row("config of an unknown webhook", "POST", "{webhook}/missing1/getCallbackConfig", 404, NOT_FOUND, says="missing1"),
    Row("events of an unknown webhook", "POST", "{webhook}/missing1/listEvents", 404, NOT_FOUND, says="missing1"),
    Row("follow an unknown webhook", "GET", "{webhook}/missing1/followEvents", 404, NOT_FOUND, says="missing1"),
    Row("import into an unknown registry", "POST", "{registries}/Missing/importWebhooks", 404, NOT_FOUND, body={"value": [{"name": "webhook90"} | webhook_body()]}, says="Missing"),
    Row("webhook name too short", "PUT", "{webhook}/abcd", 400, PARAMETER, "name", webhook_body()),
    Row("webhook name too long", "PUT", "{webhook}/" + "a" * 51, 400, PARAMETER, "name", webhook_body()),
    Row("webhook name with a dash", "PUT", "{webhook}/web-hook", 400, PARAMETER, "name", webhook_body()),
    Row("webhook name of other letters", "PUT", "{webhook}/w%C3%A9bhook", 400, PARAMETER, "name", webhook_body()),
    Row("registry name with a dot", "PUT", "{registries}/a.azurecr.io", 400, PARAMETER, "name", {"location": "x"}),
    # queries
    Row("top of zero", "GET", "{registry}/webhooks", 400, PARAMETER, "$top", query=f"{VERSION}&$top=0"),
    Row("top of a word", "GET", "{registry}/webhooks", 400, PARAMETER, "$top", query=f"{VERSION}&$top=all"),
    Row("top of too many", "POST", f"{HOOK}/listEvents", 400, PARAMETER, "$top", query=f"{VERSION}&$top=501"),
    Row("top of many digits", "GET", "{registry}/webhooks", 400, PARAMETER, "$top", query=f"{VERSION}&$top={'9' * 5000}"),
    Row("token of nonsense", "GET", "{registry}/webhooks", 400, PARAMETER, "$skipToken", query=f"{VERSION}&$skipToken=nonsense"),
    Row("token of no base64", "GET", f"{HOOK}/listEvents", 400, PARAMETER, "$skipToken", query=f"{VERSION}&$skipToken=%00%ff!"),
    Row("token of another list", "GET", f"{HOOK}/listEvents", 400, PARAMETER, "$skipToken", query=f"{VERSION}&$skipToken={base64.urlsafe_b64encode(b'webhooks:abc').decode()}"),
    Row("token of no number", "GET", f"{HOOK}/listEvents", 400, PARAMETER, "$skipToken", query=f"{VERSION}&$skipToken={base64.urlsafe_b64encode(b'events:-7').decode()}"),
    Row("empty token", "GET", "{registry}/webhooks", 400, PARAMETER, "$skipToken", query=f"{VERSION}&$skipToken="),
    Row("unknown expand", "GET", "{registry}/webhooks", 400, PARAMETER, "$expand", query=f"{VERSION}&$expand=secrets"),
    Row("filter of another grammar", "GET", "{subscription}/resources", 400, "InvalidFilterInQueryString", "$filter", query=f"{VERSION}&$filter=substringof('a',name)"),
    # bodies
    bad_body("no body", "body", None),
    bad_body("no json", "body", b"location=westus"),
    bad_body("broken json", "body", b'{"location":"westus",'),
    bad_body("broken utf-8", "body", b'{"location":"\xff\xfe"}'),
    bad_body("byte order mark", "body", b"\xef\xbb\xbf{}"),
    bad_body("list", "body", []),
    bad_body("text", "body", "westus"),
    bad_body("null", "body", b"null"),
    bad_body("too deep", "body", DEEP),
    bad_body("huge number", "body", b'{"location":' + b"9" * 10_000 + b"}"),
    bad_body("lone surrogate", "body", b'{"location":"\\ud800"}'),
    bad_body("nothing in it", "location", {}, code="LocationRequired"),
    bad_body("no location", "location", without("location"), code="LocationRequired"),
    bad_body("empty location", "location", webhook_body() | {"location": " "}, code="LocationRequired"),
    bad_body("location of a number", "location", webhook_body() | {"location": 5}),
    bad_body("location of signs", "location", webhook_body() | {"location": "west/us"}),
    bad_body("location with NUL", "location", webhook_body() | {"location": "west\0us"}),
    bad_body("no properties", "properties", without("properties")),
    bad_body("properties of a list", "properties", without("properties") | {"properties": []}),
    bad_body("unknown field", "colour", webhook_body() | {"colour": "red"}),
    bad_body("tags of a list", "tags", webhook_body() | {"tags": ["a"]}),
    bad_body("tag of a number", "tags.a", webhook_body() | {"tags": {"a": 1}}),
    bad_body("tag of null", "tags.a", webhook_body() | {"tags": {"a": None}}),
    bad_body("tag with NUL", "tags.a", webhook_body() | {"tags": {"a": "x\0y"}}),
    bad_body("tag's name with NUL", "tags.a\0b", webhook_body() | {"tags": {"a\0b": "x"}}, code="InvalidTagNameCharacters"),
    bad_body("tag without a name", "tags.", webhook_body() | {"tags": {"": "x"}}, code="InvalidTagName"),
    bad_body("tag too long", "tags.a", webhook_body() | {"tags": {"a": "x" * 257}}, code="InvalidTagValueLength"),
    bad_body("too many tags", "tags", webhook_body() | {"tags": {f"t{i}": "" for i in range(51)}}, code="InvalidTags"),
    Row("form", "PUT", HOOK, 415, "UnsupportedMediaType", "Content-Type", webhook_body(), content_type="application/x-www-form-urlencoded"),
    Row("no content type", "PUT", HOOK, 415, "UnsupportedMediaType", "Content-Type", webhook_body(), content_type=None),
    Row("content type of nonsense", "PUT", HOOK, 415, "UnsupportedMediaType", "Content-Type", webhook_body(), content_type="json"),
    Row("too large", "PUT", HOOK, 413, "RequestEntityTooLarge", "body", b" " * (1024 * 1024 + 1)),
    Row("said to be too large", "PUT", HOOK, 413, "RequestEntityTooLarge", "body", webhook_body(), headers={"Content-Length": "99999999999999999999"}),
    # the fields of a webhook
    bad_body("no uri", URI, {"location": "westus", "properties": {"actions": ["push"]}}),
    put("empty uri", URI, serviceUri=""),
    put("uri of a number", URI, serviceUri=5),
    put("uri of null", URI, serviceUri=None),
    put("uri of another scheme", URI, serviceUri="ftp://example.com/"),
    put("uri without a scheme", URI, serviceUri="example.com/hook"),
    put("uri without a host", URI, serviceUri="http:///hook"),
    put("uri with a blank", URI, serviceUri="http://example.com/a b"),
    put("uri with a line break", URI, serviceUri="http://example.com/\r\nX: y"),
    put("uri with NUL", URI, serviceUri="http://example.com/\0"),
    put("uri with a fragment", URI, serviceUri="http://example.com/#x"),
    put("uri with port 0", URI, serviceUri="http://example.com:0/"),
    put("uri with a port too high", URI, serviceUri="http://example.com:70000/"),
    put("uri too long", URI, serviceUri="http://example.com/" + "a" * 2048),
    bad_body("no actions", "properties.actions", {"location": "westus", "properties": {"serviceUri": "http://example.com"}}),
    put("actions of nothing", "properties.actions", actions=[]),
    put("actions of a word", "properties.actions", actions="push"),
    put("unknown action", "properties.actions[1]", actions=["push", "pull"]),
    put("action of a number", "properties.actions[0]", actions=[1]),
    put("unknown status", "properties.status", status="paused"),
    put("status of a number", "properties.status", status=True),
    put("scope in capitals", "properties.scope", scope="Team/App:v1"),
    put("scope with a wildcard inside", "properties.scope", scope="team/*"),
    put("scope of braces", "properties.scope", scope="{x}"),
    put("scope with an empty tag", "properties.scope", scope="team/app:"),
    put("scope of a number", "properties.scope", scope=1),
    put("headers of a list", HEADERS, customHeaders=["a: b"]),
    put("header of a number", f"{HEADERS}.a", customHeaders={"a": 1}),
    put("header of a bad name", f"{HEADERS}.a b", customHeaders={"a b": "c"}),
    put("header of HTTP's own", f"{HEADERS}.Host", customHeaders={"Host": "c"}),
    put("header of Portcall's own", f"{HEADERS}.Webhook-Id", customHeaders={"Webhook-Id": "c"}),
    put("header with a line break", f"{HEADERS}.a", customHeaders={"a": "b\r\nc: d"}),
    put("header with NUL", f"{HEADERS}.a", customHeaders={"a": "\0"}),
    put("header twice", f"{HEADERS}.A", customHeaders={"a": "1", "A": "2"}),
    put("header too long", f"{HEADERS}.a", customHeaders={"a": "b" * 4097}),
    put("too many headers", HEADERS, customHeaders={f"h{i}": "" for i in range(51)}),
    put("unknown property", "properties.rateLimit", rateLimit=5),
    # Portcall's own fields
    portcall("final answers of a number", "finalAnswers", finalAnswers=400),
    portcall("final answers of an object", "finalAnswers", finalAnswers={"status": 400}),
    portcall("a final answer of 2xx", "finalAnswers[1]", finalAnswers=[400, 204]),
    portcall("a final answer of 410", "finalAnswers[0]", finalAnswers=[410]),
    portcall("a final answer of 429", "finalAnswers", finalAnswers="429"),
    portcall("a final answer of 503", "finalAnswers[0]", finalAnswers=[503]),
    portcall("a final answer of a truth", "finalAnswers[0]", finalAnswers=[True]),
    portcall("a final answer of a word", "finalAnswers", finalAnswers="400,no"),
    portcall("a final answer far too large", "finalAnswers[0]", finalAnswers=[10**30]),
    portcall("too many final answers", "finalAnswers", finalAnswers=[400] * 101),
    portcall("rate limit of a word", "rateLimit", rateLimit="5/s"),
    portcall("rate limit of a truth", "rateLimit", rateLimit=True),
    portcall("rate limit of an object", "rateLimit", rateLimit={"perSecond": 5}),
    portcall("rate limit below zero", "rateLimit", rateLimit=-1),
    portcall("rate limit too small", "rateLimit", rateLimit=0.09),
    portcall("rate limit too large", "rateLimit", rateLimit=100_001),
    portcall("rate limit without end", "rateLimit", rateLimit=float("inf")),
    portcall("rate limit that is no number", "rateLimit", rateLimit=float("nan")),
    portcall("scopes of a word", "scopes", scopes="team/*"),
    portcall("scopes of an object", "scopes", scopes={"a": 1}),
    portcall("scopes with a number", "scopes[1]", scopes=["team/*", 5]),
    portcall("scopes with null", "scopes[0]", scopes=[None]),
    portcall("scopes with an empty pattern", "scopes[0]", scopes=[""]),
    portcall("scopes with a bad pattern", "scopes[1]", scopes=["a/*", "team**"]),
    portcall("scopes with the last character of Unicode", "scopes[0]", scopes=["a\U0010ffff"]),
    portcall("scopes with a long pattern", "scopes[0]", scopes=["a" * 642]),
    portcall("scopes with many wildcards", "scopes[0]", scopes=["?" * 9]),
    portcall("too many scopes", "scopes", scopes=["a"] * 51),
    put("portcall of a word", "properties.portcall", portcall="x"),
    portcall("secret without its prefix", "secret", secret=secret(32)[6:]),
    portcall("secret of no base64", "secret", secret="whsec_****"),  # noqa: S106
    portcall("secret of other letters", "secret", secret="whsec_é"),  # noqa: S106
    portcall("secret too short", "secret", secret=secret(23)),
    portcall("secret too long", "secret", secret=secret(65)),
    portcall("secret of a number", "secret", secret=7),
    portcall("schedule of a number", "retrySchedule", retrySchedule=5),
    portcall("schedule of numbers", "retrySchedule[1]", retrySchedule=["1s", 5]),
    portcall("schedule of words", "retrySchedule[1]", retrySchedule="1s,soon"),
    portcall("schedule entry too short", "retrySchedule[0]", retrySchedule=["1ms"]),
    portcall("schedule entry too long", "retrySchedule[0]", retrySchedule=["25h"]),
    portcall("schedule too long", "retrySchedule", retrySchedule=["1s"] * 51),
    # patches
    patch("patch of a list", "body", []),
    patch("patch to no action", "properties.actions", {"properties": {"actions": []}}),
    patch("patch to no uri", URI, {"properties": {"serviceUri": ""}}),
    patch("patch of an unknown field", "properties.uri", {"properties": {"uri": "http://x.io"}}),
    Row("patch moves", "PATCH", HOOK, 409, "InvalidResourceLocation", "location", {"location": "eastus"}),
    # what is there already
    Row("put moves", "PUT", HOOK, 409, "InvalidResourceLocation", "location", webhook_body() | {"location": "East US"}, says="'westus'"),
    Row("no replica", "PUT", "{webhook}/webhook02", 404, "RegistryResourceNotFound", "location", webhook_body() | {"location": "eastus"}, says="Alpha"),
    Row("quota", "PUT", "{registries}/Basic/webhooks/webhook03", 403, "QuotaExceeded", None, webhook_body(), says="Quota exceeded for resource type webhooks for the registry SKU Basic. Learn more about"),
    Row("ping of a disabled webhook", "POST", "{webhook}/disabled1/ping", 409, "WebhookDisabled", "properties.status", says="enable it first"),
    # registries
    registry("registry without a location", "location", {"sku": {"name": "Basic"}}, code="LocationRequired"),
    registry("registry of an unknown SKU", "sku.name", {"location": "westus", "sku": {"name": "Classic"}}),
    registry("SKU of a word", "sku", {"location": "westus", "sku": "Basic"}),
    registry("SKU without a name", "sku.name", {"location": "westus", "sku": {}}),
    registry("registry of an unknown field", "colour", {"location": "westus", "colour": 1}),
    registry("registry's properties of a list", "properties", {"location": "westus", "properties": []}),
    Row("registry moves", "PUT", "{registry}", 409, "InvalidResourceLocation", "location", {"location": "eastus"}),
    Row("registry patched away", "PATCH", "{registry}", 409, "InvalidResourceLocation", "location", {"location": "eastus"}),
    Row("SKU too small", "PATCH", "{registries}/Three", 403, "QuotaExceeded", "sku.name", {"sku": {"name": "Basic"}}),
    Row("name check without a name", "POST", "{subscription}/providers/Microsoft.ContainerRegistry/checkNameAvailability", 400, CONTENT, "name", {"type": "x"}),
    Row("name check of another type", "POST", "{subscription}/providers/Microsoft.ContainerRegistry/checkNameAvailability", 400, "InvalidResourceType", "type", {"name": "abcde", "type": "Microsoft.Storage/accounts"}),
    # many at once
    Row("import of nothing", "POST", "{registry}/importWebhooks", 400, CONTENT, "value", {"value": []}),
    Row("import of no list", "POST", "{registry}/importWebhooks", 400, CONTENT, "value", {"value": {}}),
    Row("import of too many", "POST", "{registry}/importWebhooks", 400, CONTENT, "value", {"value": [{"name": f"webhook{i}"} | webhook_body() for i in range(1001)]}),
    imported("import of a bad name", "value[1].name", {"name": "x"} | webhook_body()),
    imported("import without a name", "value[1].name", webhook_body()),
    imported("import of a bad action", "value[1].properties.actions[0]", {"name": "webhook91"} | webhook_body(actions=["pull"])),
    imported("import of a bad header", "value[1].properties.customHeaders.Host", {"name": "webhook91"} | webhook_body(customHeaders={"Host": ""})),
    imported("import of a number", "value[1]", 5),
    imported("import of a name twice", "value[1].name", {"name": "WEBHOOK90"} | webhook_body()),
    Row("import elsewhere", "POST", "{registry}/importWebhooks", 404, "RegistryResourceNotFound", "value[0].location", {"value": [{"name": "webhook90"} | webhook_body() | {"location": "eastus"}]}),
    Row("import that moves", "POST", "{registry}/importWebhooks", 409, "InvalidResourceLocation", "value[0].location", {"value": [{"name": "webhook01"} | webhook_body() | {"location": "eastus"}]}),
    Row("import over the quota", "POST", "{registries}/Basic/importWebhooks", 403, "QuotaExceeded", None, {"value": [{"name": f"webhook9{i}"} | webhook_body() for i in range(3)]}),
]  # fmt: skip
ROWS = [*OWN, *ROUTES, *SOURCES, *LETTERS, *TOKENS, *EVERYWHERE]


@pytest.fixture(scope="module")
def store(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for the whole table: no row may change it."""
    path = tmp_path_factory.mktemp("refusals") / "portcall.db"
    path.write_bytes(migrated.read_bytes())
    store = open_store(f"sqlite:///{path}", keys.vault())
    yield store
    store.close()


@pytest.fixture(scope="module")
def api(store: Store) -> ManagementApi:
    api = ManagementApi(store)
    add_registry(store, "Basic", Sku.BASIC)
    add_registry(store, "Three", Sku.STANDARD)
    for name in ("webhook01", "webhook02", "webhook03"):
        add_webhook(store, "Three", name)
    for name in ("webhook01", "webhook02"):
        add_webhook(store, "Basic", name)
    add_webhook(store, "Alpha", "webhook01")
    disabled = add_webhook(store, "Alpha", "disabled1")
    store.webhooks.disable(disabled, "410 Gone", 0)
    add_sources(store)
    return api


def add_registry(store: Store, name: str, sku: Sku) -> None:
    store.registries.put(name, location="westus", sku=sku, tags={}, resource_group="portcall")


def add_webhook(store: Store, registry: str, name: str) -> int:
    uri = "http://example.com/"
    row, _ = store.webhooks.put(
        registry, name, location="westus", tags={}, uri=uri, headers={}, actions=1
    )
    return row.id


def test_the_table_is_long_enough_and_its_rows_have_names_of_their_own() -> None:
    assert len(ROWS) >= 150
    assert len({row.id for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
async def test_refusal(api: ManagementApi, row: Row) -> None:
    path = filled(row.path, api)
    revision, tokens = api.store.webhooks.revision(), api.store.principals.list()
    answer = await api.request(
        row.method,
        path,
        row.body,
        query=row.query,
        token=row.token,
        content_type=row.content_type,
        headers=row.headers,
    )
    assert (answer.status, answer.error["code"]) == (row.status, row.code), answer.text
    assert answer.error.get("target") == row.target, answer.text
    assert set(answer.error) <= {"code", "message", "target", "details"}
    assert row.says in answer.error["message"]
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert "Retry-After" not in answer.headers
    assert len(answer.text) < 20_000
    if row.status == 400 and row.target:
        assert row.target in answer.error["message"]
    if row.status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    if row.status == 405:
        assert row.method not in answer.headers["Allow"].split(", ")
    assert api.store.webhooks.revision() == revision
    assert api.store.principals.list() == tokens
    assert not api.publisher.published and not api.publisher.announced


def filled(path: str, api: ManagementApi) -> str:
    """A row's path in this installation."""
    return (
        path.replace("{registries}", api.registry("").removesuffix("/"))
        .replace("{registry}", api.registry())
        .replace("{webhook}", api.webhook("").removesuffix("/"))
        .replace("{group}", api.group)
        .replace("{subscription}", api.subscription)
    )


_KINDS = ("registry", "webhook", "replay", "source", "client")


def test_every_operation_has_bad_input_of_its_own(api: ManagementApi) -> None:
    """A new route that takes a body, or names something, needs rows: in `OWN`, `ROUTES`, `SOURCES`, `LETTERS` or `TOKENS`."""
    refused: dict[tuple[str, str], set[int]] = {}
    for row in (*OWN, *ROUTES, *SOURCES, *LETTERS, *TOKENS):
        with suppress(ArmError):
            route, _ = api.routes.find(row.method, filled(row.path, api))
            refused.setdefault((route.method, route.path), set()).add(row.status)
    missing = []
    for _, operation in rows():
        seen = refused.get((operation.method, operation.path), set())
        if operation.open or operation.method == "HEAD":
            continue
        if operation.body is not None and 400 not in seen:
            missing.append(f"{operation.id}: a bad body")
        if set(operation.query) - {"top", "skipToken"} and 400 not in seen:
            missing.append(f"{operation.id}: a bad parameter")
        named = operation.path.rpartition("{")[2].partition("}")[0]
        makes = operation.method in ("PUT", "DELETE") and operation.path.endswith(f"{{{named}}}")
        if named in _KINDS and not makes and 404 not in seen:
            missing.append(f"{operation.id}: a {named} that is not there")
    assert missing == [], "\n".join(missing)


def test_every_operation_is_refused_to_strangers_and_without_a_version() -> None:
    told = {row.id.partition(":")[0] for row in EVERYWHERE}
    assert told == {each.id for _, each in rows() if not each.open and each.method != "HEAD"}


async def test_every_fault_of_a_body_is_told(api: ManagementApi) -> None:
    body = {"location": "", "properties": {"serviceUri": "x", "actions": ["pull"], "colour": 1}}
    answer = await api.request("PUT", api.webhook("webhook01"), body)
    assert [detail["target"] for detail in answer.error["details"]] == [
        "location",
        "properties.serviceUri",
        "properties.actions[0]",
        "properties.colour",
    ]
    assert answer.error["target"] == "location"


async def test_a_body_of_a_thousand_faults_is_answered_briefly(api: ManagementApi) -> None:
    answer = await api.request("POST", f"{api.registry()}/importWebhooks", {"value": [{}] * 1000})
    assert len(answer.error["details"]) == 20
    assert answer.error["message"].endswith("and 1980 more")


async def test_a_secret_that_is_refused_is_not_repeated(api: ManagementApi) -> None:
    body = webhook_body(portcall={"secret": "my-own-password"})
    answer = await api.request("PUT", api.webhook("webhook01"), body)
    assert answer.status == 400 and "my-own-password" not in answer.text
