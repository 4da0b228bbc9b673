"""Store retry: frames wait for a store that does not answer, however long that takes."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_random_exponential

from portcall.runtime.logs import get_logger
from portcall.store.errors import StoreUnavailableError

AnswerT = TypeVar("AnswerT")
Arguments = ParamSpec("Arguments")


async def answered(
    ask: Callable[Arguments, AnswerT], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> AnswerT:
    """Call a method of the store in a thread, again and again until the store answers."""
    attempts = AsyncRetrying(
        wait=wait_random_exponential(multiplier=0.1, max=5),
        retry=retry_if_exception_type(StoreUnavailableError),
        before_sleep=_tell,
    )
    return await attempts(asyncio.to_thread, ask, *args, **kwargs)


def _tell(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    get_logger().warning("store.awaited", attempt=state.attempt_number, reason=str(error))
