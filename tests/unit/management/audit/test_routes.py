"""The accounts over HTTP: one look for each request, and what the recorder must have done first."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import msgspec
import pytest

from portcall.management.audit.look import Auditor, reasons_of
from portcall.management.audit.metrics import PATIENCE_S, AuditMetrics
from portcall.runtime.broker.settle import Message
from portcall.runtime.clock import now_ms
from portcall.runtime.errors import BrokerError, UnconfirmedError
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.deliveries import Delivery, delivery_id
from portcall.schemas.events import Event
from portcall.schemas.frames import (
    REASON_HEADER,
    decode_raw_journal,
    decode_raw_records,
    encode_deliveries,
    encode_events,
)
from portcall.schemas.journal import accepted, digest_of, routed
from portcall.schemas.records import Outcome
from portcall.schemas.topology import DEAD, JOURNAL, LOG
from portcall.store.engine import Store
from portcall.store.journal.accounts import Doubt
from tests.unit.management.api import ManagementApi
from tests.unit.store.contract.eventlog import append
from tests.unit.store.contract.notes import enter, note
from tests.unit.store.samples import frame, record

EMPTY = {
    "portcall.events.in": 0,
    "portcall.deliver.0": 0,
    "portcall.retry.0": 0,
    "portcall.wait.10s": 0,
    "portcall.dead": 0,
}
NOW_MS = now_ms() + 3_600_000
WEEK_MS = 7 * 86_400_000


def event(name: str = "e-1") -> Event:
    return Event(name, "alpha", "push", NOW_MS, msgspec.Raw(b"{}"), "team/app", "v1")


@dataclass
class World:
    """An auditor among fakes: a broker, and a recorder that stores at once, if it runs."""

    store: Store
    depths: dict[str, int | None] = field(default_factory=lambda: dict(EMPTY))
    letters: list[Message] = field(default_factory=list)
    peeked: list[int] = field(default_factory=list)
    recorder_runs: bool = True
    failure: BrokerError | None = None
    audits: int = 0

    def __post_init__(self) -> None:
        self.auditor = Auditor(
            store=self.store,
            publisher=self,
            depths=self._look,
            dead=self._peek,
            retention_ms=WEEK_MS,
            mark_s=0.2,
            notes_s=0,
        )

    async def publish(
        self,
        body: bytes,
        *,
        exchange: str,
        key: str = "",
        headers: Mapping[str, str | int] | None = None,
        timeout_s: float = 0,
    ) -> None:
        if self.failure:
            raise self.failure
        if not self.recorder_runs:
            return
        if exchange == LOG:
            append(self.store, decode_raw_records(body))
        else:
            assert exchange == JOURNAL
            marked = decode_raw_journal(body)
            position = self.store.journal.position(JOURNAL)
            offset = position.offset + 1 if position else 0
            self.store.journal.append(JOURNAL, position, [(offset, marked)])
            enter(self.store)

    async def _look(self) -> dict[str, int | None]:
        self.audits += 1
        return self.depths

    async def _peek(self, limit: int) -> list[Message]:
        self.peeked.append(limit)
        return self.letters


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@pytest.fixture
def audited(world: World) -> ManagementApi:
    return ManagementApi(world.store, world.auditor)


async def ask(api: ManagementApi, **query: object) -> Any:  # noqa: ANN401 (JSON)
    asked = "&".join(["api-version=2025-11-01", *(f"{key}={text}" for key, text in query.items())])
    return await api.request("GET", "/portcall/audit", query=asked)


async def test_the_accounts_of_every_registry(audited: ManagementApi, world: World) -> None:
    note(world.store, accepted(event()), routed(event(), [1, 2]), routed(event("nobody"), []))
    append(world.store, frame([record(1), record(2, outcome=Outcome.RETRIED)], [event()]))
    world.depths["portcall.wait.10s"] = 3
    answer = await ask(audited)
    assert answer.status == 200
    assert answer.json["registries"] == [
        {
            "registry": "alpha",
            "events": 2,
            "accepted": 3,
            "delivered": 1,
            "givenUp": 0,
            "cancelled": 0,
            "filtered": 0,
            "refused": 0,
            "noMatch": 1,
            "open": {"notRetried": 1},
            "unmoved": {"notRetried": 1},
        }
    ]
    assert answer.json["queued"] == {
        "notRouted": 0,
        "notAttempted": 3,
        "notRetried": 3,
        "neverAccepted": 0,
        "neverRouted": 0,
    }


async def test_a_suspect_is_named_in_full(audited: ManagementApi, world: World) -> None:
    note(world.store, accepted(event()), routed(event(), [2**51]))
    (suspect,) = (await ask(audited, unmovedBefore=NOW_MS + 1)).json["suspects"]
    assert suspect["doubt"] == "notAttempted"
    assert (suspect["eventId"], suspect["webhookId"]) == ("e-1", 2**51)
    assert suspect["deliveryId"] == delivery_id("e-1", 2**51)
    assert suspect["lastAttemptAt"] is None and suspect["dead"] is None
    assert world.peeked == []  # nothing is dead


async def test_a_suspect_among_the_dead_has_the_reason(
    audited: ManagementApi, world: World
) -> None:
    note(world.store, accepted(event()), routed(event(), [7, 8]))
    body = encode_deliveries([event()], [Delivery(event=0, webhook_id=8)])
    world.letters = [Message(b"broken", DEAD, {}), Message(body, DEAD, {"x-death": []})]
    world.depths[DEAD] = 2
    found = (await ask(audited, unmovedBefore=NOW_MS + 1)).json
    assert found["dead"] == 2
    reasons = {each["webhookId"]: each["dead"] for each in found["suspects"]}
    assert reasons == {7: None, 8: "it was delivered too often"}


async def test_one_registry_alone(audited: ManagementApi, world: World) -> None:
    other = msgspec.structs.replace(event(), registry="other")
    note(world.store, accepted(event()), accepted(other))
    found = (await ask(audited, registry="OTHER")).json["registries"]
    assert [each["registry"] for each in found] == ["other"]


@pytest.mark.parametrize(
    "query", [{"registry": "x"}, {"unmovedBefore": "now"}, {"unmovedBefore": "9" * 17}], ids=str
)
async def test_a_wrong_parameter_is_named(audited: ManagementApi, query: dict[str, str]) -> None:
    answer = await ask(audited, **query)
    assert answer.status == 400
    assert next(iter(query)) in answer.error["message"]


async def test_without_the_recorder_there_is_no_answer(
    audited: ManagementApi, world: World
) -> None:
    world.recorder_runs = False
    answer = await ask(audited)
    assert (answer.status, answer.error["code"]) == (503, "RecorderBehind")


async def test_without_the_broker_there_is_no_answer(audited: ManagementApi, world: World) -> None:
    world.failure = UnconfirmedError("lost")
    assert (await ask(audited)).status == 503


async def test_a_missing_queue_is_told_before_anything_is_published(
    audited: ManagementApi, world: World
) -> None:
    world.depths[JOURNAL] = None
    world.failure = UnconfirmedError("would close the channel")
    answer = await ask(audited)
    assert answer.status == 503
    assert "portcall topology apply" in answer.error["message"]


def test_what_is_among_the_dead_by_event_and_webhook() -> None:
    deliveries = encode_deliveries(
        [event()], [Delivery(event=0, webhook_id=each) for each in (1, 2)]
    )
    events = encode_events([event("poison")])
    digest, poison = digest_of(event()).hex(), digest_of(event("poison")).hex()
    found = reasons_of(
        [
            Message(deliveries, DEAD, {REASON_HEADER: "gone"}),
            Message(events, DEAD, {}),
            Message(b"", DEAD, {}),
        ]
    )
    assert found == {
        (digest, 1): "gone",
        (digest, 2): "gone",
        (poison, None): "it was delivered too often",
    }


class Gauges:
    """The metrics of a world at times of a test's choice."""

    def __init__(
        self, world: World, pauses: int = 0, recorded: Callable[[], object] = object
    ) -> None:
        self.now = NOW_MS / 1000
        self._pauses = pauses
        self.metrics = AuditMetrics(
            world.auditor, recorded, clock=lambda: self.now, pause=self._pause
        )

    async def _pause(self, seconds: float) -> None:
        self.now += seconds
        self._pauses -= 1
        if self._pauses == 0:
            raise asyncio.CancelledError

    async def look(self, later_s: float = 0) -> None:
        self.now += later_s
        await self.metrics.look()

    def lost(self, doubt: Doubt) -> float | None:
        labels = {"registry": "alpha", "doubt": doubt.value}
        return REGISTRY.get_sample_value("portcall_audit_unaccounted", labels)


def deliveries(state: str) -> float | None:
    labels = {"registry": "alpha", "state": state}
    return REGISTRY.get_sample_value("portcall_audit_deliveries", labels)


async def test_the_gauges_are_the_accounts(world: World) -> None:
    held = {"taggedOnly": [5, 6]}
    note(world.store, routed(event(), [1, 2, 3, 4], held), routed(event("nobody"), []))
    outcomes = [Outcome.DELIVERED, Outcome.GIVEN_UP, Outcome.REFUSED]
    rows = [record(hook, outcome=each) for hook, each in zip((1, 2, 3), outcomes, strict=True)]
    append(world.store, frame(rows, [event()]))
    await Gauges(world).look()
    ends = {"delivered": 1, "given_up": 1, "cancelled": 0, "refused": 1, "filtered": 2}
    expected = {"accepted": 7, **ends, "no_match": 1, "pending": 1}
    assert {state: deliveries(state) for state in expected} == expected


async def test_what_stays_nowhere_for_long_is_unaccounted(world: World) -> None:
    note(world.store, routed(event(), [1, 2]))
    gauges = Gauges(world)
    for _ in range(4):
        await gauges.look(PATIENCE_S / 4)
        assert gauges.lost(Doubt.NOT_ATTEMPTED) == 0
    await gauges.look(PATIENCE_S / 4)
    assert gauges.lost(Doubt.NOT_ATTEMPTED) == 2
    assert gauges.lost(Doubt.NOT_ROUTED) == 0
    world.depths["portcall.retry.0"] = 1
    await gauges.look(1)
    assert gauges.lost(Doubt.NOT_ATTEMPTED) == 0


async def test_a_look_that_failed_is_no_proof_of_silence(world: World) -> None:
    note(world.store, routed(event(), [1]))
    gauges = Gauges(world, pauses=3)
    await gauges.look()
    world.recorder_runs = False
    gauges.now += PATIENCE_S
    with pytest.raises(asyncio.CancelledError):
        await gauges.metrics.run()
    world.recorder_runs = True
    await gauges.look()
    assert gauges.lost(Doubt.NOT_ATTEMPTED) == 0


@pytest.mark.parametrize(
    ("webhooks", "is_recording", "audits"),
    [
        pytest.param([], False, 2, id="nothing is open: every five minutes"),
        pytest.param([], True, 11, id="something is recorded"),
        pytest.param([1], False, 11, id="a delivery is open"),
    ],
)
async def test_audits_are_rare_while_nothing_can_have_changed(
    world: World, webhooks: list[int], *, is_recording: bool, audits: int
) -> None:
    note(world.store, routed(event(), webhooks))
    recorded = count()
    gauges = Gauges(world, 22, lambda: next(recorded) if is_recording else 0)
    with pytest.raises(asyncio.CancelledError):
        await gauges.metrics.run()
    assert world.audits == audits


async def test_an_audit_asks_for_its_mark_only_after_a_commit(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(store, recorder_runs=False)
    looks, asked = list[int](), list[str]()

    def stamp(_: Store) -> int:
        looks.append(len(asked))
        return len(looks) // 10

    def has(mark: str) -> bool:
        asked.append(mark)
        return len(asked) == 2

    monkeypatch.setattr("portcall.management.audit.look.MARK_LOOK_S", 1e6)
    monkeypatch.setattr(Store, "stamp", stamp)
    monkeypatch.setattr(world.auditor, "_has", has)
    monkeypatch.setattr(world.auditor, "_mark_s", 1e6)
    async with asyncio.timeout(30):
        await world.auditor.caught_up()
    assert (looks, len(asked)) == ([0] + [1] * 9, 2)
