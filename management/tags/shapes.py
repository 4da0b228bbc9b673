"""Known tags as answers; see `management.http.shapes`."""

from msgspec import UNSET, UnsetType

from portcall.management.http.shapes import Link, Shape, Timestamp


class KnownTag(Shape, frozen=True):
    """A tag that is there, as far as the accepted events say.

    Attributes:
        repository: The repository.
        tag: The tag.
        digest: Of its manifest; empty: the push did not name one.
        seen_at: When the event was accepted, or the tag adopted.
    """

    repository: str
    tag: str
    digest: str
    seen_at: Timestamp


class KnownTagList(Shape, frozen=True):
    """A page of the known tags of a registry, by repository and tag."""

    value: list[KnownTag]
    next_link: Link | UnsetType = UNSET


class TagsAdopted(Shape, frozen=True):
    """How many tags count as seen now."""

    adopted: int
