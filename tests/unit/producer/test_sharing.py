"""Group commit: which events share a frame."""

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from portcall.producer import sharing
from portcall.producer.sharing import SharedFrames, Waiting
from portcall.runtime.errors import UnconfirmedError
from portcall.schemas.events import Event
from portcall.schemas.frames import MAX_BYTES, MAX_ITEMS


def event(name: str, *, action: str = "push", size: int = 2) -> Event:
    body = b'"' + b"x" * (size - 2) + b'"'
    return Event(name, "myregistry", action, 1, msgspec.Raw(body), "team/app", "v1")


class Sends:
    """Keeps frames; confirms them while its gate is open."""

    def __init__(self) -> None:
        self.frames: list[tuple[str, list[str]]] = []
        self.gate = asyncio.Event()
        self.fails: str | None = None
        self.shards: list[int | None] = []

    async def __call__(self, key: str, shard: int | None, items: Sequence[Waiting]) -> None:
        names = [item.event.id for item in items]
        self.shards.append(shard)
        self.frames.append((key.partition(".")[2], names))
        await self.gate.wait()
        if self.fails in names:
            raise UnconfirmedError("lost")


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_an_event_alone_leaves_at_once() -> None:
    sends = Sends()
    SharedFrames(sends).add(event("a"))
    await turns()
    assert sends.frames == [("push", ["a"])]
    sends.gate.set()
    await turns()


async def test_another_action_has_frames_of_its_own_and_does_not_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sharing, "LINGER_S", 60.0)
    sends = Sends()
    shared = SharedFrames(sends)
    shared.add(event("a"))
    await turns()
    shared.add(event("b"))
    shared.add(event("c", action="delete"))
    await turns()
    assert sends.frames == [("push", ["a"]), ("delete", ["c"])]
    sends.gate.set()
    await turns()
    assert sends.frames[2:] == [("push", ["b"])]


async def test_a_huge_event_is_alone_and_a_full_frame_leaves_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sharing, "LINGER_S", 60.0)
    sends = Sends()
    shared = SharedFrames(sends)
    for one in (event("a"), event("huge", size=2 * MAX_BYTES), event("b")):
        shared.add(one)
    await turns()
    assert sends.frames == [("push", ["a"]), ("push", ["huge"])]
    for number in range(MAX_ITEMS):
        shared.add(event(f"e{number}"))
    await turns()
    assert sends.frames[2] == ("push", ["b", *(f"e{number}" for number in range(MAX_ITEMS - 1))])
    sends.gate.set()
    await turns()
    assert sends.frames[3] == ("push", [f"e{MAX_ITEMS - 1}"])


async def test_a_lost_frame_fails_its_events_and_no_others() -> None:
    sends = Sends()
    sends.gate.set()
    sends.fails = "b"
    shared = SharedFrames(sends)
    first = [shared.add(event(name)) for name in "ab"]
    await turns()
    second = shared.add(event("c"))
    await second
    for one in first:
        with pytest.raises(UnconfirmedError):
            await one


async def test_an_event_whose_request_has_left_is_sent_all_the_same() -> None:
    sends = Sends()
    shared = SharedFrames(sends)
    left, stayed = shared.add(event("a")), shared.add(event("b"))
    left.cancel()
    sends.gate.set()
    await stayed
    assert sends.frames == [("push", ["a", "b"])]


async def test_keys_without_events_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "MAX_KEYS", 2)
    sends = Sends()
    sends.gate.set()
    shared = SharedFrames(sends)
    for action in ("push", "delete", "chart_push"):
        await shared.add(event("a", action=action))
        await turns()
    assert len(shared._batchers) == 1


async def test_events_of_a_shard_have_frames_of_their_own() -> None:
    sends = Sends()
    shared = SharedFrames(sends)
    for name, shard in (("a", None), ("b", 0), ("c", 1), ("d", 0)):
        shared.add(event(name), shard, [] if shard is None else [7])
    await turns()
    assert sends.frames == [("push", ["a"]), ("push", ["b", "d"]), ("push", ["c"])]
    assert sends.shards == [None, 0, 1]
    sends.gate.set()
    await turns()


async def test_a_direct_frame_has_no_more_deliveries_than_one_by_a_router() -> None:
    sends = Sends()
    shared = SharedFrames(sends)
    for number in range(4):
        shared.add(event(f"e{number}"), 0, range(MAX_ITEMS // 2))
    await turns()
    sends.gate.set()
    await turns()
    assert [len(names) for _, names in sends.frames] == [1, 1, 1, 1]
