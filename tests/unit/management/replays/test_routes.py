"""Replays through the API: counted, created, looked at, cancelled, resumed."""

from typing import Any

import pytest

from portcall.schemas.deliveries import delivery_id
from portcall.schemas.events import Event
from portcall.schemas.records import Outcome
from portcall.store.records.replays import ReplayState
from tests.unit.management.api import ManagementApi
from tests.unit.store.contract.eventlog import append
from tests.unit.store.samples import event, frame, record

FIRST_MS = 1_772_619_630_000


def of_alpha(event_id: str, accepted_ms: int) -> Event:
    plain = event(event_id)
    return Event(event_id, "alpha", "push", accepted_ms, plain.body, "team/app", "v1")


async def hook(api: ManagementApi, name: str = "webhook01", **properties: object) -> int:
    answer = await api.put_webhook(name, **properties)
    return int(answer.json["properties"]["portcall"]["id"])


async def given_up(api: ManagementApi, count: int = 3, name: str = "webhook01") -> int:
    """A webhook with so many deliveries that were given up; e1 is a second after e0, and so on."""
    webhook_id = await hook(api, name)
    events = [of_alpha(f"e{number}", FIRST_MS + 1000 * number) for number in range(count)]
    records = [
        record(webhook_id, of=number, attempt=4, outcome=Outcome.GIVEN_UP)
        for number in range(count)
    ]
    append(api.store, frame(records, events))
    return webhook_id


async def created(api: ManagementApi, path: str, body: object) -> Any:  # noqa: ANN401 (JSON)
    answer = await api.request("POST", f"{path}/replay", body)
    assert answer.status == 202, answer.text
    return answer.json


@pytest.mark.parametrize(
    ("body", "total"),
    [
        pytest.param({}, 3, id="everything"),
        pytest.param({"eventId": "e1"}, 1, id="an event"),
        pytest.param({"eventId": "e9"}, 0, id="an event that there is not"),
        pytest.param({"since": "2026-03-04T10:20:31Z"}, 2, id="since"),
        pytest.param({"until": "2026-03-04T11:20:31+01:00"}, 1, id="until"),
        pytest.param({"outcomes": ["delivered", "cancelled"]}, 0, id="other outcomes"),
        pytest.param({"outcomes": ["given_up"], "rate": 7, "since": None}, 3, id="given up"),
    ],
)
@pytest.mark.parametrize("of_a_webhook", [True, False], ids=["webhook", "registry"])
async def test_deliveries_are_counted_and_nothing_is_done(
    api: ManagementApi, body: dict[str, object], total: int, *, of_a_webhook: bool
) -> None:
    await given_up(api)
    path = api.webhook("WEBHOOK01") if of_a_webhook else api.registry()
    answer = await api.request("POST", f"{path}/countReplay", body)
    assert (answer.status, answer.json) == (200, {"total": total, "disabled": 0, "deleted": 0})
    assert api.store.replays.list("alpha", before=None, limit=9) == []


async def test_a_replay_is_created_with_what_is_selected(api: ManagementApi) -> None:
    await given_up(api)
    replay = await created(
        api, api.webhook("webhook01"), {"since": "2026-03-04T10:20:31Z", "rate": 5}
    )
    assert replay["id"] == f"{api.registry()}/replays/{replay['name']}"
    assert replay["type"] == "Microsoft.ContainerRegistry/registries/replays"
    properties = replay["properties"]
    assert properties.pop("createdAt") == properties.pop("changedAt")
    assert properties == {
        "state": "running",
        "selection": {
            "outcomes": ["given_up"],
            "webhook": "webhook01",
            "since": "2026-03-04T10:20:31.0000000Z",
        },
        "rate": 5,
        "total": 2,
        "published": 0,
        "skipped": {"disabled": 0, "gone": 0},
    }
    shown = await api.request("GET", f"{api.registry('ALPHA')}/replays/{replay['name']}")
    assert shown.json["id"] == replay["id"]


async def test_one_delivery_is_named_by_the_webhook_id_of_its_posts(api: ManagementApi) -> None:
    webhook_id = await given_up(api)
    named = {"deliveryId": delivery_id("e2", webhook_id)}
    replay = await created(api, api.webhook("webhook01"), named)
    assert replay["properties"]["total"] == 1
    assert replay["properties"]["selection"] == {
        "outcomes": ["given_up", "cancelled", "delivered", "refused"], "eventId": "e2", "webhook": "webhook01",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "target"),
    [
        pytest.param({"rate": 0}, "rate", id="no rate"),
        pytest.param({"rate": 1001}, "rate", id="too fast"),
        pytest.param({"rate": "5"}, "rate", id="a rate in words"),
        pytest.param({"since": "yesterday"}, "since", id="no time"),
        pytest.param({"until": 5}, "until", id="a number for a time"),
        pytest.param({"outcomes": []}, "outcomes", id="no outcome"),
        pytest.param({"outcomes": "given_up"}, "outcomes", id="no list"),
        pytest.param({"outcomes": ["given_up", "retried"]}, "outcomes[1]", id="what is pending"),
        pytest.param({"outcomes": [["x"]]}, "outcomes[0]", id="a list in the list"),
        pytest.param({"eventId": "a b"}, "eventId", id="no event id"),
        pytest.param({"deliveryId": "msg_1"}, "deliveryId", id="no delivery id"),
        pytest.param({"deliveryId": "msg_" + "0" * 32, "eventId": "e"}, "deliveryId", id="both"),
        pytest.param({"webhook": "x"}, "webhook", id="an unknown field"),
    ],
)
async def test_what_is_wrong_is_named(
    api: ManagementApi, body: dict[str, object], target: str
) -> None:
    await hook(api)
    for action in ("countReplay", "replay"):
        answer = await api.request("POST", f"{api.webhook('webhook01')}/{action}", body)
        assert (answer.status, answer.error["target"]) == (400, target)


async def test_a_delivery_without_a_record_is_404(api: ManagementApi) -> None:
    await hook(api)
    body = {"deliveryId": "msg_" + "0" * 32}
    answer = await api.request("POST", f"{api.webhook('webhook01')}/replay", body)
    assert (answer.status, answer.error["code"]) == (404, "DeliveryNotFound")
    answer = await api.request("POST", f"{api.registry()}/replay", body)
    assert (answer.status, answer.error["target"]) == (400, "deliveryId")


async def test_a_disabled_webhook_is_refused_and_counted(api: ManagementApi) -> None:
    webhook_id = await given_up(api)
    await given_up(api, 2, "webhook02")
    api.store.webhooks.disable(webhook_id, "410", 1)
    answer = await api.request("POST", f"{api.webhook('webhook01')}/replay", {})
    assert (answer.status, answer.error["code"]) == (409, "WebhookDisabled")
    answer = await api.request("POST", f"{api.registry()}/countReplay", {})
    assert answer.json == {"total": 5, "disabled": 3, "deleted": 0}


async def test_a_replay_is_cancelled_and_resumed(api: ManagementApi) -> None:
    await given_up(api)
    path = (await created(api, api.registry(), {}))["id"]
    for action, state in (
        ("cancel", "cancelled"), ("cancel", "cancelled"), ("resume", "running"), ("resume", "running"),
    ):  # fmt: skip
        answer = await api.request("POST", f"{path}/{action}")
        assert (answer.status, answer.json["properties"]["state"]) == (200, state)


async def test_what_is_completed_stays_so(api: ManagementApi) -> None:
    await given_up(api)
    replay = await created(api, api.registry(), {})
    number = int(replay["name"])
    change = api.store.replays.change
    assert change("alpha", number, ReplayState.COMPLETED, where=ReplayState.RUNNING, now_ms=1)
    for action in ("cancel", "resume"):
        answer = await api.request("POST", f"{replay['id']}/{action}")
        assert (answer.status, answer.error["code"]) == (409, "ReplayCompleted")
    answer = await api.request("GET", replay["id"])
    assert answer.json["properties"]["skipped"] == {"disabled": 0, "gone": 3}


@pytest.mark.parametrize("name", ["99", "0", "x", "-1", "9" * 30, "1.0"])
async def test_an_unknown_replay_is_404(api: ManagementApi, name: str) -> None:
    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/resume")):
        answer = await api.request(method, f"{api.registry()}/replays/{name}{path}")
        assert (answer.status, answer.error["code"]) == (404, "ResourceNotFound")


async def test_replays_are_listed_newest_first_in_pages(api: ManagementApi) -> None:
    await given_up(api)
    ids = [(await created(api, api.registry(), {}))["name"] for _ in range(3)]
    page = await api.request(
        "GET", f"{api.registry()}/replays", query="api-version=2025-11-01&$top=2"
    )
    assert [each["name"] for each in page.json["value"]] == [ids[2], ids[1]]
    link = page.json["nextLink"].partition("?")[2]
    page = await api.request("GET", f"{api.registry()}/replays", query=link)
    assert [each["name"] for each in page.json["value"]] == [ids[0]]
    assert "nextLink" not in page.json
