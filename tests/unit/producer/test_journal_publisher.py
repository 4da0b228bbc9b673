"""Accepting: first the events, then the notes of them, and no answer before both are confirmed."""

import asyncio
from collections.abc import Mapping

import msgspec
import pytest

from portcall.producer import journal_publisher
from portcall.producer.journal_publisher import JournalPublisher
from portcall.runtime.errors import RefusedError, UnconfirmedError
from portcall.schemas.events import Event
from portcall.schemas.frames import decode_journal
from portcall.schemas.journal import IgnoredNote, accepted


def event(name: str) -> Event:
    return Event(name, "myregistry", "push", 1, msgspec.Raw(b"{}"), "team/app", "v1")


class FakePublisher:
    """Confirms events at once, and notes when it is told to."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.noted: list[list[str]] = []
        self.refusal: RefusedError | None = None
        self.journal_open = asyncio.Event()
        self.journal_open.set()

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
        if self.refusal:
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


async def test_what_is_confirmed_is_noted_and_then_accepted() -> None:
    publisher = FakePublisher()
    publisher.journal_open.clear()
    notes = asyncio.create_task(JournalPublisher(publisher).accept([event("a"), event("b")]))
    await asyncio.sleep(0.01)
    assert publisher.said == ["portcall.events", "portcall.journal"]
    assert not notes.done()
    publisher.journal_open.set()
    await notes
    assert publisher.noted == [["a", "b"]]


async def test_what_is_refused_is_not_noted() -> None:
    publisher = FakePublisher()
    publisher.refusal = RefusedError("full")
    with pytest.raises(RefusedError):
        await JournalPublisher(publisher).accept([event("a")])
    await asyncio.sleep(0.01)
    assert publisher.said == ["portcall.events"]


async def test_requests_that_come_together_share_a_frame_of_notes() -> None:
    publisher = FakePublisher()
    accept = JournalPublisher(publisher).accept
    await asyncio.gather(*(accept([event(f"e{number}")]) for number in range(10)))
    assert publisher.noted == [[f"e{number}" for number in range(10)]]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_journal_that_does_not_confirm_is_told_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal_publisher, "PUBLISH_TIMEOUT_S", 0.05)
    publisher = FakePublisher()
    publisher.journal_open.clear()
    notes = JournalPublisher(publisher)
    with pytest.raises(UnconfirmedError, match="no confirm"):
        await notes.accept([event("a")])
    publisher.journal_open.set()  # the note is not withdrawn: the broker has the event
    await notes.accept([event("b")])
    assert publisher.noted == [["a"], ["b"]]


async def test_nothing_is_published_while_a_confirm_is_overdue(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A broker that hangs takes it later, although its sender was told 503 and sent it again."""
    monkeypatch.setattr(journal_publisher, "PUBLISH_TIMEOUT_S", 0.05)
    publisher, clock = FakePublisher(), Clock()
    publisher.journal_open.clear()
    notes = JournalPublisher(publisher, clock)
    with pytest.raises(UnconfirmedError):
        await notes.accept([event("a")])
    clock.now += journal_publisher.STALL_S
    with pytest.raises(UnconfirmedError):
        await notes.accept([event("b")])
    clock.now += 0.1
    said = len(publisher.said)
    with pytest.raises(RefusedError, match="has not confirmed what was published 1 s ago"):
        await notes.accept([event("c")])
    assert len(publisher.said) == said

    publisher.journal_open.set()
    await asyncio.sleep(0.01)
    assert notes.problem is None
    await notes.accept([event("c")])
    assert [name for names in publisher.noted for name in names] == ["a", "b", "c"]


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
    await asyncio.sleep(0.1)
    assert sum(len(names) for names in publisher.noted) == journal_publisher.MAX_WAITING
    await notes.note_ignored([ignored("again")], 5)
    assert publisher.noted[-1] == ["again"]
