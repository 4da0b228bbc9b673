"""Accepting: an answer when the events are confirmed; their notes follow, in batches."""

import asyncio
from collections.abc import Mapping

import msgspec
import pytest

from portcall.producer import journal_publisher
from portcall.producer.direct import Direct
from portcall.producer.journal_publisher import DIRECT_GIVE_UP_S, JournalPublisher
from portcall.runtime.broker.groups import SIZE
from portcall.runtime.errors import BrokerError, RefusedError, UnconfirmedError
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.events import Event
from portcall.schemas.frames import AGAIN_HEADER, decode_events, decode_journal
from portcall.schemas.journal import IgnoredNote, accepted
from portcall.schemas.topology import SHARD_HEADER
from portcall.store.subscriptions.index import ScopeIndex


def event(name: str) -> Event:
    return Event(name, "myregistry", "push", 1, msgspec.Raw(b"{}"), "team/app", "v1")


class FakePublisher:
    """Confirms events and notes, each only while its gate is open."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.noted: list[list[str]] = []
        self.frames: list[list[str]] = []
        self.shards: list[str | int | None] = []
        self.limits: list[float] = []
        self.are_again: list[bool] = []
        self.refusal: BrokerError | None = None
        self.refuses_shards_only = False
        self.journal_open = asyncio.Event()
        self.journal_open.set()
        self.events_open = asyncio.Event()
        self.events_open.set()

    async def publish(
        self,
        body: bytes,
        *,
        exchange: str,
        key: str = "",
        headers: Mapping[str, str | int] | None = None,
        timeout_s: float = 0,
    ) -> None:
        self.said.append(exchange)
        self.frames.append([event.id for event in decode_events(body).events])
        self.shards.append((headers or {}).get(SHARD_HEADER))
        self.limits.append(timeout_s)
        self.are_again.append(AGAIN_HEADER in (headers or {}))
        await self.events_open.wait()
        if self.refusal and (not self.refuses_shards_only or self.shards[-1]):
            raise self.refusal

    async def publish_surely(
        self,
        body: bytes,
        *,
        exchange: str,
        key: str = "",
        headers: Mapping[str, str | int] | None = None,
    ) -> None:
        self.said.append(exchange)
        await self.journal_open.wait()
        frame = decode_journal(body)
        noted = [note.event_id for note in frame.notes]
        self.noted.append([*noted, *(note.event_id for note in frame.ignored)])


async def test_what_is_confirmed_is_accepted_and_noted_later() -> None:
    publisher = FakePublisher()
    notes = JournalPublisher(publisher)
    await notes.accept([event("a"), event("b")])
    await notes.accept([event("c")])
    assert publisher.said == ["portcall.events"] * 2
    await notes.drained(5)
    assert publisher.noted == [["a", "b", "c"]]


async def test_notes_wait_for_others_no_longer_than_the_linger(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal_publisher, "NOTE_LINGER_S", 0.001)
    publisher = FakePublisher()
    await JournalPublisher(publisher).accept([event("a")])
    await asyncio.sleep(0.05)
    assert publisher.noted == [["a"]]


async def test_what_is_refused_is_not_noted() -> None:
    publisher = FakePublisher()
    publisher.refusal = RefusedError("full")
    notes = JournalPublisher(publisher)
    for events in ([event("a")], [event("b"), event("c")]):
        with pytest.raises(RefusedError):
            await notes.accept(events)
    await notes.drained(5)
    assert publisher.said == ["portcall.events"] * 2


async def test_requests_that_come_together_share_a_frame_and_its_confirm() -> None:
    publisher = FakePublisher()
    publisher.events_open.clear()
    notes = JournalPublisher(publisher)
    first = asyncio.create_task(notes.accept([event("first")]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    later = [asyncio.create_task(notes.accept([event(f"e{number}")])) for number in range(10)]
    await asyncio.sleep(0)
    assert publisher.frames == [["first"]]
    publisher.events_open.set()
    await asyncio.gather(first, *later)
    names = [f"e{number}" for number in range(10)]
    assert publisher.frames == [["first"], names]
    await notes.drained(5)
    assert publisher.noted == [["first", *names]]


async def test_a_refused_frame_fails_each_of_its_requests_and_notes_none() -> None:
    publisher = FakePublisher()
    publisher.refusal = RefusedError("full")
    notes = JournalPublisher(publisher)
    results = await asyncio.gather(
        *(notes.accept([event(name)]) for name in "abc"), return_exceptions=True
    )
    assert publisher.frames == [["a", "b", "c"]]
    assert [type(result) for result in results] == [RefusedError] * 3
    publisher.refusal = None
    await notes.accept([event("d")])
    await notes.drained(5)
    assert publisher.noted == [["d"]]


async def test_a_request_that_leaves_takes_nothing_from_the_others_of_its_frame() -> None:
    publisher = FakePublisher()
    publisher.events_open.clear()
    notes = JournalPublisher(publisher)
    requests = [asyncio.create_task(notes.accept([event(name)])) for name in "ab"]
    for _ in range(3):
        await asyncio.sleep(0)
    requests[0].cancel()
    await asyncio.sleep(0)
    publisher.events_open.set()
    await requests[1]
    await notes.drained(5)
    assert publisher.noted == [["a", "b"]]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_journal_that_confirms_nothing_ends_the_accepting_before_memory_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal_publisher, "MAX_UNNOTED", 3)
    publisher = FakePublisher()
    publisher.journal_open.clear()
    notes = JournalPublisher(publisher)
    for name in "abc":
        await notes.accept([event(name)])
    with pytest.raises(RefusedError, match="the notes of 3 events"):
        await notes.accept([event("d")])
    publisher.journal_open.set()
    await notes.drained(5)
    assert notes.problem is None
    await notes.accept([event("d")])


async def test_a_stop_does_not_wait_long_for_the_notes() -> None:
    publisher = FakePublisher()
    publisher.journal_open.clear()
    notes = JournalPublisher(publisher)
    await notes.accept([event("a")])
    async with asyncio.timeout(5):
        await notes.drained(0.01)
    publisher.journal_open.set()


@pytest.mark.parametrize("count", [1, 2])
async def test_nothing_is_published_while_a_confirm_is_overdue(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """A broker that hangs takes it later, although its sender was told 503 and sent it again."""
    monkeypatch.setattr(journal_publisher, "PUBLISH_TIMEOUT_S", 0.05)
    publisher, clock = FakePublisher(), Clock()
    publisher.events_open.clear()
    notes = JournalPublisher(publisher, clock)
    with pytest.raises(UnconfirmedError):
        await notes.accept([event("a")] * count)
    clock.now += journal_publisher.STALL_S
    with pytest.raises(UnconfirmedError):
        await notes.accept([event("b")] * count)
    clock.now += 0.1
    said = len(publisher.said)
    with pytest.raises(RefusedError, match="has not confirmed what was published 1 s ago"):
        await notes.accept([event("c")] * count)
    assert len(publisher.said) == said

    publisher.events_open.set()
    await asyncio.sleep(0.05)
    assert notes.problem is None
    await notes.accept([event("c")] * count)
    await notes.drained(5)
    noted = [name for names in publisher.noted for name in names]
    assert noted == ["a"] * count + ["b"] * count + ["c"] * count


def test_a_note_tells_events_of_one_id_apart() -> None:
    one = event("a")
    again = msgspec.structs.replace(one, accepted_ms=2)
    assert accepted(one) == accepted(event("a")) != accepted(again)
    assert accepted(one).event_id == accepted(again).event_id


def ignored(name: str) -> IgnoredNote:
    return IgnoredNote(name, "myregistry", 1, "pull")


async def test_what_is_ignored_is_noted_before_the_answer_where_that_is_quick() -> None:
    publisher = FakePublisher()
    await JournalPublisher(publisher).note_ignored([ignored("x"), ignored("y")], 5)
    assert publisher.said == ["portcall.journal"]
    assert publisher.noted == [["x", "y"]]


async def test_a_journal_that_does_not_confirm_holds_nobody_up_and_is_bounded() -> None:
    publisher, clock = FakePublisher(), Clock()
    publisher.journal_open.clear()
    notes = JournalPublisher(publisher, clock)
    for number in range(journal_publisher.MAX_WAITING + 50):
        await notes.note_ignored([ignored(f"n{number}")], 0)
    await notes.note_ignored([ignored("last")], 0.01)
    publisher.journal_open.set()
    await notes.drained(5)
    assert sum(len(names) for names in publisher.noted) == journal_publisher.MAX_WAITING
    await notes.note_ignored([ignored("again")], 5)
    assert publisher.noted[-1] == ["again"]


# -- direct frames -----------------------------------------------------------------------------


class Webhooks:
    """One webhook for everything, in an index that is always fresh."""

    age_s = 0.0
    is_too_large = False

    def __init__(self) -> None:
        self.index = ScopeIndex()
        self.index.put(7, "myregistry", "", 31)

    async def refresh(self) -> bool:
        return True

    def rung_ms(self, _webhook_id: int) -> int:
        return 0


def directing(publisher: FakePublisher) -> JournalPublisher:
    webhooks = Webhooks()
    direct = Direct(
        subscriptions=webhooks,
        pauses=webhooks,
        shards=1,
        backlog=lambda: 0,
        waiting=lambda _: 0,
        wake=lambda: None,
    )
    direct.is_laid = True
    return JournalPublisher(publisher, direct=direct)


async def test_a_single_event_is_one_publish_and_is_noted_as_accepted() -> None:
    publisher = FakePublisher()
    notes = directing(publisher)
    await notes.accept([event("a")])
    assert (publisher.frames, publisher.shards) == ([["a"]], ["0"])
    await notes.drained(5)
    assert publisher.noted == [["a"]]


async def test_several_events_of_a_request_are_the_routers() -> None:
    publisher = FakePublisher()
    await directing(publisher).accept([event("a"), event("b")])
    assert publisher.shards == [None]


async def test_what_its_shard_refuses_goes_to_the_router_within_the_request() -> None:
    publisher = FakePublisher()
    publisher.refusal, publisher.refuses_shards_only = RefusedError("full"), True
    notes = directing(publisher)
    await asyncio.gather(notes.accept([event("a")]), notes.accept([event("b")]))
    assert publisher.frames == [["a", "b"], ["a", "b"]]
    assert publisher.shards == ["0", None]
    await notes.accept([event("c")])
    assert publisher.shards[2:] == [None], "the shard is left alone for a while"
    assert publisher.are_again == [True, True, False], "another queue may have refused it"
    await notes.drained(5)
    assert publisher.noted == [["a", "b", "c"]]


async def test_what_everything_refuses_is_refused_once_and_not_noted() -> None:
    publisher = FakePublisher()
    publisher.refusal = RefusedError("full")
    notes = directing(publisher)
    with pytest.raises(RefusedError):
        await notes.accept([event("a")])
    assert publisher.shards == ["0", None]
    await notes.drained(5)
    assert publisher.noted == []


async def test_what_may_have_arrived_is_not_published_again() -> None:
    publisher = FakePublisher()
    publisher.refusal = UnconfirmedError("lost")
    notes = directing(publisher)
    with pytest.raises(UnconfirmedError):
        await notes.accept([event("a")])
    assert publisher.shards == ["0"]


async def test_a_shard_that_confirms_nothing_stalls_its_events_once_and_not_for_a_minute() -> None:
    """In a cluster a queue may be without a leader while all others work."""
    publisher = FakePublisher()
    publisher.refusal, publisher.refuses_shards_only = UnconfirmedError("no confirm"), True
    notes = directing(publisher)
    with pytest.raises(UnconfirmedError):
        await notes.accept([event("a")])
    assert publisher.limits == [DIRECT_GIVE_UP_S]
    await notes.accept([event("a")])
    assert (publisher.shards, publisher.frames) == (["0", None], [["a"], ["a"]])
    await notes.drained(5)
    assert publisher.noted == [["a"]]


async def test_events_are_noted_each_once_in_their_order_and_measured() -> None:
    def measured() -> float:
        return REGISTRY.get_sample_value("portcall_producer_publish_seconds_count") or 0.0

    publisher, before = FakePublisher(), measured()
    journal = JournalPublisher(publisher)
    names = [f"e{number}" for number in range(2 * SIZE + 3)]
    for name in names:
        await journal.accept([event(name)])
    await journal.drained(5)
    assert [name for frame in publisher.noted for name in frame] == names
    assert measured() - before == len(names)
