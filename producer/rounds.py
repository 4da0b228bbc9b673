"""Rounds: blocking calls one at a time, shared by waiting requests, with a limit of the wait."""

import asyncio
from collections.abc import Awaitable, Callable

from portcall.runtime.logs import get_logger
from portcall.store.errors import StoreUnavailableError

PATIENCE_S = 0.3
"""For one round. By default a registry waits for 1 s altogether."""
RETRY_S = 1.0
"""After a failure the next round waits for so long."""


class Rounds:
    """Calls to the store that requests share.

    A request waits for a round that begins after its call, because an earlier one may have started
    without its part. While the store hangs or fails, requests do not wait at all.

    Args:
        work: One round: handles everything that waits; raises `StoreUnavailableError`.
        name: Its name in log lines.
        retries: Whether to repeat a failed round even if no request asks.
    """

    def __init__(self, work: Callable[[], Awaitable[None]], *, name: str, retries: bool) -> None:
        self._work = work
        self._name = name
        self._retries = retries
        self._next: asyncio.Future[bool] | None = None
        self._running: asyncio.Task[None] | None = None
        self._begun = 0.0
        self._failed_at: float | None = None
        self._log = get_logger()

    @property
    def is_hopeless(self) -> bool:
        """Whether the store hangs or has just failed."""
        now = asyncio.get_running_loop().time()
        if self._running is not None and now - self._begun > PATIENCE_S:
            return True
        return self._failed_at is not None and now - self._failed_at < RETRY_S

    def begin(self) -> "asyncio.Future[bool] | None":
        """Request a round; returns an argument for `settled`. None: waiting is useless."""
        if not self.is_hopeless:
            return self._start()
        if self._retries and self._running is not None:
            self._start()
        return None

    async def settled(self, following: "asyncio.Future[bool] | None") -> bool:
        """Wait for a round; False: it failed, or has not ended in time."""
        if following is None:
            return False
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await asyncio.shield(following)
        except TimeoutError:
            return False

    async def drained(self, within_s: float) -> None:
        """Make one more round, and wait until it ended or the time is over."""
        following = self._start()
        await asyncio.wait([following], timeout=within_s)

    def _start(self) -> asyncio.Future[bool]:
        """The next round."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        following = self._next
        if self._running is None:
            self._running = asyncio.ensure_future(self._run())
            self._running.add_done_callback(self._ended)
        return following

    async def _run(self) -> None:
        while self._next is not None:
            following, self._next = self._next, None
            self._begun = asyncio.get_running_loop().time()
            following.set_result(await self._succeeds())

    async def _succeeds(self) -> bool:
        loop = asyncio.get_running_loop()
        try:
            await self._work()
        except StoreUnavailableError as error:
            if self._failed_at is None:
                self._log.warning(f"{self._name}.failed", reason=str(error))
            self._failed_at = loop.time()
            if self._retries:
                loop.call_later(RETRY_S, self._start)
            return False
        if self._failed_at is not None:
            self._log.info(f"{self._name}.recovered")
        self._failed_at = None
        return True

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running = None
        if not task.cancelled() and (error := task.exception()):
            raise error
