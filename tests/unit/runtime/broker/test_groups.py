"""Work is put off until there is a group of it, and none is forgotten or done twice."""

from collections.abc import Mapping

from portcall.runtime.broker.groups import SIZE, Groups
from portcall.runtime.broker.routed_notes import RoutedNotes
from portcall.schemas.frames import decode_journal
from portcall.schemas.journal import routed
from tests.unit.deliverer.samples import event


def test_work_is_done_when_there_is_a_group_of_it() -> None:
    done: list[int] = []
    groups = Groups(done.append)
    for number in range(SIZE - 1):
        groups.add(number)
    assert done == []
    groups.add(SIZE - 1)
    groups.add(SIZE)
    assert done == list(range(SIZE))


def test_the_rest_is_done_when_asked_and_only_once() -> None:
    done: list[int] = []
    groups = Groups(done.append)
    groups.add(7)
    groups.do()
    groups.do()
    assert done == [7]


class Published:
    """Takes frames."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def publish_surely(
        self,
        body: bytes,
        *,
        exchange: str,
        key: str = "",
        headers: Mapping[str, str | int] | None = None,
    ) -> None:
        self.bodies.append(body)


async def test_routed_events_are_noted_each_once_and_in_their_order() -> None:
    published = Published()
    notes = RoutedNotes(published, max_held=1_000)
    events = [event(f"e{number}") for number in range(2 * SIZE + 3)]
    latches = [
        notes.note([(each, [number, 70], {"taggedOnly": [9]} if number % 2 else None)])
        for number, each in enumerate(events)
    ]
    notes.hold_nothing()
    for latch in latches:
        await latch.wait()
    found = [note for body in published.bodies for note in decode_journal(body).notes]
    assert found == [
        routed(each, [number, 70], {"taggedOnly": [9]} if number % 2 else None)
        for number, each in enumerate(events)
    ]
