"""`portcall drain`: when it ends, and what it says."""

from collections.abc import Callable, Iterator

import pytest

from portcall.cli.client import Document
from portcall.cli.commands.drain import QUIET_S, DrainState, drained, told
from portcall.cli.errors import NotRunningError


def look(queued: int = 0, dead: int = 0, **pending: int) -> Document:
    return {
        "registries": [{"open": pending}, {"open": {}}],
        "queued": {"notRouted": 0, "notRetried": queued},
        "dead": dead,
    }


class Clock:
    """Time that passes by pausing alone."""

    def __init__(self) -> None:
        self.now = 100.0
        self.said: list[str] = []

    def drain(self, looks: Iterator[Document | Exception], timeout_s: float = 60) -> DrainState:
        return drained(
            _asking(looks),
            timeout_s=timeout_s,
            clock=lambda: self.now,
            pause=self._pause,
            tell=self.said.append,
        )

    def _pause(self, delay_s: float) -> None:
        self.now += delay_s


def _asking(looks: Iterator[Document | Exception]) -> Callable[[], Document]:
    def ask() -> Document:
        found = next(looks)
        if isinstance(found, Exception):
            raise found
        return found

    return ask


def repeated(*looks: Document | Exception) -> Iterator[Document | Exception]:
    yield from looks
    while True:
        yield looks[-1]


def test_an_empty_pipeline_is_looked_at_until_no_producer_can_publish_any_more() -> None:
    clock = Clock()
    assert clock.drain(repeated(look())).is_empty
    assert clock.now >= 100 + QUIET_S + 1


def test_it_waits_until_nothing_is_pending_at_two_looks() -> None:
    clock = Clock()
    looks = [look(notRetried=2)] * 20 + [look(), look(notRouted=1), look()]
    state = clock.drain(repeated(*looks))
    assert state.is_empty
    assert clock.now >= 100 + 23
    assert clock.said[0] == "2 deliveries pending (2 wait for a retry)."


def test_a_message_in_a_queue_is_pending_though_no_note_of_it_came() -> None:
    state = Clock().drain(repeated(look(queued=1)), timeout_s=10)
    assert not state.is_empty
    assert not state.problem


def test_after_the_timeout_it_says_what_is_pending_and_what_to_do() -> None:
    clock = Clock()
    state = clock.drain(repeated(look(notRetried=1, notAttempted=3)), timeout_s=30)
    assert clock.now >= 130
    assert dict(state.pending) == {"notRetried": 1, "notAttempted": 3}
    lines = told(state)
    assert lines[0].startswith("4 deliveries pending (1 wait for a retry, 3 wait for")
    assert "portcall drain --end" in lines[1]


def test_a_look_that_fails_is_made_again() -> None:
    away = NotRunningError("management does not answer")
    assert Clock().drain(repeated(away, away, look())).is_empty


def test_a_pipeline_that_cannot_be_looked_at_is_not_called_drained() -> None:
    state = Clock().drain(repeated(NotRunningError("management does not answer")), timeout_s=9)
    assert not state.is_empty
    assert "management does not answer" in told(state)[0]


@pytest.mark.parametrize("timeout_s", [0.0, QUIET_S])
def test_a_time_that_is_too_short_is_not_called_drained(timeout_s: float) -> None:
    state = Clock().drain(repeated(look()), timeout_s=timeout_s)
    assert not state.is_empty
    assert "too short" in state.problem


def test_dead_letters_are_named_because_they_go_with_the_folder() -> None:
    lines = told(Clock().drain(repeated(look(dead=3))))
    assert "3 messages in portcall.dead" in lines[1]
    assert len(told(Clock().drain(repeated(look())))) == 1
