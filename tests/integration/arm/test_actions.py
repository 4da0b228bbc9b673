"""ping, getCallbackConfig and listEvents, and the links from page to page."""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest

from portcall.schemas.frames import decode_deliveries
from tests.integration.arm.shapes import (
    ALPHA,
    BARE,
    CONFIG,
    EVENTS,
    HOOK,
    MIDDLE,
    OFF,
    SKIP_TOKEN,
    SMALL,
    TYPE,
    listed,
)
from tests.integration.arm.table import UUID, VERSION, Arm, Json, Like, Row, error, ids

DISABLED = error(
    "WebhookDisabled",
    "The webhook 'Off001' is disabled and gets no requests; enable it first.",
    "properties.status",
)
NO_GET = "The requested resource does not support http method 'GET'."


def missing(names: str) -> Json:
    return error(
        "ResourceNotFound",
        f"The Resource '{TYPE}/{names}' under resource group 'portcall' was not found.",
    )


def next_events(top: int) -> Like:
    link = r"{hook}/listEvents\?api-version=2025-11-01"
    return Like(rf"{{host}}{link}&\$top={top}&\$skipToken={SKIP_TOKEN}")


ROWS = [
    # ping
    Row("ping", "POST {hook}/ping", 200, {"id": UUID}),
    Row("ping in other case", "POST {acr}/webhooks/HOOK01/PING", 200, {"id": UUID}),
    Row("ping with an empty body that is announced", "POST {hook}/ping", 200, {"id": UUID}, b""),
    Row("ping with a body that nobody asked for", "POST {hook}/ping", 200, {"id": UUID}, b"{}"),
    Row("ping of a disabled webhook", "POST {acr}/webhooks/Off001/ping", 409, DISABLED),
    Row("ping of an unknown webhook", "POST {acr}/webhooks/Missing1/ping", 404, missing("Alpha/webhooks/Missing1")),
    Row("ping in an unknown registry", "POST {acrs}/Missing1/webhooks/Hook01/ping", 404, missing("Missing1")),
    Row("ping by GET", "GET {hook}/ping", 405, error("MethodNotAllowed", NO_GET)),
    # getCallbackConfig
    Row("a config with headers and credentials", "POST {hook}/getCallbackConfig", 200, CONFIG),
    Row("a config without headers", "POST {acr}/webhooks/Bare01/getCallbackConfig", 200, {"serviceUri": "http://example.com/"}),
    Row("a config of an unknown webhook", "POST {acr}/webhooks/Missing1/getCallbackConfig", 404, missing("Alpha/webhooks/Missing1")),
    Row("a config by GET", "GET {hook}/getCallbackConfig", 405, error("MethodNotAllowed", NO_GET)),
    # listEvents
    Row("events", "POST {hook}/listEvents", 200, listed(*EVENTS)),
    Row("events by GET, as a link is followed", "GET {hook}/listEvents", 200, listed(*EVENTS)),
    Row("events in lower case", "POST {acr}/webhooks/hook01/listevents", 200, listed(*EVENTS)),
    Row("a page of events", "POST {hook}/listEvents?$top=2", 200, {"value": EVENTS[:2], "nextLink": next_events(2)}),
    Row("a page of as many as there are", "POST {hook}/listEvents?$top=3", 200, listed(*EVENTS)),
    Row("events of a webhook that has none", "POST {acr}/webhooks/Bare01/listEvents", 200, listed()),
    Row("events of an unknown webhook", "POST {acr}/webhooks/Missing1/listEvents", 404, missing("Alpha/webhooks/Missing1")),
    Row("events of an unknown registry", "POST {acrs}/Missing1/webhooks/Hook01/listEvents", 404, missing("Missing1")),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=ids)
async def test_actions(arm: Arm, row: Row) -> None:
    reply = await arm.check(row)
    sent = [decode_deliveries(message.body) for message in arm.api.publisher.published]
    pinged = [reply.json["id"]] if reply.status == 200 and "/ping" in row.request.lower() else []
    assert [event.id for frame in sent for event in frame.events] == pinged


def in_list(registry: Json) -> Json:
    """A registry as a list of resources has it."""
    return {name: value for name, value in registry.items() if name != "properties"}


LISTS = [
    ("POST", "{hook}/listEvents", EVENTS),
    ("GET", "{hook}/listEvents", EVENTS),
    ("GET", "{acr}/webhooks", [BARE, HOOK, OFF]),
    ("GET", "{acrs}", [ALPHA, MIDDLE, SMALL]),
    ("GET", "{sub}{provider}/registries", [ALPHA, MIDDLE, SMALL]),
    ("GET", "{sub}/resources", [in_list(each) for each in (ALPHA, MIDDLE, SMALL)]),
    ("GET", "{sub}/resources?$filter=location%20eq%20'westus'", [in_list(ALPHA), in_list(MIDDLE)]),
]


async def follow(arm: Arm, method: str, path: str, *, requoted: bool) -> list[Json]:
    """Go from page to page as the clients do: with GET, decoding and quoting what a link has."""
    joint = "&" if "?" in path else "?"
    request, pages = arm.fill(f"{method} {path}{joint}api-version={VERSION}&$top=1"), []
    while request:
        reply = await arm.ask(request)
        assert reply.status == 200, reply.text
        pages.append(reply.json["value"])
        link = reply.json.get("nextLink", "")
        assert link.startswith(f"{arm.host}/") or not link
        request = f"GET {as_the_sdk(link) if requoted else link}" if link else ""
    return pages


def as_the_sdk(link: str) -> str:
    """A link as azure-core sends it: its parameters decoded, its own api-version put in."""
    url = urlsplit(link)
    parameters = dict(parse_qsl(url.query, keep_blank_values=True)) | {"api-version": "2023-07-01"}
    query = urlencode(parameters, quote_via=quote)
    return f"{url.scheme}://{url.netloc}{url.path}?{query}"


@pytest.mark.parametrize("requoted", [False, True], ids=["as it is", "as the SDK sends it"])
@pytest.mark.parametrize(("method", "path", "items"), LISTS, ids=lambda value: str(value)[:30])
async def test_links_lead_through_a_list(
    arm: Arm, method: str, path: str, items: list[Json], *, requoted: bool
) -> None:
    pages = await follow(arm, method, path, requoted=requoted)
    assert pages == [[arm.fill(item)] for item in items]


@pytest.mark.parametrize(("method", "path", "items"), LISTS[:3], ids=["post", "get", "webhooks"])
async def test_links_lead_through_a_list_behind_tls(
    tls_arm: Arm, method: str, path: str, items: list[Json]
) -> None:
    assert tls_arm.host.startswith("https://")
    pages = await follow(tls_arm, method, path, requoted=True)
    assert pages == [[tls_arm.fill(item)] for item in items]


async def test_a_link_has_the_host_by_which_the_client_came(arm: Arm) -> None:
    request = arm.fill(f"POST {{hook}}/listEvents?api-version={VERSION}&$top=1")
    reply = await arm.ask(request, headers={"Host": "portcall.example:8443"})
    assert reply.json["nextLink"].startswith("http://portcall.example:8443/subscriptions/")
