"""Changed or not: the rules of the filter `changedOnly`, for one tag of one webhook. All pure.

A push is held back if the webhook was told the same digest before, and nothing else since. What
makes this hard is that routers work side by side: a push may be decided before an earlier one is.
So the newest push that was held back is kept, and sent after all when an earlier change turns up.
A change may therefore be told by a later push of the same digest.

Never lose a change; a needless POST is the smaller evil. Where the order of two pushes is not sure,
because the clocks of two producers may differ, the digest becomes unknown, and the next push is
sent whatever it names. What a tag names at last is told in whatever order events are decided, and
so is every change if one of them is decided late. Only if several are, a change may be left out
that another one had replaced by then.
"""

from dataclasses import replace
from typing import NamedTuple

import msgspec

from portcall.schemas.events import Event
from portcall.schemas.journal import digest_of, manifest_of
from portcall.store.intake.told_tags import ToldTag

SKEW_MS = 5_000
"""Within it, the times of acceptance of two events do not say which came first."""

RECENT_MS = 60_000
"""What was held back so long before a change is not sent with it: no earlier one is under way."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Event).decode


class Step(NamedTuple):
    """What follows from an event for a tag of a webhook.

    Attributes:
        sends: Whether the webhook gets the event.
        after: The row to store, with the version that was read; None: it stays.
        released: An event that was held back before, and must be sent now; None: none.
    """

    sends: bool
    after: ToldTag | None
    released: Event | None = None


def pushed(row: ToldTag | None, event: Event, webhook_id: int) -> Step:
    """A push of a tag that names a digest.

    Args:
        row: What the webhook was told; None: nothing.
        event: The push.
        webhook_id: The webhook.
    """
    digest, identity = manifest_of(event), digest_of(event)
    told = ToldTag(
        webhook_id, event.repository, event.tag, event.registry, digest, event.accepted_ms, identity
    )
    if row is None:
        return Step(sends=True, after=told)
    if row.event == identity:  # routed again, after the death of a router
        return Step(sends=True, after=None)
    if event.accepted_ms < row.told_ms:
        return _late(row, digest, event)
    if row.digest == digest:
        return Step(sends=False, after=_holding(row, event))
    unsure = event.accepted_ms - row.told_ms < SKEW_MS
    told = replace(told, digest="" if unsure else digest, version=row.version)
    return _released(row, told, event.accepted_ms)


def deleted(row: ToldTag, event: Event) -> Step:
    """A delete of the digest that a tag names: the next push is a change, whatever it names."""
    after = replace(row, digest="", held=b"", told_ms=max(row.told_ms, event.accepted_ms))
    if event.accepted_ms < row.told_ms - SKEW_MS:
        return Step(sends=False, after=None)  # it was pushed again since
    return _released(row, after, event.accepted_ms)


def _late(row: ToldTag, digest: str, event: Event) -> Step:
    """A push that came before what the webhook was told: it is sent, because it may be a change."""
    if row.digest in ("", digest) or event.accepted_ms < row.told_ms - SKEW_MS:
        return Step(sends=True, after=None)
    kept, blurred = _held(row), replace(row, digest="", held=b"")
    if kept is None:
        return Step(sends=True, after=blurred)
    blurred = replace(blurred, told_ms=max(row.told_ms, kept.accepted_ms), event=digest_of(kept))
    return Step(sends=True, after=blurred, released=kept)


def _holding(row: ToldTag, event: Event) -> ToldTag | None:
    """The row that keeps *event*; None: it keeps a newer one, or this one, already."""
    kept = _held(row)
    if kept is not None and kept.accepted_ms >= event.accepted_ms:
        return None
    return replace(row, held=_encode(event))


def _released(row: ToldTag, after: ToldTag, change_ms: int) -> Step:
    """The step to *after*, with what was held back and may be later than the change."""
    kept, after = _held(row), replace(after, held=b"")
    if kept is None or kept.accepted_ms <= change_ms - RECENT_MS:
        return Step(sends=True, after=after)
    if kept.accepted_ms <= change_ms - SKEW_MS:
        return Step(sends=True, after=after, released=kept)
    is_sure = kept.accepted_ms >= change_ms + SKEW_MS
    last = replace(
        after,
        digest=row.digest if is_sure else "",
        told_ms=max(kept.accepted_ms, after.told_ms),
        event=digest_of(kept),
    )
    return Step(sends=True, after=last, released=kept)


def _held(row: ToldTag) -> Event | None:
    try:
        return _decode(row.held) if row.held else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # a later version's
