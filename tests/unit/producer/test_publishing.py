"""Frames of a request's events, and what their publishing promises."""

import asyncio
from collections.abc import Mapping

import msgspec
import pytest

from portcall.producer.publishing import Frame, frames_of, publish_events
from portcall.runtime.errors import BrokerError, RefusedError, UnconfirmedError
from portcall.schemas.events import Event
from portcall.schemas.frames import MAX_BYTES, MAX_ITEMS, decode_events


def event(
    number: int, *, action: str = "push", registry: str = "myregistry", size: int = 2
) -> Event:
    body = b'"' + b"x" * (size - 2) + b'"'
    return Event(f"e{number}", registry, action, 1, msgspec.Raw(body), "team/app", "v1")


def packed(events: list[Event]) -> list[tuple[str, list[str]]]:
    return [
        (frame.key, [event.id for event in decode_events(frame.body).events])
        for frame in frames_of(events)
    ]


def test_no_events_make_no_frame() -> None:
    assert packed([]) == []


def test_events_of_one_registry_and_action_share_a_frame_in_their_order() -> None:
    events = [event(1), event(2, action="delete"), event(3), event(4, registry="other")]
    assert packed(events) == [
        ("myregistry.push", ["e1", "e3"]),
        ("myregistry.delete", ["e2"]),
        ("other.push", ["e4"]),
    ]


def test_a_frame_has_at_most_so_many_events() -> None:
    frames = packed([event(number) for number in range(2 * MAX_ITEMS + 1)])
    assert [len(ids) for _, ids in frames] == [MAX_ITEMS, MAX_ITEMS, 1]
    assert [event_id for _, ids in frames for event_id in ids] == [f"e{n}" for n in range(129)]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([MAX_BYTES // 2, MAX_BYTES // 2], [2]),
        ([MAX_BYTES // 2, MAX_BYTES // 2 + 1], [1, 1]),
        ([MAX_BYTES + 1], [1]),
        ([10, MAX_BYTES + 1, 10], [1, 1, 1]),
        ([MAX_BYTES - 10, 5, 5, 5], [3, 1]),
    ],
)
def test_a_frame_has_at_most_so_many_bytes_but_for_a_single_event(
    sizes: list[int], expected: list[int]
) -> None:
    frames = packed([event(number, size=size) for number, size in enumerate(sizes)])
    assert [len(ids) for _, ids in frames] == expected


class FakePublisher:
    """Takes frames; raises what is laid down for a key."""

    def __init__(self, errors: dict[str, BrokerError] | None = None) -> None:
        self.errors = errors or {}
        self.published: list[Frame] = []

    async def publish(
        self,
        body: bytes,
        *,
        exchange: str,
        key: str = "",
        headers: Mapping[str, str | int] | None = None,
        timeout_s: float = 20.0,
    ) -> None:
        await asyncio.sleep(0)
        assert (exchange, timeout_s) == ("portcall.events", 60.0)
        self.published.append(Frame(key, body))
        if key in self.errors:
            raise self.errors[key]


async def test_every_frame_is_published_once() -> None:
    publisher = FakePublisher()
    events = [event(number) for number in range(MAX_ITEMS + 1)]
    await publish_events(publisher, events)
    assert publisher.published == list(frames_of(events))


@pytest.mark.parametrize("error", [RefusedError("full"), UnconfirmedError("lost")])
async def test_one_frame_without_a_confirm_fails_the_whole_after_all_have_answered(
    error: BrokerError,
) -> None:
    publisher = FakePublisher({"myregistry.delete": error})
    with pytest.raises(type(error)):
        await publish_events(publisher, [event(1, action="delete"), event(2)])
    assert len(publisher.published) == 2
