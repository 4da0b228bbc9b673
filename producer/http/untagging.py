"""Untagging: which registries have a webhook that needs events of deleted tags.

Such a webhook has the action `untag`, or the filter `tagsOnDelete`: then routers store the tags.
"""

from typing import Protocol

from portcall.producer.http.errors import UnavailableError
from portcall.producer.http.kept import Kept, Revisions


class Catalogue(Protocol):
    """The needed part of the store's subscribers."""

    def untagging(self) -> frozenset[str]:
        """The keys of registries with such a webhook that is enabled."""
        ...


class Untagging:
    """Knows these registries, at most two seconds late.

    Args:
        catalogue: The store's subscribers.
        revisions: Tells whether they may have changed.
    """

    def __init__(self, *, catalogue: Catalogue, revisions: Revisions) -> None:
        self._catalogue = catalogue
        self._is_read = False
        self._kept = Kept[frozenset[str]](frozenset(), self._read, revisions, "webhooks")

    @property
    def problem(self) -> str | None:
        """Why the last query failed, or None."""
        return self._kept.problem

    async def wants(self, registry: str) -> bool:
        """Whether a registry (its key) has such a webhook.

        Raises:
            UnavailableError: The store has not answered yet, since this process began.
        """
        if not self._is_read:
            await self._kept.look_again()
        if not self._is_read:
            raise UnavailableError("the store does not answer; send it again")
        return registry in self._kept.value

    async def refresh(self) -> None:
        """Read the changes."""
        await self._kept.refresh()

    def _read(self) -> frozenset[str]:
        found = self._catalogue.untagging()
        self._is_read = True
        return found
