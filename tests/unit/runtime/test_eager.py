"""Eager tasks begin at once, and are tasks otherwise."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

import pytest

from portcall.runtime.eager import EagerTask, begin

Begin = Callable[[Coroutine[Any, Any, Any]], asyncio.Future[Any]]
PLACE: ContextVar[str] = ContextVar("place", default="outside")
both = pytest.mark.parametrize("start", [begin, EagerTask])
"""`begin` takes asyncio's own where there is one."""


@both
async def test_what_need_not_wait_is_done_at_once(start: Begin) -> None:
    async def work() -> int:
        return 7

    task = start(work())
    assert task.done()
    assert task.result() == 7


@both
async def test_what_waits_goes_on_later(start: Begin) -> None:
    steps = []

    async def work(waited: "asyncio.Future[str]") -> str:
        steps.append("begun")
        found = await waited
        await asyncio.sleep(0)
        steps.append("ended")
        return found

    waited: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = start(work(waited))
    assert (steps, task.done()) == (["begun"], False)
    waited.set_result("found")
    assert await task == "found"
    assert steps == ["begun", "ended"]


@both
async def test_an_error_is_the_tasks(start: Begin) -> None:
    async def fails(when: float | None) -> None:
        if when is not None:
            await asyncio.sleep(when)
        raise LookupError("no")

    for when in (None, 0, 0.001):
        with pytest.raises(LookupError, match="no"):
            await start(fails(when))


@both
async def test_the_error_of_what_it_waits_for_is_raised_in_it(start: Begin) -> None:
    async def catches(waited: "asyncio.Future[None]") -> str:
        try:
            await waited
        except ConnectionError as error:
            return str(error)
        return "none"

    waited: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = start(catches(waited))
    waited.set_exception(ConnectionError("gone"))
    assert await task == "gone"


@both
async def test_it_can_be_cancelled(start: Begin) -> None:
    said = []

    async def work() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            said.append("cancelled")
            raise

    task = start(work())
    assert task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (said, task.cancelled(), task.cancel()) == (["cancelled"], True, False)


@both
async def test_it_may_refuse_to_be_cancelled(start: Begin) -> None:
    async def stubborn() -> str:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            return "went on"
        return "not cancelled"

    task = start(stubborn())
    task.cancel()
    assert await task == "went on"


@both
async def test_a_cancellation_between_two_waits_is_not_lost(start: Begin) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0)  # it waits for no future
        begun.set()
        await asyncio.sleep(10)

    task = start(work())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not begun.is_set()


@both
async def test_a_time_limit_ends_a_wait_and_no_more(start: Begin) -> None:
    async def work() -> str:
        try:
            async with asyncio.timeout(0.01):
                await asyncio.sleep(10)
        except TimeoutError:
            await asyncio.sleep(0.001)
            return "too late"
        return "in time"

    assert await start(work()) == "too late"


@both
async def test_it_is_the_current_task_of_its_work_only(start: Begin) -> None:
    seen: list[object] = []

    async def work() -> None:
        seen.append(asyncio.current_task())
        await asyncio.sleep(0)
        seen.append(asyncio.current_task())

    ours = asyncio.current_task()
    task = start(work())
    assert asyncio.current_task() is ours
    await task
    assert seen == [task, task]


@both
async def test_one_may_begin_in_another(start: Begin) -> None:
    async def inner() -> str:
        async with asyncio.timeout(1):
            await asyncio.sleep(0)
        return "inner"

    async def outer() -> str:
        task = start(inner())
        await asyncio.sleep(0)
        found: str = await task
        return found

    assert await start(outer()) == "inner"


@both
async def test_it_has_its_own_copy_of_the_context(start: Begin) -> None:
    async def work() -> str:
        PLACE.set("inside")
        await asyncio.sleep(0)
        return PLACE.get()

    assert await start(work()) == "inside"
    assert PLACE.get() == "outside"


@both
async def test_others_can_wait_for_it(start: Begin) -> None:
    async def work(number: int) -> int:
        await asyncio.sleep(0)
        return number

    tasks = [start(work(number)) for number in range(3)]
    done, _ = await asyncio.wait(tasks)
    assert {task.result() for task in done} == {0, 1, 2}
    assert await asyncio.gather(*(start(work(number)) for number in range(3))) == [0, 1, 2]
