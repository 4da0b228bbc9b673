"""The existing registries: kept in memory, at most two seconds older than the store."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from portcall.producer.http.errors import UnavailableError, UnknownRegistryError
from portcall.runtime.logs import get_logger
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.webhooks import check_name
from portcall.store.errors import StoreUnavailableError
from portcall.store.webhooks.registries import Registry

MIN_INTERVAL_S = 0.05
"""Between two queries: requests for unknown registries share one instead of adding more."""
MISS_TIMEOUT_S = 3.0


class Catalogue(Protocol):
    """The needed part of the store's registries."""

    def list(self) -> Sequence[Registry]:
        """Every registry."""
        ...


class Revisions(Protocol):
    """The needed part of the store's webhooks."""

    def revision(self) -> int:
        """The revision of the last change, including those of registries."""
        ...


class Registries:
    """The registries whose events are accepted.

    A known name costs nothing, and is accepted while the store is unreachable, too. For an unknown
    one the store is asked; concurrent requests share one query.
    other one the store is asked. However many ask, there is one question at a time.

    Attributes:
        problem: Why the last query failed, or None.
    """

    def __init__(self, *, catalogue: Catalogue, revisions: Revisions) -> None:
        self._catalogue = catalogue
        self._revisions = revisions
        self._known: frozenset[str] = frozenset()
        self._revision = -1
        self._asking = asyncio.Lock()
        self._begun = 0
        self._not_before = 0.0
        self._log = get_logger()
        self.problem: str | None = "the registries have not been read yet"

    async def find(self, name: str) -> str:
        """The key of the registry of that name, in any case.

        Raises:
            UnknownRegistryError: There is none.
            UnavailableError: It is not in memory, and the store cannot be asked.
        """
        try:
            key = check_name(name, "registry").lower()
        except InvalidValueError as error:
            raise UnknownRegistryError(name) from error
        if key not in self._known:
            await self._look_for(key, name)
        return key

    def has(self, key: str) -> bool:
        """Whether there is a registry with that key, without asking the store."""
        return key in self._known

    async def _look_for(self, key: str, name: str) -> None:
        try:
            async with asyncio.timeout(MISS_TIMEOUT_S):
                await self.refresh()
        except TimeoutError as error:
            raise UnavailableError("the store does not answer; send it again") from error
        if key in self._known:
            return
        if self.problem:
            raise UnavailableError("the store does not answer; send it again")
        raise UnknownRegistryError(name)

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

    async def _ask(self) -> None:
        try:
            # Read the revision first: a change between the two queries is then seen the next time.
            revision = await asyncio.to_thread(self._revisions.revision)
            if revision != self._revision:
                registries = await asyncio.to_thread(self._catalogue.list)
                self._known = frozenset(registry.key for registry in registries)
                self._revision = revision
        except StoreUnavailableError as error:
            if self.problem is None:
                self._log.warning("store.lost", reason=str(error))
            self.problem = str(error)
        else:
            self.problem = None
