"""Replays as answers; see `management.http.shapes`."""

from msgspec import UNSET, UnsetType

from portcall.management.http.shapes import Link, Shape, Timestamp
from portcall.schemas.records import Outcome
from portcall.store.records.replays import ReplayState


class ReplayCount(Shape, frozen=True):
    """How many deliveries a replay would have, and how many of them it would pass over."""

    total: int
    disabled: int
    deleted: int


class Selected(Shape, frozen=True):
    """Which deliveries a replay is of."""

    outcomes: list[Outcome]
    webhook: str | UnsetType = UNSET
    event_id: str | UnsetType = UNSET
    since: Timestamp | UnsetType = UNSET
    until: Timestamp | UnsetType = UNSET


class Skipped(Shape, frozen=True):
    """Deliveries that a replay passed over."""

    disabled: int
    gone: int


class ReplayFacts(Shape, frozen=True):
    """``properties`` of a replay."""

    state: ReplayState
    selection: Selected
    rate: int
    total: int
    published: int
    skipped: Skipped
    created_at: Timestamp
    changed_at: Timestamp


class Replay(Shape, frozen=True):
    """A replay."""

    type: str
    id: str
    name: str
    properties: ReplayFacts


class ReplayList(Shape, frozen=True):
    """A page of replays, newest first."""

    value: list[Replay]
    next_link: Link | UnsetType = UNSET


class TriedNow(Shape, frozen=True):
    """A delivery whose next attempt is made now.

    Attributes:
        event_id: Its event.
        delivery_id: Sent as ``webhook-id``.
        attempt: The number of the attempt that follows.
    """

    event_id: str
    delivery_id: str
    attempt: int
