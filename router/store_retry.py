"""Store retry: events that need the store's answer wait for it, however long that takes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from portcall.runtime.logs import get_logger
from portcall.store.errors import StoreUnavailableError

RETRY_S = 0.5

AnswerT = TypeVar("AnswerT")
Arguments = ParamSpec("Arguments")
Pause = Callable[[float], Awaitable[None]]
"""Waits for so many seconds."""


async def answered(
    pause: Pause,
    ask: Callable[Arguments, AnswerT],
    *args: Arguments.args,
    **kwargs: Arguments.kwargs,
) -> AnswerT:
    """Call a method of the store in a thread, again and again until the store answers."""
    while True:
        try:
            return await asyncio.to_thread(ask, *args, **kwargs)
        except StoreUnavailableError as error:
            get_logger().warning("store.awaited", reason=str(error))
            await pause(RETRY_S)
