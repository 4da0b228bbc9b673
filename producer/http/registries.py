"""The existing registries: kept in memory, at most two seconds older than the store."""

from collections.abc import Sequence
from typing import Protocol

from portcall.producer.http.errors import UnavailableError, UnknownRegistryError
from portcall.producer.http.kept import Kept, Revisions
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.webhooks import check_name
from portcall.store.webhooks.registries import Registry


class Catalogue(Protocol):
    """The needed part of the store's registries."""

    def list(self) -> Sequence[Registry]:
        """Every registry."""
        ...


class Registries:
    """The registries whose events are accepted.

    A known name costs nothing, and is accepted while the store is unreachable, too. For an unknown
    one the store is asked; concurrent requests share one query.
    """

    def __init__(self, *, catalogue: Catalogue, revisions: Revisions) -> None:
        self._catalogue = catalogue
        self._kept = Kept[frozenset[str]](frozenset(), self._read, revisions, "registries")

    @property
    def problem(self) -> str | None:
        """Why the last query failed, or None."""
        return self._kept.problem

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
        if not self.has(key):
            await self._look_for(key, name)
        return key

    def has(self, key: str) -> bool:
        """Whether there is a registry with that key, without asking the store."""
        return key in self._kept.value

    async def refresh(self) -> None:
        """Read the changes; returns after a query that began after this call."""
        await self._kept.refresh()

    async def _look_for(self, key: str, name: str) -> None:
        await self._kept.look_again()
        if self.has(key):
            return
        if self.problem:
            raise UnavailableError("the store does not answer; send it again")
        raise UnknownRegistryError(name)

    def _read(self) -> frozenset[str]:
        return frozenset(registry.key for registry in self._catalogue.list())
