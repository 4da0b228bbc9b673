"""The intake over HTTP, and which missing deliveries are published again."""

from typing import Any

import msgspec
import pytest

from portcall.management.recovery import republishing
from portcall.runtime.errors import BrokerError
from portcall.schemas.frames import decode_deliveries
from portcall.schemas.journal import accepted, routed
from portcall.schemas.records import Outcome
from portcall.schemas.topology import DELIVER
from portcall.store.engine import Store
from tests.unit.management.api import GUEST_TOKEN, ManagementApi
from tests.unit.management.audit.test_routes import NOW_MS, World, event
from tests.unit.store.contract.eventlog import append
from tests.unit.store.contract.notes import note
from tests.unit.store.samples import frame, record

HOOK = 2**51
OLD = NOW_MS + 100_000


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@pytest.fixture
def api(world: World) -> ManagementApi:
    return ManagementApi(world.store, world.auditor)


async def republish(api: ManagementApi, **query: object) -> Any:  # noqa: ANN401 (an answer)
    asked = {"unmovedBefore": OLD, **query}
    text = "&".join(["api-version=2025-11-01", *(f"{key}={each}" for key, each in asked.items())])
    return await api.request("POST", "/portcall/audit/republish", query=text)


def published(api: ManagementApi, exchange: str) -> list[bytes]:
    return [each.body for each in api.publisher.published if each.exchange == exchange]


async def test_the_intake_is_stopped_and_started(api: ManagementApi) -> None:
    path = "/portcall/intake"
    assert (await api.request("GET", path)).json == {"stoppedAt": None}
    stopped = await api.request("PUT", path, {"stopped": True})
    assert stopped.status == 200
    assert stopped.json["stoppedAt"]
    again = await api.request("PUT", path, {"stopped": True})
    assert again.json == stopped.json == (await api.request("GET", path)).json
    assert (await api.request("PUT", path, {"stopped": False})).json == {"stoppedAt": None}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("PUT", "/portcall/intake", {"stopped": True}), ("POST", "/portcall/audit/republish", None)],
)
async def test_a_reader_may_change_nothing(
    api: ManagementApi, method: str, path: str, body: object
) -> None:
    assert (await api.request(method, path, body, token=GUEST_TOKEN)).status == 403


async def test_what_waits_for_a_retry_goes_on_at_its_next_attempt(
    api: ManagementApi, world: World
) -> None:
    of = event()
    note(world.store, accepted(of), routed(of, [HOOK, HOOK + 1]))
    append(world.store, frame([record(HOOK, outcome=Outcome.RETRIED, attempt=3)], [of]))
    answer = await republish(api)
    assert answer.json == {"published": 2, "without": [], "withoutCount": 0, "more": False}
    deliveries = []
    for body in published(api, DELIVER):
        sent = decode_deliveries(body)
        assert sent.again
        assert sent.events == [of]
        deliveries += sent.deliveries
    found = {each.webhook_id: (each.attempt, each.first) for each in deliveries}
    assert found == {HOOK: (4, 4), HOOK + 1: (1, 1)}
    assert len(api.publisher.noted) == 1


async def test_an_event_that_only_the_broker_had_is_named(api: ManagementApi, world: World) -> None:
    unrouted, unattempted = event("e-1"), event("e-2")
    note(world.store, accepted(unrouted), accepted(unattempted), routed(unattempted, [HOOK]))
    answer = (await republish(api)).json
    assert (answer["published"], answer["withoutCount"]) == (0, 2)
    assert {each["eventId"] for each in answer["without"]} == {"e-1", "e-2"}
    assert published(api, DELIVER) == []


async def test_what_may_be_in_a_queue_is_left_alone(api: ManagementApi, world: World) -> None:
    of = event()
    note(world.store, accepted(of), routed(of, [HOOK]))
    append(world.store, frame([record(HOOK, outcome=Outcome.RETRIED)], [of]))
    world.depths["portcall.wait.10s"] = 1
    assert (await republish(api)).json["published"] == 0
    assert published(api, DELIVER) == []


async def test_what_has_ended_or_moved_is_left_alone(api: ManagementApi, world: World) -> None:
    done, moving = event("e-1"), event("e-2")
    note(world.store, *(accepted(of) for of in (done, moving)))
    note(world.store, *(routed(of, [HOOK]) for of in (done, moving)))
    append(world.store, frame([record(HOOK, outcome=Outcome.DELIVERED)], [done]))
    append(
        world.store,
        frame([record(HOOK, outcome=Outcome.RETRIED, started_ms=OLD + 1)], [moving]),
    )
    assert (await republish(api)).json["published"] == 0


async def test_more_than_one_call_takes_are_left_for_the_next(
    api: ManagementApi, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(republishing, "MAX_AT_ONCE", 2)
    of = event()
    note(world.store, accepted(of), routed(of, [HOOK, HOOK + 1, HOOK + 2]))
    append(world.store, frame([record(HOOK, outcome=Outcome.RETRIED)], [of]))
    answer = (await republish(api)).json
    assert (answer["published"], answer["more"]) == (2, True)


async def test_without_the_broker_or_the_recorder_nothing_is_done(
    api: ManagementApi, world: World
) -> None:
    world.failure = BrokerError("no connection")
    assert (await republish(api)).status == 503
    world.failure, world.recorder_runs = None, False
    answer = await republish(api)
    assert (answer.status, answer.error["code"]) == (503, "RecorderBehind")


async def test_extras_and_body_are_as_they_were(api: ManagementApi, world: World) -> None:
    of = msgspec.structs.replace(event(), body=msgspec.Raw(b'{"id":"x","b":[1]}'))
    note(world.store, accepted(of), routed(of, [HOOK]))
    append(world.store, frame([record(HOOK, outcome=Outcome.RETRIED)], [of]))
    await republish(api)
    (body,) = published(api, DELIVER)
    assert bytes(decode_deliveries(body).events[0].body) == bytes(of.body)
