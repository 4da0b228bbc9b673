"""Threads for calls that block: every call is made once, and one thread wakes up for it."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from portcall.runtime.threads import Calls, call_threads

PATIENCE_S = 10.0


def until(condition: Callable[[], bool]) -> None:
    """Wait for another thread."""
    ends_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends_s
        time.sleep(0.001)


class CountedCalls(Calls[int]):
    """Counts how often someone waits; each wait but the last ended with a wake-up."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = 0

    def _wait(self) -> None:
        self.waits += 1
        super()._wait()


def test_an_item_wakes_one_of_those_that_wait() -> None:
    calls, taken = CountedCalls(), list[int]()

    def take() -> None:
        while (item := calls.get()) >= 0:
            taken.append(item)

    threads = [threading.Thread(target=take, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(calls._waiting) == 4)
    for item in range(10):
        calls.put(item)
        until(lambda: len(calls._waiting) == 4)
    waits = calls.waits
    for _ in threads:
        calls.put(-1)
    for thread in threads:
        thread.join(PATIENCE_S)
    assert taken == list(range(10))
    assert waits == 4 + 10


def test_the_thread_that_worked_last_works_again() -> None:
    with call_threads(4) as pool:
        gate = threading.Barrier(4)
        list(pool.map(lambda _: gate.wait(PATIENCE_S), range(4)))
        calls: object = pool._work_queue
        assert isinstance(calls, Calls)
        workers = set()
        for _ in range(10):
            until(lambda: len(calls._waiting) == 4)
            workers.add(pool.submit(threading.get_ident).result(PATIENCE_S))
    assert len(workers) == 1


def test_no_item_is_lost_or_taken_twice() -> None:
    with ThreadPoolExecutor(8) as givers, call_threads(8) as pool:
        seen, lock = list[int](), threading.Lock()

        def see(number: int) -> None:
            with lock:
                seen.append(number)

        def give(start: int) -> None:
            for number in range(start, start + 500):
                pool.submit(see, number)

        list(givers.map(give, range(0, 4_000, 500)))
    assert sorted(seen) == list(range(4_000))


@pytest.mark.parametrize("take", [Calls.get_nowait, lambda calls: calls.get(block=False)])
def test_an_empty_queue_says_so(take: Callable[[Calls[int]], int]) -> None:
    calls = Calls[int]()
    with pytest.raises(queue.Empty):
        take(calls)
    calls.put(1)
    assert take(calls) == 1


async def test_an_event_loop_calls_in_these_threads() -> None:
    asyncio.get_running_loop().set_default_executor(call_threads(2))
    names = await asyncio.gather(
        *(asyncio.to_thread(lambda: threading.current_thread().name) for _ in range(20))
    )
    assert {name.partition("_")[0] for name in names} == {"call"}
