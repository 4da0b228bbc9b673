"""Explanations as answers; see `management.http.shapes`."""

from msgspec import UNSET, UnsetType

from portcall.management.explain.explanation import Whereabouts
from portcall.management.explain.reasons import Predicate
from portcall.management.http.extras import ToldExtras
from portcall.management.http.shapes import Shape, Timestamp
from portcall.schemas.globs.scopes import Effect
from portcall.schemas.records import Outcome


class Miss(Shape, frozen=True):
    """Why a webhook does not match."""

    predicate: Predicate
    message: str


class Attempt(Shape, frozen=True):
    """One record of a delivery.

    Attributes:
        reason: Why it was decided so.
    """

    attempt: int
    outcome: Outcome
    status: int
    started_at: Timestamp
    duration_ms: float
    reason: str


class DeliveryLife(Shape, frozen=True):
    """Where a delivery is, and every record of it.

    Attributes:
        rung: What it waits on, about.
    """

    delivery_id: str
    whereabouts: Whereabouts
    attempts: list[Attempt]
    rung: str | UnsetType = UNSET
    next_attempt_at: Timestamp | UnsetType = UNSET


class WebhookExplained(Shape, frozen=True):
    """One webhook and the event; a deleted webhook has no name."""

    id: str
    name: str
    matches: bool
    misses: list[Miss]
    delivery: DeliveryLife


class IgnoredBecause(Shape, frozen=True):
    """Why a notification became no event.

    Attributes:
        reason: In the word that counters have.
        place: The path of what could not be read; empty: it was read, and is no registry event.
        message: In words.
    """

    reason: str
    place: str
    message: str


class Explanation(Shape, frozen=True):
    """For every webhook of the registry why it gets the event or not, and where that is.

    Attributes:
        ignored: Why it became no event at all; then there are no webhooks.
        extras: What its source tells beyond its payload; known once it was routed to no webhook, or
            has a record.
    """

    id: str
    registry: str
    action: str
    repository: str
    tag: str
    accepted_at: Timestamp
    is_routed: bool
    webhooks: list[WebhookExplained]
    ignored: IgnoredBecause | UnsetType = UNSET
    extras: ToldExtras | UnsetType = UNSET


class PatternTried(Shape, frozen=True):
    """One pattern of the scopes and the event.

    Attributes:
        effect: Whether it includes the event, excludes it, or has no effect on it.
        reason: Why.
    """

    pattern: str
    effect: Effect
    reason: str


class TriedEvent(Shape, frozen=True):
    """One of the last events, and whether a scope matches it.

    Attributes:
        patterns: What each pattern does with it; absent: there are none.
        tags: The tags that a delete would name, by the filter `tagsOnDelete`; absent: none.
        is_ignored: It is a deleted tag that became no event, because no webhook asked for it, and
            would have been one with the action `untag`; absent: it is an event.
    """

    id: str
    action: str
    repository: str
    tag: str
    accepted_at: Timestamp
    matches: bool
    misses: list[Miss]
    patterns: list[PatternTried] | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    is_ignored: bool | UnsetType = UNSET


class ScopeTried(Shape, frozen=True):
    """Which of the last events a scope would have matched, newest first."""

    matching: int
    value: list[TriedEvent]


class FormedEvent(Shape, frozen=True):
    """An event in a format.

    Attributes:
        is_example: Whether it is none of the registry's.
        headers: Those that depend on the event.
        body: Of the POST, as text.
        reason: Why nothing would be sent.
        common_headers: Those of each POST in this format, without a signature. Where they name the
            webhook, its id is 1 and its name "webhook".
    """

    id: str
    action: str
    repository: str
    tag: str
    is_example: bool
    content_type: str
    headers: dict[str, str]
    body: str
    reason: str | UnsetType = UNSET
    common_headers: dict[str, str] | UnsetType = UNSET


class FormatTried(Shape, frozen=True):
    """The last events in a format, newest first; an example if none was found."""

    value: list[FormedEvent]
