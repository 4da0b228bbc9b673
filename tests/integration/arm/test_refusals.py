"""Bad input: the status, ARM's code, the field that is named; and nothing that stays behind.

A row per rule; tests/unit/management/test_refusals.py goes through the finer cases.
"""

import pytest

from tests.integration.arm.shapes import HOOK
from tests.integration.arm.table import GUID, Arm, Json, Like, Row, error, ids

CONTENT = "InvalidRequestContent"
FRESH = "PUT {acr}/webhooks/Fresh1"
NAME = "may contain only letters and digits and is 5 to 50 of them long"
TAG = r"a tag's name has none of < > % & \ ? / and no control characters"
SCOPE = (
    "is not a repository name; write lower-case letters, digits and the separators . _ - in parts"
    " divided by /, as in team/app"
)
GONE = Row(
    "",
    "GET {acr}/webhooks/Fresh1",
    404,
    error(
        "ResourceNotFound",
        "The Resource 'Microsoft.ContainerRegistry/registries/Alpha/webhooks/Fresh1' under"
        " resource group 'portcall' was not found.",
    ),
)
SAME = Row("", "GET {hook}", 200, HOOK)


def body(**properties: Json) -> Json:
    wanted = {"serviceUri": "http://example.com", "actions": ["push"]}
    return {"location": "westus", "properties": wanted | properties}


def told(target: str, problem: str, code: str = CONTENT) -> Json:
    return error(code, f"{target}: {problem}", target)


def bad(name: str, target: str, problem: str, sent: Json, *, code: str = CONTENT) -> Row:
    """A PUT with this body, after which there is no webhook."""
    return Row(name, FRESH, 400, told(target, problem, code), sent, then=GONE)


def unread(name: str, sent: bytes | list[Json] | str | None, problem: str) -> Row:
    """A PUT whose body cannot be read at all."""
    shape = error(CONTENT, Like(rf"body: {problem}"), "body")
    return Row(name, FRESH, 400, shape, sent, then=GONE)


def prop(name: str, field: str, problem: str, value: Json) -> Row:
    """A PUT that is good but for one property."""
    return bad(
        name,
        f"properties.{field}",
        problem,
        body(**{field.partition(".")[0].partition("[")[0]: value}),
    )


def extra(name: str, field: str, problem: str, value: Json) -> Row:
    """The same with one of Portcall's own."""
    target = f"properties.portcall.{field}"
    sent = body(portcall={field.partition("[")[0]: value})
    return Row(name, FRESH, 400, told(target, problem), sent, then=GONE)


def tag(name: str, code: str, target: str, problem: str, tags: Json) -> Row:
    return bad(name, target, problem, body() | {"tags": tags}, code=code)


def patch(name: str, target: str, problem: str, sent: Json) -> Row:
    """A PATCH after which Hook01 is as it was."""
    return Row(name, "PATCH {hook}", 400, told(target, problem), sent, then=SAME)


def page(name: str, query: str, target: str, problem: str) -> Row:
    return Row(
        name, f"GET {{acr}}/webhooks?{query}", 400, told(target, problem, "InvalidParameter")
    )


def version(name: str, value: str) -> Row:
    message = f"The api-version '{value}' is invalid. Write YYYY-MM-DD or YYYY-MM-DD-preview."
    shape = error("InvalidApiVersionParameter", message, "api-version")
    return Row(name, "GET {hook}", 400, shape, version=value)


NO_TOKEN = error(
    "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
)
BAD_TOKEN = error("InvalidAuthenticationToken", Like("The access token is .*"))
NO_VERSION = error(
    "MissingApiVersionParameter",
    "The api-version query parameter (?api-version=) is required for all requests.",
    "api-version",
)

CALLERS = [
    Row("no token", "GET {hook}", 401, NO_TOKEN, token=""),
    Row("no token, on a path that is not there", "GET /nowhere", 401, NO_TOKEN, token=""),
    Row("another token", "GET {hook}", 401, BAD_TOKEN, token="another"),  # noqa: S106
    Row("a password", "GET {hook}", 401, BAD_TOKEN, headers={"Authorization": "Basic dTpw"}),
    Row("no api-version", "GET {hook}", 400, NO_VERSION, version=""),
    Row("an empty api-version", "GET {hook}?api-version=", 400, NO_VERSION, version=""),
    version("an api-version of words", "latest"),
    version("an api-version of no day", "2025-13-01"),
    version("an api-version with another tail", "2025-11-01-beta"),
    Row("a path that is not there", "GET /nowhere", 404, error("NotFound", "No resource has the path '/nowhere'.")),
    Row("an action that is not there", "POST {hook}/explode", 404, error("NotFound", "No resource has the path '{hook}/explode'.")),
    Row("a type that is not there", "GET {acr}/replications", 404, error("NotFound", "No resource has the path '{acr}/replications'.")),
    Row("a method that is not there", "POST {hook}", 405, error("MethodNotAllowed", "The requested resource does not support http method 'POST'.")),
    Row("a group cannot be made", "PUT {sub}/resourcegroups/portcall", 405, error("MethodNotAllowed", "The requested resource does not support http method 'PUT'."), {"location": "westus"}),
    page("a page of none", "$top=0", "$top", "must be a whole number from 1 to 1000"),
    page("a page of a word", "$top=all", "$top", "must be a whole number from 1 to 1000"),
    page("a token of nonsense", "$skipToken=nonsense", "$skipToken", "is not a token of this list"),
    page("an empty token", "$skipToken=", "$skipToken", "is not a token of this list"),
    page("an unknown expansion", "$expand=secrets", "$expand", "'secrets' is not known; allowed is callbackConfig"),
]  # fmt: skip

BODIES = [
    unread("no body", None, "is not JSON: .*"),
    unread("no JSON", b"location=westus", "is not JSON: .*"),
    unread("half of it", b'{"location":"westus",', "is not JSON: .*"),
    unread("a list", [], "must be an object"),
    unread("a text", "westus", "must be an object"),
    unread("broken letters", b'{"location":"\xff"}', "is not JSON: .*"),
    Row("a form", FRESH, 415, error("UnsupportedMediaType", "Content-Type: 'application/x-www-form-urlencoded' is not supported; send application/json", "Content-Type"), b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, then=GONE),
    Row("a megabyte", FRESH, 413, error("RequestEntityTooLarge", "body: is larger than 1048576 bytes", "body"), b" " * 1_048_577),
    Row("two faults", FRESH, 400, error(CONTENT, "properties.serviceUri: is required; properties.colour: is not a known property", "properties.serviceUri", details=[{"code": CONTENT, "target": "properties.serviceUri", "message": "is required"}, {"code": CONTENT, "target": "properties.colour", "message": "is not a known property"}]), {"location": "westus", "properties": {"actions": ["push"], "colour": 1}}, then=GONE),
    bad("an unknown field", "colour", "is not a known property", body() | {"colour": 1}),
    bad("no location", "location", "is required", {"properties": body()["properties"]}, code="LocationRequired"),
    bad("no properties", "properties", "is required", {"location": "westus"}),
    bad("properties of a list", "properties", "must be an object", {"location": "westus", "properties": []}),
    bad("a location of a number", "location", "must be a string", body() | {"location": 5}),
    tag("too many tags", "InvalidTags", "tags", "has 51 tags; at most 50 are allowed", {f"t{i}": "" for i in range(51)}),
    tag("a tag twice", "InvalidTags", "tags.TEAM", "occurs twice (tag names have no case)", {"team": "a", "TEAM": "b"}),
    tag("a tag's name too long", "InvalidTagName", "tags." + "n" * 64, "a tag's name is 1 to 512 characters, not only blanks", {"n" * 513: "x"}),
    tag("a tag's name of blanks", "InvalidTagName", "tags.  ", "a tag's name is 1 to 512 characters, not only blanks", {"  ": "x"}),
    tag("a tag's name of signs", "InvalidTagNameCharacters", "tags.a/b", TAG, {"a/b": "x"}),
    tag("a tag's value too long", "InvalidTagValueLength", "tags.a", "a tag's value is at most 256 characters long", {"a": "x" * 257}),
    tag("a tag of a number", CONTENT, "tags.a", "must be a string", {"a": 1}),
    tag("tags of a list", CONTENT, "tags", "must be an object", ["a"]),
]  # fmt: skip

FIELDS = [
    Row("a name too short", "PUT {acr}/webhooks/abcd", 400, error("InvalidParameter", f"name: 'abcd' {NAME}", "name"), body()),
    Row("a name too long", "PUT {acr}/webhooks/" + "a" * 51, 400, error("InvalidParameter", f"name: '{'a' * 51}' {NAME}", "name"), body()),
    Row("a name with a dash", "PUT {acr}/webhooks/web-hook", 400, error("InvalidParameter", f"name: 'web-hook' {NAME}", "name"), body()),
    prop("no service URI", "serviceUri", "is required", ""),
    prop("a service URI of another scheme", "serviceUri", "must begin with http:// or https://", "ftp://example.com/"),
    prop("a service URI with a blank", "serviceUri", "contains a space at character 21; write %20", "http://example.com/a b"),
    prop("a service URI without a host", "serviceUri", "names no host, as in https://example.com/hook", "http:///x"),
    prop("a service URI with a fragment", "serviceUri", "must have no fragment (#...): there is a # at character 20; write %23", "http://example.com/#x"),
    prop("a service URI too long", "serviceUri", "is longer than 2048 characters", "http://example.com/" + "a" * 2048),
    prop("no action", "actions", "at least one action is required", []),
    prop("an action that is none", "actions[1]", "'pull' is not an action; allowed are push, delete, quarantine, chart_push, chart_delete, untag", ["push", "pull"]),
    prop("actions of a word", "actions", "must be a list", "push"),
    prop("a status that is none", "status", "'paused' is not known; allowed are enabled, disabled", "paused"),
    prop("a scope in capitals", "scope", f"'Foo' {SCOPE}", "Foo:bar"),
    prop("a scope with a wildcard in the name", "scope", f"'team/*' {SCOPE}", "team/*"),
    prop("a scope without a tag", "scope", "'' is not a tag; write up to 128 letters, digits, _ . - (or * alone for every tag)", "foo:"),
    prop("a scope of a number", "scope", "must be a string", 5),
    prop("a header's name with a blank", "customHeaders.a b", "is not a header name", {"a b": "c"}),
    prop("a header with a line break", "customHeaders.a", "contains a line break or another control character", {"a": "b\r\nc: d"}),
    prop("a header of a number", "customHeaders.a", "must be a string", {"a": 1}),
    prop("a header that is HTTP's", "customHeaders.Content-Length", "is set by Portcall itself; choose another name", {"Content-Length": "1"}),
    prop("a header twice", "customHeaders.A", "occurs twice (header names have no case)", {"a": "1", "A": "2"}),
    prop("headers of a list", "customHeaders", "must be an object", ["a"]),
    prop("an unknown property", "colour", "is not a known property", "red"),
    extra("an unknown extra", "colour", "is not a known property", "red"),
    extra("a secret of no form", "secret", 'must be whsec_ and the base64 of 24 to 64 bytes, or "generate"', "password"),
    extra("a schedule of a word", "retrySchedule[0]", "'soon' is not a duration; write a number and ms, s, m, h or d", "soon"),
    prop("extras of a word", "portcall", "must be an object", "x"),
    patch("a PATCH of an empty list", "properties.actions", "at least one action is required", {"properties": {"actions": []}}),
    patch("a PATCH of a bad scope", "properties.scope", f"'A B' {SCOPE}", {"properties": {"scope": "A B"}, "tags": {}}),
    patch("a PATCH of a bad URI", "properties.serviceUri", "must begin with http:// or https://", {"properties": {"serviceUri": "example.com"}}),
    patch("a PATCH of an unknown field", "name2", "is not a known property", {"name2": "x", "tags": {}}),
    patch("a PATCH of a region that is none", "location", "'west/us' is not the name of a region, as in westus", {"location": "west/us"}),
]  # fmt: skip


@pytest.mark.parametrize("row", [*CALLERS, *BODIES, *FIELDS], ids=ids)
async def test_refusals(arm: Arm, row: Row) -> None:
    await arm.check(row)
    assert not arm.api.publisher.published and not arm.api.publisher.announced


async def test_a_refusal_has_the_ids_by_which_it_is_found_in_the_log(arm: Arm) -> None:
    sent = "11111111-2222-3333-4444-555555555555"
    headers = {
        "x-ms-correlation-request-id": sent,
        "x-ms-client-request-id": "az-1",
        "x-ms-return-client-request-id": "true",
    }
    reply = await arm.ask("GET /nowhere?api-version=2025-11-01", headers=headers)
    assert reply.headers["x-ms-correlation-request-id"] == sent
    assert reply.headers["x-ms-client-request-id"] == "az-1"
    assert reply.headers["x-ms-request-id"] == Like(GUID)
    assert reply.headers["x-ms-request-id"] != sent


@pytest.mark.parametrize(
    "headers",
    [
        {"x-ms-client-request-id": "az-1"},
        {"x-ms-client-request-id": "a b", "x-ms-return-client-request-id": "true"},
        {"x-ms-client-request-id": "a" * 129, "x-ms-return-client-request-id": "true"},
    ],
    ids=["nobody asked", "no id", "too long"],
)
async def test_a_clients_id_is_given_back_when_it_asks_and_it_is_one(
    arm: Arm, headers: dict[str, str]
) -> None:
    reply = await arm.ask("GET /subscriptions?api-version=2025-11-01", headers=headers)
    assert reply.status == 200 and "x-ms-client-request-id" not in reply.headers
