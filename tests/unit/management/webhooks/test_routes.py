"""Webhooks: what is answered, what is kept, what is announced."""

import base64
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest

from portcall.runtime.targets.objection import Targets
from portcall.schemas.durations import parse_schedule_ms
from tests.unit.management.api import GUEST_TOKEN, VERSION, Json, ManagementApi, webhook_body

SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()
WEBHOOK = "/providers/Microsoft.ContainerRegistry/registries/Alpha/webhooks/webhook01"


async def test_a_webhook_is_answered_as_recorded_and_tells_no_uri(api: ManagementApi) -> None:
    answer = await api.put_webhook("Webhook01")
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    body = answer.json
    extras = body["properties"].pop("portcall")
    assert body == {
        "type": "Microsoft.ContainerRegistry/registries/webhooks",
        "id": f"{api.registry()}/webhooks/Webhook01",
        "name": "Webhook01",
        "location": "westus",
        "tags": {},
        "properties": {
            "status": "enabled",
            "scope": "",
            "actions": ["push"],
            "provisioningState": "Succeeded",
        },
    }
    assert list(body) == ["type", "id", "name", "location", "tags", "properties"]
    assert set(extras) == {"id", "hasSecret", "signature", "createdAt", "counters", "defaults"}
    assert extras["id"].isdecimal() and extras["hasSecret"] is False


@dataclass
class Good:
    """A body that is good, and what the answer says that is not the default."""

    id: str
    sent: dict[str, Json]
    tags: dict[str, str] = field(default_factory=dict)
    shown: dict[str, Json] = field(default_factory=dict)


def properties(name: str, sent: dict[str, Json], **shown: Json) -> Good:
    return Good(name, webhook_body(**sent), shown=shown)


GOOD = [
    Good("as az sends it", {"location": "westus", "properties": {"serviceUri": "http://example.com", "status": "enabled", "actions": ["delete"]}}, shown={"actions": ["delete"]}),
    Good("location as people write it", webhook_body() | {"location": "West US"}),
    Good("tags", webhook_body() | {"tags": {"team": "a b", "größe": ""}}, tags={"team": "a b", "größe": ""}),
    Good("null tags", webhook_body() | {"tags": None}),
    Good("sent back as it came", webhook_body(provisioningState="Succeeded", portcall={"id": "1", "hasSecret": False, "createdAt": "x"}) | {"id": "x", "name": "x", "type": "x", "systemData": None}),
    properties("every action", {"actions": ["push", "delete", "quarantine", "chart_push", "chart_delete", "untag"]}, actions=["push", "delete", "quarantine", "chart_push", "chart_delete", "untag"]),
    properties("actions in ACR's order", {"actions": ["delete", "push"]}, actions=["push", "delete"]),
    properties("an action twice", {"actions": ["push", "push"]}),
    properties("actions in capitals", {"actions": ["PUSH"]}),
    properties("disabled", {"status": "disabled"}, status="disabled"),
    properties("status in capitals", {"status": "Disabled"}, status="disabled"),
    properties("null status", {"status": None}),
    properties("scope of a repository's tag", {"scope": "team/app:v1"}, scope="team/app:v1"),
    properties("scope of a repository", {"scope": "team/app"}, scope="team/app"),
    properties("scope of all tags", {"scope": "team/app:*"}, scope="team/app:*"),
    properties("no scope", {"scope": ""}),
    properties("headers", {"customHeaders": {"Authorization": "Bearer x", "Content-Type": "text/json"}}),
    properties("header without a value", {"customHeaders": {"A": ""}}),
    properties("uri with credentials", {"serviceUri": "https://$site:secret@site.scm.azurewebsites.net/api/registry/webhook"}),
    properties("uri of an address", {"serviceUri": "http://[::1]:8080/x?y=z"}),
    properties("uri of other letters", {"serviceUri": "http://bücher.example/é"}),
]  # fmt: skip


@pytest.mark.parametrize("row", GOOD, ids=lambda row: row.id)
async def test_a_good_body_is_taken(api: ManagementApi, row: Good) -> None:
    defaults = {"status": "enabled", "scope": "", "actions": ["push"]}
    first = await api.request("PUT", api.webhook("webhook01"), row.sent)
    second = await api.request("PUT", api.webhook("webhook01"), row.sent)
    for answer in (first, second):
        assert answer.status == 200, answer.text
        assert answer.json["tags"] == row.tags and answer.json["location"] == "westus"
        shown = answer.json["properties"]
        assert {name: shown[name] for name in defaults} == defaults | row.shown
    assert (await api.request("GET", api.webhook("webhook01"))).json == second.json


@pytest.mark.parametrize(
    ("headers", "content_type"),
    [
        ({}, "application/json; charset=utf-8"),
        ({}, "Application/JSON"),
        ({}, "text/json"),
        ({}, "application/merge-patch+json"),
        ({"x-ms-client-request-id": "x", "CommandName": "acr webhook create"}, "application/json"),
        ({"Authorization": "bearer a-token-of-the-tests"}, "application/json"),
    ],
)
async def test_what_clients_send_besides_is_taken(
    api: ManagementApi, headers: dict[str, str], content_type: str
) -> None:
    answer = await api.request(
        "PUT", api.webhook("webhook01"), webhook_body(), headers=headers, content_type=content_type
    )
    assert answer.status == 200, answer.text


@pytest.mark.parametrize(
    "query", ["api-version=2017-10-01", "API-Version=2026-09-01-PREVIEW", f"{VERSION}&x=y"]
)
async def test_every_dated_api_version_is_served(api: ManagementApi, query: str) -> None:
    await api.put_webhook()
    assert (await api.request("GET", api.webhook("webhook01"), query=query)).status == 200


async def test_paths_and_names_have_no_case_and_are_shown_as_created(api: ManagementApi) -> None:
    await api.put_webhook("WebHook01")
    path = api.webhook("webhook01")
    for variant in (path.upper(), path.lower(), f"{path}/"):
        answer = await api.request("GET", variant)
        assert answer.status == 200 and answer.json["name"] == "WebHook01"
        assert "/resourceGroups/portcall/" in answer.json["id"]
        assert answer.json["id"].endswith(WEBHOOK.replace("webhook01", "WebHook01"))
    again = await api.request("PUT", api.webhook("WEBHOOK01"), webhook_body(status="disabled"))
    assert again.json["name"] == "WebHook01"
    assert api.store.webhooks.count("alpha") == 1


async def test_a_put_sets_back_what_it_leaves_out(api: ManagementApi) -> None:
    await api.request(
        "PUT",
        api.webhook("webhook01"),
        webhook_body(scope="a:b", status="disabled", customHeaders={"a": "b"})
        | {"tags": {"c": "d"}},
    )
    answer = await api.put_webhook("webhook01")
    assert answer.json["tags"] == {}
    assert (answer.json["properties"]["scope"], answer.json["properties"]["status"]) == (
        "",
        "enabled",
    )
    assert await callback(api) == {"serviceUri": "http://example.com/hook"}


async def test_a_put_keeps_the_fields_that_acrs_clients_cannot_send(api: ManagementApi) -> None:
    first = await api.put_webhook(portcall={"secret": SECRET, "retrySchedule": ["1s", "2s"]})
    await api.put_webhook()
    row = api.store.webhooks.get("alpha", "webhook01")
    assert row is not None and (row.secret, row.schedule_ms) == (SECRET, (1000, 2000))
    assert str(row.id) == first.json["properties"]["portcall"]["id"]
    await api.put_webhook(portcall={"retrySchedule": None})
    row = api.store.webhooks.get("alpha", "webhook01")
    assert row is not None and (row.secret, row.schedule_ms) == (SECRET, None)


async def callback(api: ManagementApi) -> Json:
    answer = await api.request("POST", f"{api.webhook('webhook01')}/getCallbackConfig")
    assert answer.status == 200
    return answer.json


# -- PATCH


PATCHES: list[tuple[str, dict[str, Json], dict[str, Json]]] = [
    ("nothing", {}, {}),
    ("bare tags", {"tags": {"x": "y"}}, {"tags": {"x": "y"}}),
    ("tags cleared", {"tags": {}}, {"tags": {}}),
    ("null tags", {"tags": None}, {}),
    ("scope", {"properties": {"scope": "x"}}, {"scope": "x"}),
    ("scope cleared", {"properties": {"scope": ""}}, {"scope": ""}),
    ("status", {"properties": {"status": "disabled"}}, {"status": "disabled"}),
    ("actions as a whole", {"properties": {"actions": ["delete"]}}, {"actions": ["delete"]}),
    ("uri", {"properties": {"serviceUri": "http://x.io"}}, {"serviceUri": "http://x.io"}),
    (
        "headers as a whole",
        {"properties": {"customHeaders": {"c": "d"}}},
        {"customHeaders": {"c": "d"}},
    ),
    ("headers cleared", {"properties": {"customHeaders": {}}}, {"customHeaders": None}),
    ("null properties", {"properties": None}, {}),
    ("null scope", {"properties": {"scope": None}}, {}),
    ("the same location", {"location": "West US"}, {}),
]


@pytest.mark.parametrize(("name", "body", "changed"), PATCHES, ids=[row[0] for row in PATCHES])
async def test_a_patch_changes_what_is_sent(
    api: ManagementApi, name: str, body: dict[str, Json], changed: dict[str, Json]
) -> None:
    await api.request(
        "PUT",
        api.webhook("webhook01"),
        webhook_body(scope="a:b", customHeaders={"a": "b"}, actions=["push", "delete"])
        | {"tags": {"t": "u"}},
    )
    announced = len(api.publisher.announced)
    answer = await api.request("PATCH", api.webhook("webhook01"), body)
    assert answer.status == 200, answer.text
    config = await callback(api)
    seen = answer.json["properties"] | {"tags": answer.json["tags"]}
    expected = {"scope": "a:b", "actions": ["push", "delete"], "status": "enabled"} | {
        "tags": {"t": "u"},
        "serviceUri": "http://example.com/hook",
        "customHeaders": {"a": "b"},
    }
    seen |= {"serviceUri": config["serviceUri"], "customHeaders": config.get("customHeaders")}
    assert {key: seen[key] for key in expected} == expected | changed
    assert len(api.publisher.announced) - announced == (1 if changed else 0)


async def test_a_webhook_that_portcall_disabled_says_why_until_its_owner_enables_it(
    api: ManagementApi,
) -> None:
    first = (await api.put_webhook()).json["properties"]["portcall"]
    api.store.webhooks.disable(
        int(first["id"]), "the endpoint answered 410 Gone", 1_700_000_000_000
    )
    shown = (await api.request("GET", api.webhook("webhook01"))).json["properties"]
    assert shown["status"] == "disabled"
    assert shown["portcall"]["statusReason"] == "the endpoint answered 410 Gone"
    assert shown["portcall"]["statusChangedAt"] == "2023-11-14T22:13:20.0000000Z"
    answer = await api.request(
        "PATCH", api.webhook("webhook01"), {"properties": {"status": "enabled"}}
    )
    assert answer.json["properties"]["status"] == "enabled"
    shown = set(answer.json["properties"]["portcall"])
    assert shown == {"id", "hasSecret", "signature", "createdAt", "counters", "defaults"}


# -- secrets and schedules


async def test_a_secret_is_told_by_the_answer_that_set_it_and_never_again(
    api: ManagementApi,
) -> None:
    answer = await api.put_webhook(portcall={"secret": SECRET})
    assert answer.json["properties"]["portcall"]["secret"] == SECRET
    for again in (
        await api.request("GET", api.webhook("webhook01")),
        await api.request("PATCH", api.webhook("webhook01"), {"tags": {"a": "b"}}),
        await api.put_webhook(),
        await api.request("GET", f"{api.registry()}/webhooks"),
        await api.request(
            "GET", f"{api.registry()}/webhooks", query=f"{VERSION}&$expand=callbackConfig"
        ),
        await api.request("POST", f"{api.webhook('webhook01')}/getCallbackConfig"),
    ):
        assert again.status == 200 and "whsec_" not in again.text
    row = api.store.webhooks.get("alpha", "webhook01")
    assert row is not None and row.secret == SECRET


async def test_a_secret_can_be_generated(api: ManagementApi) -> None:
    told = set()
    for _ in range(2):
        body = {"properties": {"portcall": {"secret": "generate"}}}
        await api.put_webhook()
        answer = await api.request("PATCH", api.webhook("webhook01"), body)
        secret = answer.json["properties"]["portcall"]["secret"]
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
        told.add(secret)
    assert len(told) == 2


@pytest.mark.parametrize("nothing", ["", None])
async def test_a_secret_can_be_removed(api: ManagementApi, nothing: str | None) -> None:
    await api.put_webhook(portcall={"secret": SECRET})
    body = {"properties": {"portcall": {"secret": nothing}}}
    answer = await api.request("PATCH", api.webhook("webhook01"), body)
    extras = answer.json["properties"]["portcall"]
    assert extras["hasSecret"] is False and "secret" not in extras


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (["1s", "90s", "1m"], ["1s", "90s", "1m"]),
        ("1s,2m", ["1s", "2m"]),
        ("60s", ["1m"]),
        ([], []),
        ("", []),
        (None, None),
    ],
    ids=str,
)
async def test_a_retry_schedule_is_a_list_or_a_text(
    api: ManagementApi, sent: Json, shown: list[str] | None
) -> None:
    answer = await api.put_webhook(portcall={"retrySchedule": sent})
    assert answer.json["properties"]["portcall"].get("retrySchedule") == shown
    row = api.store.webhooks.get("alpha", "webhook01")
    expected = None if shown is None else parse_schedule_ms(",".join(shown))
    assert row is not None and row.schedule_ms == expected


@pytest.mark.parametrize(
    ("sent", "shown"),
    [(50, 50), (0.1, 0.1), (2.5, 2.5), (100_000, 100_000), (50.0, 50), (0, None), (None, None)],
    ids=str,
)
async def test_a_rate_limit_is_a_number_and_null_or_0_takes_it_away(
    api: ManagementApi, sent: Json, shown: float | None
) -> None:
    await api.put_webhook(portcall={"rateLimit": 7})
    answer = await api.put_webhook(portcall={"rateLimit": sent})
    assert answer.json["properties"]["portcall"].get("rateLimit") == shown
    row = api.store.webhooks.get("alpha", "webhook01")
    assert row is not None and row.rate_limit == (shown or 0)
    kept = await api.put_webhook(portcall={"probe": True})
    assert kept.json["properties"]["portcall"].get("rateLimit") == shown
    body = {"properties": {"portcall": {"rateLimit": 0.5}}}
    patched = await api.request("PATCH", api.webhook("webhook01"), body)
    assert patched.json["properties"]["portcall"]["rateLimit"] == 0.5
    exported = await api.request(
        "GET", f"{api.registry()}/webhooks", query=f"{VERSION}&$expand=callbackConfig"
    )
    (item,) = exported.json["value"]
    again = {"value": [{"name": "webhook02", "properties": item["properties"]}]}
    assert (await api.request("POST", f"{api.registry()}/importWebhooks", again)).status == 200
    row = api.store.webhooks.get("alpha", "webhook02")
    assert row is not None and row.rate_limit == 0.5


async def test_scopes_are_a_list_and_null_or_an_empty_one_takes_them_away(
    api: ManagementApi,
) -> None:
    patterns = ["team/**:v[0-9]*", "!team/test/**"]
    made = await api.put_webhook(scope="team/app:*", portcall={"scopes": patterns})
    assert made.json["properties"]["portcall"]["scopes"] == patterns
    assert made.json["properties"]["scope"] == "team/app:*"  # ACR's stays as it was set
    row = api.store.webhooks.get("alpha", "webhook01")
    assert row is not None and row.scopes == tuple(patterns)
    kept = await api.put_webhook()  # as az sends it
    assert kept.json["properties"]["portcall"]["scopes"] == patterns
    exported = await api.request(
        "GET", f"{api.registry()}/webhooks", query=f"{VERSION}&$expand=callbackConfig"
    )
    (item,) = exported.json["value"]
    again = {"value": [{"name": "webhook02", "properties": item["properties"]}]}
    assert (await api.request("POST", f"{api.registry()}/importWebhooks", again)).status == 200
    row = api.store.webhooks.get("alpha", "webhook02")
    assert row is not None and row.scopes == tuple(patterns)
    nothings: tuple[Json, ...] = (None, [])
    for nothing in nothings:
        await api.put_webhook(portcall={"scopes": patterns})
        body = {"properties": {"portcall": {"scopes": nothing}}}
        patched = await api.request("PATCH", api.webhook("webhook01"), body)
        assert "scopes" not in patched.json["properties"]["portcall"]
        row = api.store.webhooks.get("alpha", "webhook01")
        assert row is not None and row.scopes is None


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("receiver-refuses", "receiver-refuses"),
        ([404, 400, "4XX"], [400, 404, "4xx"]),
        ("400, 404", [400, 404]),
        ("acr", None),
        ([], None),
        (None, None),
    ],
    ids=str,
)
async def test_final_answers_are_a_preset_or_a_list_and_acr_or_null_takes_them_away(
    api: ManagementApi, sent: Json, shown: Json
) -> None:
    await api.put_webhook(portcall={"finalAnswers": [418]})
    answer = await api.put_webhook(portcall={"finalAnswers": sent})
    assert answer.json["properties"]["portcall"].get("finalAnswers") == shown
    kept = await api.put_webhook(portcall={"probe": True})
    assert kept.json["properties"]["portcall"].get("finalAnswers") == shown
    body = {"properties": {"portcall": {"finalAnswers": [422, 500]}}}
    patched = await api.request("PATCH", api.webhook("webhook01"), body)
    assert patched.json["properties"]["portcall"]["finalAnswers"] == [422, 500]
    exported = await api.request(
        "GET", f"{api.registry()}/webhooks", query=f"{VERSION}&$expand=callbackConfig"
    )
    (item,) = exported.json["value"]
    again = {"value": [{"name": "webhook02", "properties": item["properties"]}]}
    assert (await api.request("POST", f"{api.registry()}/importWebhooks", again)).status == 200
    (row,) = api.store.webhooks.by_ids([_id_of(api, "webhook02")])
    assert row.final_answers == "422,500"


def _id_of(api: ManagementApi, name: str) -> int:
    row = api.store.webhooks.get("alpha", name)
    assert row is not None
    return row.id


async def test_a_webhook_shows_what_became_of_its_deliveries(api: ManagementApi) -> None:
    answer = await api.put_webhook()
    counters = {"delivered": 0, "failed": 0, "givenUp": 0, "cancelled": 0, "refused": 0}
    assert answer.json["properties"]["portcall"]["counters"] == counters


# -- getCallbackConfig, DELETE, the change feed


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({"serviceUri": "http://www.microsoft.com"}, {"serviceUri": "http://www.microsoft.com"}),
        (
            {"serviceUri": "https://u:p@example.com/x"},
            {"serviceUri": "https://u:p@example.com/x"},
        ),
        (
            {"customHeaders": {"key": "value"}},
            {"serviceUri": "http://example.com/hook", "customHeaders": {"key": "value"}},
        ),
    ],
    ids=["uri", "credentials", "headers"],
)
async def test_the_callback_configuration_shows_uri_and_headers(
    api: ManagementApi, sent: dict[str, Json], shown: dict[str, Json]
) -> None:
    await api.put_webhook(**sent)
    assert await callback(api) == shown


async def test_credentials_of_a_uri_are_kept_apart_from_it(api: ManagementApi) -> None:
    await api.put_webhook(serviceUri="https://u:p@example.com/x")
    row = api.store.webhooks.get("alpha", "webhook01")
    assert row is not None and row.uri == "https://example.com/x"
    assert row.authorization == "Basic " + base64.b64encode(b"u:p").decode()
    await api.request(
        "PATCH", api.webhook("webhook01"), {"properties": {"serviceUri": "https://x.io"}}
    )
    row = api.store.webhooks.get("alpha", "webhook01")
    assert row is not None and row.authorization == ""


async def test_a_deletion_is_200_and_then_204(api: ManagementApi) -> None:
    await api.put_webhook()
    first = await api.request("DELETE", api.webhook("WEBHOOK01"))
    second = await api.request("DELETE", api.webhook("webhook01"))
    assert (first.status, first.text, second.status, second.text) == (200, "", 204, "")
    assert (await api.request("GET", api.webhook("webhook01"))).status == 404
    assert (await api.request("DELETE", api.webhook("not a name"))).status == 204


async def test_every_change_is_announced_with_its_revision(api: ManagementApi) -> None:
    for method, body in (
        ("PUT", webhook_body()),
        ("PATCH", {"properties": {"scope": "x"}}),
        ("DELETE", None),
    ):
        await api.request(method, api.webhook("webhook01"), body)
        hint = {"v": 1, "revision": api.store.webhooks.revision()}
        assert api.publisher.announced[-1] == hint
    assert len(api.publisher.announced) == 3


# -- lists


async def test_a_list_is_paged_by_absolute_links(api: ManagementApi) -> None:
    names = [f"Webhook{i:02}" for i in range(5)]
    for name in reversed(names):
        await api.put_webhook(name)
    path, query, seen = f"{api.registry()}/webhooks", f"{VERSION}&$top=2", []
    for _ in range(3):
        answer = await api.request("GET", path, query=query)
        seen.append([item["name"] for item in answer.json["value"]])
        link = answer.json.get("nextLink")
        if link is None:
            break
        url = urlsplit(link)
        assert (url.scheme, url.netloc) == ("http", "management.test:8400")
        assert parse_qs(url.query)["$top"] == ["2"]
        assert parse_qs(url.query)["api-version"] == ["2025-11-01"]
        (token,) = parse_qs(url.query)["$skipToken"]
        assert token.replace("-", "").replace("_", "").isalnum()
        path, query = url.path, url.query
    assert seen == [names[:2], names[2:4], names[4:]]


async def test_a_page_that_holds_all_has_no_link(api: ManagementApi) -> None:
    await api.put_webhook("webhook01")
    await api.put_webhook("webhook02")
    answer = await api.request(
        "GET", f"{api.registry()}/webhooks", query="$TOP=2&api-version=2025-11-01"
    )
    assert len(answer.json["value"]) == 2 and set(answer.json) == {"value"}
    assert await empty_list(api) == {"value": []}


async def empty_list(api: ManagementApi) -> Json:
    await api.request("PUT", api.registry("Empty"), {"location": "westus"})
    return (await api.request("GET", f"{api.registry('Empty')}/webhooks")).json


async def test_a_host_header_of_nonsense_makes_no_link(api: ManagementApi) -> None:
    for name in ("webhook01", "webhook02"):
        await api.put_webhook(name)
    answer = await api.request(
        "GET",
        f"{api.registry()}/webhooks",
        query=f"{VERSION}&$top=1",
        headers={"Host": "a b<script>"},
    )
    assert (answer.status, answer.error["target"]) == (400, "Host")


async def test_an_export_shows_what_an_import_needs(api: ManagementApi) -> None:
    await api.put_webhook(serviceUri="http://u:p@x.io", customHeaders={"a": "b"})
    await api.put_webhook("webhook02")
    answer = await api.request(
        "GET", f"{api.registry()}/webhooks", query=f"{VERSION}&$expand=CallbackConfig"
    )
    first, second = (item["properties"] for item in answer.json["value"])
    assert (first["serviceUri"], first["customHeaders"]) == ("http://u:p@x.io", {"a": "b"})
    assert (second["serviceUri"], second["customHeaders"]) == ("http://example.com/hook", {})
    plain = await api.request("GET", f"{api.registry()}/webhooks", token=GUEST_TOKEN)
    assert "serviceUri" not in plain.text and "customHeaders" not in plain.text


async def test_what_was_exported_can_be_imported(api: ManagementApi) -> None:
    await api.put_webhook(scope="a:*", customHeaders={"a": "b"}, portcall={"retrySchedule": "3s"})
    exported = (
        await api.request(
            "GET", f"{api.registry()}/webhooks", query=f"{VERSION}&$expand=callbackConfig"
        )
    ).json
    await api.request("DELETE", api.webhook("webhook01"))
    answer = await api.request(
        "POST", f"{api.registry()}/importWebhooks", {"value": exported["value"]}
    )
    assert answer.json == {"created": 1, "replaced": 0}
    again = (
        await api.request(
            "GET", f"{api.registry()}/webhooks", query=f"{VERSION}&$expand=callbackConfig"
        )
    ).json
    assert [unstamped(item) for item in again["value"]] == [
        unstamped(item) for item in exported["value"]
    ]


def unstamped(item: dict[str, Json]) -> Json:
    copy = json.loads(json.dumps(item))
    for name in ("id", "createdAt"):
        del copy["properties"]["portcall"][name]
    return copy


async def test_a_webhook_that_no_request_can_reach_is_warned_of_when_it_is_set(
    api: ManagementApi,
) -> None:
    api.lookups.targets = Targets()
    answer = await api.put_webhook("hook01", serviceUri="http://10.0.0.1/hook")
    (warning,) = answer.json["properties"]["portcall"]["warnings"]
    assert "PORTCALL_ALLOW_TARGETS=10.0.0.1/32" in warning
    public = await api.put_webhook("hook01", serviceUri="https://ci.example.com/hook")
    assert "warnings" not in public.json["properties"]["portcall"]
