"""The table of `runtime.settle`, row by row."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import count

import pytest

from portcall.runtime.broker.settle import Message, Settler
from portcall.runtime.errors import BrokerError, PoisonMessageError
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.errors import FrameError, NewerFrameError
from portcall.schemas.frames import QUEUE_HEADER, REASON_HEADER
from portcall.schemas.topology import DEAD

_numbers = count()


@dataclass
class World:
    """What happened, in order: the broker that is told, the dead, the pause."""

    done: list[str] = field(default_factory=list)
    buried: list[tuple[bytes, str, Mapping[str, str | int] | None]] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    gate: asyncio.Event | None = None
    """What publishing to the dead, and pausing, wait for."""

    async def acknowledge(self) -> None:
        self.done.append("acked")

    async def give_back(self) -> None:
        self.done.append("returned")

    async def publish_surely(
        self,
        body: bytes,
        *,
        exchange: str,
        key: str = "",
        headers: Mapping[str, str | int] | None = None,
    ) -> None:
        await self._wait()
        self.buried.append((body, exchange, headers))
        self.done.append("buried")

    async def pause(self, delay_s: float) -> None:
        await self._wait()
        self.pauses.append(delay_s)
        self.done.append("paused")

    async def _wait(self) -> None:
        if self.gate is not None:
            await self.gate.wait()


def message(redeliveries: int = 0) -> Message:
    """A message from a queue that no other test counts."""
    return Message(b"body", f"queue{next(_numbers)}", {}, redeliveries)


def raising(error: BaseException) -> Callable[[Message], Awaitable[None]]:
    async def handle(_message: Message) -> None:
        raise error

    return handle


async def succeeding(_message: Message) -> None:
    return


def settled(queue: str, how: str) -> float:
    labels = {"queue": queue, "how": how}
    return REGISTRY.get_sample_value("portcall_messages_settled_total", labels) or 0


async def test_a_message_whose_handler_returns_is_acked() -> None:
    world, taken = World(), message()
    await Settler(succeeding, world, world.pause).settle(taken, world)
    assert world.done == ["acked"]
    assert settled(taken.queue, "acked") == 1


async def test_the_handler_gets_the_message() -> None:
    seen: list[Message] = []

    async def handle(taken: Message) -> None:
        seen.append(taken)

    world, taken = World(), message()
    await Settler(handle, world, world.pause).settle(taken, world)
    assert seen == [taken]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(PoisonMessageError("unknown action"), id="poison"),
        pytest.param(FrameError("not a frame"), id="no frame"),
        pytest.param(NewerFrameError("frame version 2"), id="newer frame"),
    ],
)
async def test_a_message_that_can_never_succeed_is_buried_with_the_reason_and_then_acked(
    error: Exception,
) -> None:
    world, taken = World(), message(redeliveries=3)
    await Settler(raising(error), world, world.pause).settle(taken, world)
    assert world.done == ["buried", "acked"]
    headers = {REASON_HEADER: str(error), QUEUE_HEADER: taken.queue}
    assert world.buried == [(b"body", DEAD, headers)]
    assert settled(taken.queue, "buried") == 1


async def test_the_ack_of_a_buried_message_waits_for_the_confirm_of_its_burial() -> None:
    world = World(gate=asyncio.Event())
    settler = Settler(raising(PoisonMessageError("no")), world, world.pause)
    settling = asyncio.create_task(settler.settle(message(), world))
    for _ in range(5):
        await asyncio.sleep(0)
    assert world.done == [] and world.gate is not None
    world.gate.set()
    await settling
    assert world.done == ["buried", "acked"]


async def test_a_long_reason_is_cut() -> None:
    world = World()
    settler = Settler(raising(PoisonMessageError("x" * 5000)), world, world.pause)
    await settler.settle(message(), world)
    ((_, _, headers),) = world.buried
    assert headers is not None and headers[REASON_HEADER] == "x" * 1000


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ValueError("a bug"), id="a bug"),
        pytest.param(BrokerError("away"), id="broker"),
        pytest.param(TimeoutError(), id="timeout"),
        pytest.param(OSError(5, "disk"), id="disk"),
        pytest.param(asyncio.CancelledError(), id="CancelledError, though nobody cancelled"),
    ],
)
async def test_a_message_whose_handler_fails_goes_back_after_a_pause(error: BaseException) -> None:
    world, taken = World(), message()
    await Settler(raising(error), world, world.pause).settle(taken, world)
    assert world.done == ["paused", "returned"]
    assert settled(taken.queue, "returned") == 1


@pytest.mark.parametrize(
    ("redeliveries", "pause_s"),
    [
        pytest.param(redeliveries, pause_s, id=str(redeliveries))
        for redeliveries, pause_s in [
            (0, 1),
            (1, 2),
            (2, 4),
            (4, 16),
            (5, 30),
            (6, 30),
            (500, 30),
            (1_000_000, 30),
        ]
    ],
)
async def test_the_pause_grows_with_the_redeliveries_and_is_bounded(
    redeliveries: int, pause_s: float
) -> None:
    world = World()
    settler = Settler(raising(ValueError()), world, world.pause)
    await settler.settle(message(redeliveries), world)
    assert world.pauses == [pause_s]


async def test_a_message_whose_handler_is_cancelled_is_left_to_the_end_of_the_channel() -> None:
    begun = asyncio.Event()

    async def handle(_message: Message) -> None:
        begun.set()
        await asyncio.Event().wait()

    world, taken = World(), message()
    settling = asyncio.create_task(Settler(handle, world, world.pause).settle(taken, world))
    await begun.wait()
    settling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await settling
    assert world.done == []
    assert not any(settled(taken.queue, how) for how in ("acked", "buried", "returned"))


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(PoisonMessageError("no"), id="while it is buried"),
        pytest.param(ValueError(), id="while it pauses"),
    ],
)
async def test_a_message_that_is_cancelled_before_it_is_settled_is_left_too(
    error: Exception,
) -> None:
    world = World(gate=asyncio.Event())
    settling = asyncio.create_task(
        Settler(raising(error), world, world.pause).settle(message(), world)
    )
    for _ in range(5):
        await asyncio.sleep(0)
    settling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await settling
    assert world.done == []
