"""Referrers: digests that were pushed under a tag of what is attached to another artifact.

A delete by digest does not say what its digest was. Signing a second time with notation deletes an
index that was pushed under ``sha256-<hex>``, although no image was deleted. So producers remember
such digests, in the table and the memory of known digests, each by a name of its own: no digest has
an @, so it is none of theirs. Pushed later under another tag, a digest is no referrer any more.
"""

from portcall.producer.digests.digests import DigestMemory, full_name
from portcall.schemas.artifact_types import is_referrer_tag
from portcall.schemas.events import PublishedEvent

REFERRER, TAGGED = "referrer", "tagged"
"""What is kept of such a name, in the place of a media type."""


def remember_referrer(
    seen: DigestMemory, registry: str, repository: str, digest: str, tag: str
) -> None:
    """Remember what a tag says of its digest."""
    name = referrer_name(registry, repository, digest)
    if is_referrer_tag(tag):
        seen.saw_manifest(name, REFERRER)
    elif seen.media_type(name) == REFERRER:
        seen.saw_manifest(name, TAGGED)


def was_referrer(seen: DigestMemory, registry: str, deleted: PublishedEvent) -> bool:
    """Whether the digest of a delete was last seen under such a tag.

    The store is asked only for digests that this process has not seen itself. So with several
    producers a referrer may not be known as one: an unnecessary webhook does little harm.
    """
    repository, digest = deleted.target.repository or "", deleted.target.digest
    if not digest:
        return False
    name = referrer_name(registry, repository, digest)
    if seen.media_type(full_name(registry, repository, digest)) is None:
        seen.only_blob(name)  # asks the store
    return seen.media_type(name) == REFERRER


def referrer_name(registry: str, repository: str, digest: str) -> bytes:
    """The key under which it is remembered that a digest is a referrer."""
    return full_name(registry, repository, f"{digest}@referrer")
