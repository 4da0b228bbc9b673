"""The existing sources: kept in memory, at most two seconds older than the store."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from portcall.producer.http.errors import UnavailableError, UnknownSourceError
from portcall.producer.http.kept import Kept, Revisions
from portcall.schemas.sources import Proof, Source

MAX_NAME = 100
"""Of a registry or a source: a longer one exists nowhere."""


class Catalogue(Protocol):
    """The needed part of the store's sources."""

    def usable(self) -> Sequence[Source]:
        """Every source with its secrets."""
        ...


class KnownSources:
    """The sources that events are taken from.

    A known source costs nothing, and is accepted while the store is unreachable, too.
    """

    def __init__(self, *, catalogue: Catalogue, revisions: Revisions) -> None:
        self._catalogue = catalogue
        first: Mapping[tuple[str, str], Source] = {}
        self._kept = Kept(first, self._read, revisions, "sources")

    @property
    def problem(self) -> str | None:
        """Why the last query failed, or None."""
        return self._kept.problem

    async def find(self, registry: str, name: str) -> Source:
        """The source of these names, in any case.

        Raises:
            UnknownSourceError: There is none.
            UnavailableError: It is not in memory and the store cannot be asked, or its secrets
                cannot be opened.
        """
        if len(registry) > MAX_NAME or len(name) > MAX_NAME:
            raise UnknownSourceError
        key = (registry.lower(), name.lower())
        if key not in self._kept.value:
            await self._kept.look_again()
        source = self._kept.value.get(key)
        if source is None:
            if self.problem:
                raise UnavailableError("the store does not answer; send it again")
            raise UnknownSourceError
        if source.problem:
            raise UnavailableError("the source's secret cannot be opened; see the producer's log")
        return source

    def all(self) -> Collection[Source]:
        """The sources in memory."""
        return self._kept.value.values()

    def has(self, registry: str, name: str) -> bool:
        """Whether there is a source of these names, in any case, in memory."""
        return (registry.lower(), name.lower()) in self._kept.value

    def authorities(self) -> list[str]:
        """The authorities of all client certificates, each bundle in PEM."""
        return [
            each.options.get("ca_bundle", "")
            for each in self._kept.value.values()
            if each.proof is Proof.CLIENT_CERTIFICATE
        ]

    async def refresh(self) -> None:
        """Read the changes; returns after a query that began after this call."""
        await self._kept.refresh()

    def unusable(self) -> Mapping[str, str]:
        """Why secrets cannot be opened, by source: warnings of the process."""
        return {
            f"source {each.registry}/{each.name}": each.problem
            for each in self._kept.value.values()
            if each.problem
        }

    def _read(self) -> Mapping[tuple[str, str], Source]:
        found = self._catalogue.usable()
        return {(each.registry, each.name.lower()): each for each in found}
