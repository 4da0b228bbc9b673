"""When a frame leaves, and with what in it."""

import asyncio
import random
from collections.abc import Callable

import pytest

from portcall.runtime.broker import batcher
from portcall.runtime.broker.batcher import Batcher

NEVER_S = 1e6


async def turns(count: int = 5) -> None:
    """Let the loop go on without time passing."""
    for _ in range(count):
        await asyncio.sleep(0)


class Sends:
    """Takes frames; each is under way until it is told otherwise."""

    def __init__(self) -> None:
        self.frames: list[list[int]] = []
        self.under_way: list[asyncio.Future[None]] = []
        self.sent = asyncio.Event()

    async def __call__(self, items: list[int]) -> None:
        self.frames.append(items)
        confirm: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.under_way.append(confirm)
        self.sent.set()
        await confirm

    def confirm(self, *frames: int) -> None:
        for frame in frames:
            self.under_way[frame].set_result(None)

    def confirm_all(self) -> None:
        for confirm in self.under_way:
            if not confirm.done():
                confirm.set_result(None)


def make(
    sends: Sends,
    *,
    weigh: Callable[[int, int | None], int] = lambda _item, _last: 1,
    max_items: int = 100,
    max_weight: int = 1_000_000,
    linger_s: float = NEVER_S,
    enough: int = 1,
    patient: bool = False,
) -> Batcher[int]:
    return Batcher(
        sends,
        weigh=weigh,
        max_items=max_items,
        max_weight=max_weight,
        linger_s=linger_s,
        enough=enough,
        patient=patient,
    )


async def test_what_is_added_in_one_turn_leaves_together_and_at_once_when_nothing_is_under_way() -> (
    None
):
    sends = Sends()
    batcher = make(sends)
    for item in range(5):
        batcher.add(item)
    assert sends.frames == []
    await turns()
    assert sends.frames == [[0, 1, 2, 3, 4]]


async def test_full_frames_leave_at_once_though_others_are_under_way_and_the_rest_waits() -> None:
    sends = Sends()
    batcher = make(sends, max_items=3)
    for item in range(7):
        batcher.add(item)
    await turns()
    assert sends.frames == [[0, 1, 2], [3, 4, 5]]
    batcher.add(7)
    batcher.add(8)
    await turns()
    assert sends.frames[2:] == [[6, 7, 8]]


async def test_what_waits_leaves_when_the_last_frame_under_way_is_confirmed() -> None:
    sends = Sends()
    batcher = make(sends, max_items=2)
    for item in range(5):
        batcher.add(item)
    await turns()
    sends.confirm(0)
    await turns()
    assert sends.frames == [[0, 1], [2, 3]]
    sends.confirm(1)
    await turns()
    assert sends.frames == [[0, 1], [2, 3], [4]]


async def test_what_waits_leaves_after_the_linger_though_a_frame_hangs() -> None:
    sends = Sends()
    batcher = make(sends, linger_s=0.001)
    batcher.add(0)
    await turns()
    sends.sent.clear()
    batcher.add(1)
    batcher.add(2)
    await turns()
    async with asyncio.timeout(5):
        await sends.sent.wait()
    assert sends.frames == [[0], [1, 2]]
    assert not sends.under_way[0].done()


async def test_a_frame_that_a_confirm_sent_off_does_not_leave_again_after_the_linger() -> None:
    sends = Sends()
    batcher = make(sends, linger_s=0.001)
    batcher.add(0)
    await turns()
    batcher.add(1)
    sends.confirm(0)
    await turns()
    batcher.add(2)
    sends.sent.clear()
    async with asyncio.timeout(5):
        await sends.sent.wait()
    assert sends.frames == [[0], [1], [2]]


@pytest.mark.parametrize(
    ("weights", "frames"),
    [
        pytest.param([4, 4, 2], [[4, 4, 2]], id="exactly full"),
        pytest.param([4, 4, 3], [[4, 4], [3]], id="one too much"),
        pytest.param([11], [[11]], id="one that is too heavy by itself"),
        pytest.param([1, 11, 1], [[1], [11], [1]], id="too heavy, in between"),
        pytest.param([5, 5, 5, 5, 5], [[5, 5], [5, 5], [5]], id="several frames"),
        pytest.param([0, 0, 0], [[0, 0, 0]], id="no weight"),
    ],
)
async def test_a_frame_is_not_heavier_than_the_limit(
    weights: list[int], frames: list[list[int]]
) -> None:
    sends = Sends()
    batcher = make(sends, weigh=lambda item, _last: item, max_weight=10, linger_s=0.001)
    for weight in weights:
        batcher.add(weight)
    async with asyncio.timeout(5):
        while len(sends.frames) < len(frames):
            await sends.sent.wait()
            sends.sent.clear()
    assert sends.frames == frames


async def test_an_item_is_weighed_beside_the_last_one_of_its_own_frame() -> None:
    asked: list[tuple[int, int | None]] = []

    def weigh(item: int, last: int | None) -> int:
        asked.append((item, last))
        return 4

    sends = Sends()
    batcher = make(sends, weigh=weigh, max_weight=10)
    for item in range(4):
        batcher.add(item)
    assert asked == [(0, None), (1, 0), (2, 1), (2, None), (3, 2)]


@pytest.mark.parametrize("seed", range(5))
async def test_items_leave_in_the_order_in_which_they_were_added(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (a test's choices, the same each time)
    sends = Sends()
    batcher = make(
        sends, weigh=lambda item, _last: item % 7, max_items=4, max_weight=15, linger_s=0.0005
    )
    for item in range(300):
        batcher.add(item)
        if chance.random() < 0.3:
            await turns(chance.randrange(3))
        if chance.random() < 0.2:
            sends.confirm_all()
    while len([item for frame in sends.frames for item in frame]) < 300:
        sends.confirm_all()
        await turns(1)
    sends.confirm_all()
    await batcher.drained()
    assert [item for frame in sends.frames for item in frame] == list(range(300))


async def test_drained_sends_what_waits_and_returns_when_everything_is_confirmed() -> None:
    sends = Sends()
    batcher = make(sends)
    batcher.add(0)
    await turns()
    batcher.add(1)
    drained = asyncio.create_task(batcher.drained())
    await turns()
    assert sends.frames == [[0], [1]]
    sends.confirm(1)
    await turns()
    assert not drained.done()
    sends.confirm(0)
    async with asyncio.timeout(5):
        await drained


async def test_drained_waits_for_what_is_added_meanwhile() -> None:
    sends = Sends()
    batcher = make(sends)
    batcher.add(0)
    drained = asyncio.create_task(batcher.drained())
    await turns()
    batcher.add(1)
    sends.confirm(0)
    await turns()
    assert sends.frames == [[0], [1]] and not drained.done()
    sends.confirm(1)
    async with asyncio.timeout(5):
        await drained


async def test_with_nothing_to_send_it_is_drained_at_once() -> None:
    await make(Sends()).drained()


async def test_it_is_crowded_until_there_is_room_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batcher, "MAX_UNDER_WAY", 3)
    sends = Sends()
    crowd = make(sends, max_items=1)
    for item in range(2):
        crowd.add(item)
    await crowd.room()
    crowd.add(2)
    crowd.add(3)
    assert crowd.crowded
    waiting = asyncio.create_task(crowd.room())
    await turns()
    sends.confirm(1)
    await turns()
    assert not waiting.done(), "three are under way still"
    sends.confirm(0)
    async with asyncio.timeout(5):
        await waiting
    assert not crowd.crowded


async def test_a_cancelled_send_holds_nothing_up() -> None:
    sends = Sends()
    batcher = make(sends)
    batcher.add(0)
    await turns()
    batcher.add(1)
    sends.under_way[0].cancel()
    await turns()
    assert sends.frames == [[0], [1]]
    sends.under_way[1].cancel()
    await batcher.drained()
    batcher.add(2)
    await turns()
    assert sends.frames == [[0], [1], [2]]


async def test_a_send_that_fails_is_told_of_and_holds_nothing_up() -> None:
    told: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: told.append(context["exception"])
    )
    sends = Sends()
    batcher = make(sends, linger_s=0.001)
    batcher.add(0)
    await turns()
    batcher.add(1)
    error = ValueError("a bug")
    sends.sent.clear()
    sends.under_way[0].set_exception(error)
    async with asyncio.timeout(5):
        await sends.sent.wait()
    assert told == [error] and sends.frames == [[0], [1]]


async def test_items_that_are_not_enough_wait_for_others_though_no_frame_is_under_way() -> None:
    sends = Sends()
    batcher = make(sends, enough=3)
    for item in (0, 1):
        batcher.add(item)
        await turns()
    assert sends.frames == []
    for item in (2, 3):
        batcher.add(item)
    await turns()
    assert sends.frames == [[0, 1, 2, 3]]


async def test_items_that_are_not_enough_leave_after_the_linger() -> None:
    sends = Sends()
    batcher = make(sends, enough=3, linger_s=0.001)
    batcher.add(0)
    await turns()
    batcher.add(1)
    async with asyncio.timeout(5):
        await sends.sent.wait()
    assert sends.frames == [[0, 1]]


async def test_a_confirm_sends_off_no_items_that_are_not_enough() -> None:
    sends = Sends()
    batcher = make(sends, enough=2)
    for item in range(2):
        batcher.add(item)
    await turns()
    batcher.add(2)
    sends.confirm(0)
    await turns()
    assert sends.frames == [[0, 1]]
    batcher.add(3)
    await turns()
    assert sends.frames == [[0, 1], [2, 3]]


async def test_after_hold_nothing_items_leave_at_once() -> None:
    sends = Sends()
    batcher = make(sends, enough=9)
    batcher.add(0)
    batcher.hold_nothing()
    await turns()
    sends.confirm(0)
    await turns()
    batcher.add(1)
    await turns()
    assert sends.frames == [[0], [1]]
    sends.confirm_all()
    await turns()


async def test_a_patient_one_waits_for_the_linger_though_nothing_is_under_way() -> None:
    sends = Sends()
    batcher = make(sends, linger_s=0.01, patient=True)
    batcher.add(0)
    await turns()
    batcher.add(1)
    await turns()
    assert sends.frames == []
    async with asyncio.timeout(5):
        await sends.sent.wait()
    assert sends.frames == [[0, 1]]
    batcher.add(2)
    sends.confirm(0)
    await turns()
    assert sends.frames == [[0, 1]] and not batcher.is_idle


async def test_a_patient_one_that_is_hurried_sends_at_once_or_after_the_frame_under_way() -> None:
    sends = Sends()
    batcher = make(sends, patient=True)
    batcher.hurry()
    batcher.add(0)
    batcher.hurry()
    await turns()
    assert sends.frames == [[0]]
    batcher.add(1)
    batcher.hurry()
    batcher.add(2)
    await turns()
    assert sends.frames == [[0]]
    sends.confirm(0)
    await turns()
    assert sends.frames == [[0], [1, 2]]
    batcher.add(3)
    sends.confirm(1)
    await turns()
    assert sends.frames == [[0], [1, 2]]


async def test_a_patient_one_sends_what_waits_when_it_is_drained() -> None:
    sends = Sends()
    batcher = make(sends, patient=True)
    batcher.add(0)
    draining = asyncio.create_task(batcher.drained())
    await turns()
    assert sends.frames == [[0]] and not draining.done()
    sends.confirm_all()
    await draining
    assert batcher.is_idle
