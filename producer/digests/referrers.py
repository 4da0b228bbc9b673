"""Referrers: digests that were pushed under a tag of what is attached to another artifact.

A delete by digest does not say what its digest was. Signing a second time with notation deletes an
index that was pushed under ``sha256-<hex>``, although no image was deleted. So producers remember
such digests, in the table and the memory of known digests, each by a name of its own: no digest has
an @, so it is none of theirs. Pushed later under another tag, a digest is no referrer any more.

Docker distribution's translator does this while it reads, because pulls and mounts tell of digests,
too. The events of all other senders come to `mark_referrers`.

With several producers, each knows at once what it saw itself, and asks the store for the others. A
delete that comes while another producer still stores the push, or while the store is away, is sent:
an unnecessary webhook does little harm. So is one whose digest this producer knows by a
notification without a tag. If one producer got the push under ``sha256-<hex>``, and another one a
later push of the same digest under a common tag, the digest still counts as a referrer; no known
client pushes so.

Pushes of a tag by Gitea, Forgejo and Nexus name no digest: their deletes are never marked.
"""

from msgspec import structs

from portcall.producer.digests.digests import REFERRER, DigestMemory, full_name
from portcall.schemas.artifact_types import is_referrer_tag
from portcall.schemas.events import Action, Event
from portcall.schemas.extras import NONE
from portcall.schemas.journal import manifest_of

TAGGED = "tagged"
"""In the place of `REFERRER`: the digest has a common tag since."""


def mark_referrers(seen: DigestMemory, events: list[Event]) -> None:
    """Remember the referrers among pushes, and mark the deletes of such digests.

    A body is read only for a push under the tag of an attachment, for a delete without a tag, and
    for a push of a tag where this process knows referrers. All other events cost a comparison. It
    may be called again for the same events, when open questions are answered.

    Args:
        seen: The known digests; those of the events are added.
        events: In their order; marked deletes replace the others.
    """
    for number, event in enumerate(events):
        if event.action == Action.PUSH:
            if event.tag and (seen.knows_referrers or is_referrer_tag(event.tag)):
                place = (event.registry, event.repository)
                remember_referrer(seen, *place, manifest_of(event), event.tag)
        elif event.action == Action.DELETE and not event.tag:
            digest = manifest_of(event)
            if was_referrer(seen, event.registry, event.repository, digest):
                extras = structs.replace(event.extras or NONE, referrer=True)
                events[number] = structs.replace(event, extras=extras)


def remember_referrer(
    seen: DigestMemory, registry: str, repository: str, digest: str, tag: str
) -> None:
    """Remember what a tag says of its digest; an empty digest is none."""
    if not digest:
        return
    name = referrer_name(registry, repository, digest)
    if is_referrer_tag(tag):
        seen.saw_manifest(name, REFERRER)
    elif seen.media_type(name) == REFERRER:
        seen.saw_manifest(name, TAGGED)


def was_referrer(seen: DigestMemory, registry: str, repository: str, digest: str) -> bool:
    """Whether the digest of a delete was last seen under such a tag; an empty digest was not.

    The store is asked only for digests that this process has not seen itself. So with several
    producers a referrer may not be known as one for a moment, or not at all: see the module's text.
    """
    if not digest:
        return False
    name = referrer_name(registry, repository, digest)
    if seen.media_type(full_name(registry, repository, digest)) is None:
        seen.only_blob(name)  # asks the store
    return seen.media_type(name) == REFERRER


def referrer_name(registry: str, repository: str, digest: str) -> bytes:
    """The key under which it is remembered that a digest is a referrer."""
    return full_name(registry, repository, f"{digest}@referrer")
