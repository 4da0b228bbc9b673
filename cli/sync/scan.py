"""The scan: every repository of the registry is compared, several at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

from portcall.cli.sync.comparison import Comparison, Missed, compare, deletes
from portcall.cli.sync.known import KnownTags
from portcall.cli.sync.progress_file import ProgressFile
from portcall.cli.sync.registry.catalogue import Catalogue

GoneTag = tuple[str, str, str]
"""A repository, a tag that Portcall knows there and that is not there, and its known digest."""
WORKERS = 8
"""Repositories that are compared at a time; the client bounds the requests of all of them."""


@dataclass(slots=True)
class Totals:
    """What a scan found.

    Attributes:
        repositories: How many repositories.
        tags: How many tags they have.
        seen: Tags of which Portcall knows what they name.
        unsure: Tags that it knows without a digest.
        missed: Pushes that it does not know.
        gone: Tags that it knows and that are not there.
    """

    repositories: int = 0
    tags: int = 0
    seen: int = 0
    unsure: int = 0
    missed: list[Missed] = field(default_factory=list)
    gone: list[GoneTag] = field(default_factory=list)

    def add(self, comparison: Comparison) -> None:
        """Add a repository."""
        self.repositories += 1
        self.tags += comparison.tags
        self.seen += comparison.seen
        self.unsure += comparison.unsure
        self.missed += comparison.missed
        self.gone += [(comparison.repository, *each) for each in sorted(comparison.gone.items())]


@dataclass(slots=True)
class Gone:
    """What became of the tags that are not there any more.

    Attributes:
        deleted: Deletes of manifests that are gone, too.
        untagged: Tags whose manifest is still there, or whose digest was never known.
        unclear: How many manifests the registry's answer says nothing about.
    """

    deleted: list[Missed] = field(default_factory=list)
    untagged: list[GoneTag] = field(default_factory=list)
    unclear: int = 0


class Scan:
    """Compares a registry with what Portcall knows.

    Args:
        catalogue: The registry.
        known: What Portcall knows.
        progress: Where compared repositories are noted; those of an earlier run are not asked for.
        now: The time of the comparison, as events have it.
        advance: Called with the number of compared repositories.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        known: KnownTags,
        progress: ProgressFile,
        *,
        now: str,
        advance: Callable[[int], None],
    ) -> None:
        self._catalogue = catalogue
        self._known = known
        self._progress = progress
        self._now = now
        self._advance = advance

    async def run(self, repositories: Sequence[str]) -> Totals:
        """Compare these repositories, or all if none are given.

        Raises:
            CliError: The registry or Portcall does not answer.
        """
        totals = Totals()
        listed = self._listed(repositories)
        turn = asyncio.Lock()
        seen: set[str] = set()

        async def work() -> None:
            while True:
                async with turn:
                    repository = await anext(listed, None)
                if repository is None:
                    return
                seen.add(repository)
                totals.add(await self._compared(repository))
                self._advance(1)

        await _together([work() for _ in range(WORKERS)])
        if not repositories:
            await self._add_vanished(totals, seen)
        totals.missed.sort(key=lambda each: (each.repository, each.tag))
        totals.gone.sort()
        return totals

    async def gone(self, totals: Totals) -> Gone:
        """Ask the registry which manifests of vanished tags are gone, too."""
        result = Gone()
        by_repository: dict[str, dict[str, str]] = {}
        for repository, tag, digest in totals.gone:
            by_repository.setdefault(repository, {})[tag] = digest
            if not digest:
                result.untagged.append((repository, tag, digest))
        for repository, tags in by_repository.items():
            known = await self._known.of(repository)
            for missed, named in deletes(repository, tags, known, self._now):
                match await self._catalogue.is_gone(repository, missed.digest):
                    case True:
                        result.deleted.append(missed)
                    case False:
                        result.untagged += [(repository, tag, missed.digest) for tag in named]
                    case None:
                        result.unclear += 1
        return result

    async def _compared(self, repository: str) -> Comparison:
        earlier = self._progress.earlier
        if earlier is not None and repository in earlier.compared:
            return earlier.compared[repository]
        # What is known is read first: an event that arrives between both shows as missed, and is
        # found before anything is published. In the other order a missed push could look seen.
        known = await self._known.of(repository)
        found = await self._catalogue.tags(repository)
        comparison = compare(repository, found, known, self._now)
        self._progress.compared(comparison)
        return comparison

    async def _add_vanished(self, totals: Totals, seen: set[str]) -> None:
        """Add the known tags of repositories that the registry does not list any more."""
        for repository, tags in (await self._known.outside(seen)).items():
            totals.gone += [(repository, tag, each.digest) for tag, each in tags.items()]

    async def _listed(self, repositories: Sequence[str]) -> AsyncIterator[str]:
        if repositories:
            for repository in repositories:
                yield repository
            return
        async for repository in self._catalogue.repositories():
            yield repository


async def _together(works: Sequence[object]) -> None:
    """Run coroutines together; the first error ends the others, and is raised by itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)  # type: ignore[arg-type]  # they are coroutines
    except BaseExceptionGroup as errors:
        raise _first(errors) from errors


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
