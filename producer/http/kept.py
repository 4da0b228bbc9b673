"""A value of the store that is kept in memory, and read again after each change."""

import asyncio
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from portcall.producer.http.errors import UnavailableError
from portcall.runtime.logs import get_logger
from portcall.store.errors import StoreUnavailableError

MIN_INTERVAL_S = 0.05
"""Between two queries: requests for unknown names share one instead of adding more."""
MISS_TIMEOUT_S = 3.0

ValueT = TypeVar("ValueT")


class Revisions(Protocol):
    """The needed part of the store's webhooks."""

    def revision(self) -> int:
        """The revision of the last change, including those of registries and sources."""
        ...


class Kept(Generic[ValueT]):
    """A value, at most two seconds older than the store.

    However many ask for something that is not in it, there is one query at a time.

    Args:
        first: The value before the first query.
        read: Reads the value; it may block.
        revisions: Tells whether it may have changed.
        name: Its name, for the problem.

    Attributes:
        value: The value.
        problem: Why the last query failed, or None.
    """

    def __init__(
        self, first: ValueT, read: Callable[[], ValueT], revisions: Revisions, name: str
    ) -> None:
        self.value = first
        self.problem: str | None = f"the {name} have not been read yet"
        self._read = read
        self._revisions = revisions
        self._revision = -1
        self._asking = asyncio.Lock()
        self._begun = 0
        self._not_before = 0.0
        self._log = get_logger()

    async def refresh(self) -> None:
        """Read the changes; returns after a query that began after this call."""
        loop = asyncio.get_running_loop()
        begun = self._begun
        async with self._asking:
            if self._begun > begun:
                return
            await asyncio.sleep(self._not_before - loop.time())
            self._begun += 1
            await self._ask()
            self._not_before = loop.time() + MIN_INTERVAL_S

    async def look_again(self) -> None:
        """Refresh for a request that found nothing, within `MISS_TIMEOUT_S`.

        Raises:
            UnavailableError: The store cannot be asked.
        """
        try:
            async with asyncio.timeout(MISS_TIMEOUT_S):
                await self.refresh()
        except TimeoutError as error:
            raise UnavailableError("the store does not answer; send it again") from error

    async def _ask(self) -> None:
        try:
            # Read the revision first: a change between the two queries is then seen the next time.
            revision = await asyncio.to_thread(self._revisions.revision)
            if revision != self._revision:
                self.value = await asyncio.to_thread(self._read)
                self._revision = revision
        except StoreUnavailableError as error:
            if self.problem is None:
                self._log.warning("store.lost", reason=str(error))
            self.problem = str(error)
        else:
            self.problem = None
