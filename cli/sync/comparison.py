"""The comparison: what a registry has, against what Portcall knows. Pure: values in, values out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from portcall.cli.sync.registry.catalogue import Found


class Known(NamedTuple):
    """What Portcall knows of a tag.

    Attributes:
        digest: Of the newest accepted push; empty: the push named none.
        seen_at: When it was accepted.
    """

    digest: str
    seen_at: str


@dataclass(frozen=True, slots=True)
class Missed:
    """A push, or a delete of a manifest, that no event told of.

    Attributes:
        action: ``push`` or ``delete``.
        repository: The repository.
        tag: The tag; empty for a delete.
        digest: What was pushed or deleted.
        was: The digest that Portcall knows of the tag; empty: it does not know the tag.
        was_seen_at: When it saw that.
        media_type: Of the manifest; empty: not known.
        size: Of the manifest, in bytes; None: not known.
        at: The event's timestamp: of the push where the registry knows it, else of the comparison.
    """

    action: str
    repository: str
    tag: str
    digest: str
    was: str = ""
    was_seen_at: str = ""
    media_type: str = ""
    size: int | None = None
    at: str = ""


@dataclass(slots=True)
class Comparison:
    """What a comparison of one repository says.

    Attributes:
        repository: The repository.
        seen: Tags of which Portcall knows what they name.
        unsure: Tags that it knows without a digest: their source sends none.
        missed: Pushes that it does not know.
        gone: Tags that it knows and that are not there, each with its digest.
    """

    repository: str
    seen: int = 0
    unsure: int = 0
    missed: list[Missed] = field(default_factory=list)
    gone: dict[str, str] = field(default_factory=dict)

    @property
    def tags(self) -> int:
        """How many tags the registry has."""
        return self.seen + self.unsure + len(self.missed)


def compare(
    repository: str, found: Mapping[str, Found], known: Mapping[str, Known], now: str
) -> Comparison:
    """Compare the tags of one repository.

    A tag that moved several times has one missed push: the registry knows only its last digest.

    Args:
        repository: The repository.
        found: The registry's tags.
        known: Portcall's.
        now: The time of the comparison, as events have it.
    """
    result = Comparison(repository)
    for tag, there in sorted(found.items()):
        before = known.get(tag)
        if before is not None and before.digest == there.digest:
            result.seen += 1
        elif before is not None and not before.digest:
            result.unsure += 1
        else:
            result.missed.append(missed_push(repository, tag, there, before, now))
    result.gone = {tag: each.digest for tag, each in known.items() if tag not in found}
    return result


def missed_push(repository: str, tag: str, there: Found, before: Known | None, now: str) -> Missed:
    """The push of a tag that Portcall knows otherwise, or not at all."""
    return Missed(
        "push",
        repository,
        tag,
        there.digest,
        was=before.digest if before else "",
        was_seen_at=before.seen_at if before else "",
        media_type=there.media_type,
        size=there.size,
        at=there.pushed_at or now,
    )


def deletes(
    repository: str, gone: Mapping[str, str], known: Mapping[str, Known], now: str
) -> list[tuple[Missed, Sequence[str]]]:
    """The manifests that may have been deleted, each with the tags that named it.

    Args:
        repository: The repository.
        gone: Tags that are not there, each with its digest.
        known: What Portcall knows of the repository's tags.
        now: The time of the comparison.
    """
    named: dict[str, list[str]] = {}
    for tag, digest in sorted(gone.items()):
        if digest:
            named.setdefault(digest, []).append(tag)
    return [
        (Missed("delete", repository, "", digest, was_seen_at=_last(tags, known), at=now), tags)
        for digest, tags in named.items()
    ]


def _last(tags: Sequence[str], known: Mapping[str, Known]) -> str:
    """When the newest of these tags was seen: another push of the digest is another delete."""
    return max((known[tag].seen_at for tag in tags if tag in known), default="")
