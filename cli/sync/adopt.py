"""Adopting: missed tags count as seen, and tags that are not there are forgotten, without an event.

The comparison may be hours old. So each tag is checked once more just before, as events are: where
an event was accepted in the meantime, what it says stays.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from portcall.cli.sync.comparison import Known, Missed
from portcall.cli.sync.known import ADOPTED_AT_ONCE, KnownTags
from portcall.cli.sync.registry.catalogue import Catalogue
from portcall.cli.sync.registry.errors import RegistryError
from portcall.cli.sync.scan import GoneTag

_HIDDEN = frozenset({401, 403})


class _Tag(NamedTuple):
    """A tag to adopt.

    Attributes:
        repository: The repository.
        tag: The tag.
        digest: What it names now; None: it is not there.
        was: What Portcall knew of it at the comparison; None: nothing.
    """

    repository: str
    tag: str
    digest: str | None
    was: str | None


async def adopt(
    catalogue: Catalogue, known: KnownTags, missed: Sequence[Missed], gone: Sequence[GoneTag]
) -> int:
    """Adopt these tags, but for those that changed since they were compared.

    Args:
        catalogue: The registry.
        known: What Portcall knows.
        missed: Pushes whose tags count as seen.
        gone: Tags to forget.

    Returns:
        How many were adopted.

    Raises:
        CliError: The registry or the management API refuses or does not answer.
    """
    tags = [_Tag(each.repository, each.tag, each.digest, each.was or None) for each in missed]
    tags += [_Tag(repository, tag, None, digest) for repository, tag, digest in gone]
    if tags:
        await known.catch_up()
    adopted = 0
    for repository, part in _parts(tags):
        now = await known.of(repository)
        checks = await asyncio.gather(*(_is_unchanged(catalogue, each, now) for each in part))
        left = [each for each, is_unchanged in zip(part, checks, strict=True) if is_unchanged]
        await known.adopt([(each.repository, each.tag, each.digest) for each in left])
        adopted += len(left)
    return adopted


def _parts(tags: Sequence[_Tag]) -> Iterator[tuple[str, Sequence[_Tag]]]:
    """The tags of one repository after the other, in parts of one request."""
    by_repository: dict[str, list[_Tag]] = {}
    for each in tags:
        by_repository.setdefault(each.repository, []).append(each)
    for repository, found in by_repository.items():
        for start in range(0, len(found), ADOPTED_AT_ONCE):
            yield repository, found[start : start + ADOPTED_AT_ONCE]


async def _is_unchanged(catalogue: Catalogue, tag: _Tag, known: Mapping[str, Known]) -> bool:
    now = known.get(tag.tag)
    if (now.digest if now else None) != tag.was:
        return False
    return tag.digest is not None or await _is_absent(catalogue, tag)


async def _is_absent(catalogue: Catalogue, tag: _Tag) -> bool:
    """Whether a tag is not there; a repository that the credentials may not see proves nothing."""
    try:
        return await catalogue.look(tag.repository, tag.tag) is None
    except RegistryError as error:
        if error.status in _HIDDEN:
            return False
        raise
