"""Reasons: why a webhook gets an event or not, and why an attempt led to its outcome."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from portcall.schemas.events import PING, Action
from portcall.schemas.filters import Facts, Filters, held_back, why
from portcall.schemas.globs.scopes import Effect, Scopes
from portcall.schemas.records import Outcome
from portcall.schemas.scopes import Scope
from portcall.schemas.timestamps import acr_timestamp
from portcall.schemas.webhooks import Status, action_names
from portcall.store.intake.ignored import IgnoredEvent
from portcall.store.records.event_log import StoredRecord
from portcall.store.webhooks.subscribers import Subscriber

JITTER = 0.075
"""The mean part of a delay by which a retry is later than its earliest time."""
SLACK_MS = 250
MAX_SHOWN = 5
"""Patterns in one message."""


class Predicate(StrEnum):
    """What keeps an event from a webhook."""

    STATUS = "status"
    ACTION = "action"
    SCOPE = "scope"
    FILTER = "filter"
    SCOPES = "scopes"


@dataclass(frozen=True, slots=True)
class Miss:
    """Why a webhook does not match.

    Attributes:
        predicate: The condition that does not hold.
        message: A text with both sides: what the webhook has and what the event has.
    """

    predicate: Predicate
    message: str


DELETED = Miss(Predicate.STATUS, "the webhook was deleted")


IGNORED = {
    "pull": "a pull is not a registry event",
    "mount": "a mount is not a registry event",
    "blob_push": "it is the push of a blob, not of a manifest",
    "blob_delete": "it is the delete of a blob, not of a manifest",
    "tag_delete": "it deletes a tag and no manifest",
    "repository_delete": "it deletes a repository and names no manifest",
    "other_action": "its action is none of push and delete",
}
"""Why a readable notification becomes no event, by the word in the counters."""


def ignored_reason(ignored: IgnoredEvent) -> str:
    """Why a notification became no event, as text."""
    if ignored.problem:
        return f"{ignored.place}: {ignored.problem}"
    return IGNORED.get(ignored.reason, ignored.reason)


def misses_of(
    subscriber: Subscriber, action: str, repository: str, tag: str, facts: Facts | None = None
) -> list[Miss]:
    """Why a webhook does not match an event; empty: it does. A ping matches its own webhook.

    Args:
        subscriber: The webhook.
        action: The event's.
        repository: The event's.
        tag: The event's.
        facts: What filters ask of the event; None: it is not known.
    """
    if action == PING:
        return []
    misses = []
    if subscriber.status is not Status.ENABLED:
        why = f": {subscriber.status_reason}" if subscriber.status_reason else ""
        misses.append(Miss(Predicate.STATUS, f"the webhook is disabled{why}"))
    misses += unmatched(subscriber.actions, subscriber.scope, action, repository, tag)
    if facts is not None and subscriber.filters is not None:
        misses += filtered(subscriber.filters, facts)
    if action and subscriber.scopes is not None:
        misses += not_covered(subscriber.scopes, repository, tag)
    return misses


def filtered(filters: Filters, facts: Facts) -> list[Miss]:
    """Which of a webhook's filters holds an event back; `changedOnly` is not tried."""
    name = held_back(filters, facts)
    return [Miss(Predicate.FILTER, why(name, facts, filters))] if name else []


def unmatched(actions: int, scope: Scope, action: str, repository: str, tag: str) -> list[Miss]:
    """Which of actions and scope do not cover an event.

    Args:
        actions: The bits of the actions.
        scope: The scope.
        action: The event's; empty: unknown, so it is not compared.
        repository: The event's.
        tag: The event's.
    """
    if not action:
        return []
    misses = []
    if not actions & Action(action).bit:
        wanted = ", ".join(action_names(actions))
        misses.append(Miss(Predicate.ACTION, f"the webhook wants {wanted}; the event is {action}"))
    if not scope.covers(repository, tag):
        about = f"{repository}:{tag}" if tag else f"{repository}, without a tag"
        misses.append(Miss(Predicate.SCOPE, f"the scope '{scope}' does not cover {about}"))
    return misses


def not_covered(scopes: Scopes, repository: str, tag: str) -> list[Miss]:
    """Why scopes do not cover an event: what excludes it, or else why no pattern includes it."""
    if scopes.cover(repository, tag):
        return []
    judged = scopes.judge(repository, tag)
    wanted = [each for each in judged if each.effect is Effect.EXCLUDES] or [
        each for each in judged if not each.pattern.startswith("!")
    ]
    shown = [f"{each.pattern}: {each.reason}" for each in wanted[:MAX_SHOWN]]
    more = f" (and {len(wanted) - MAX_SHOWN} more)" if len(wanted) > MAX_SHOWN else ""
    return [Miss(Predicate.SCOPES, f"{'; '.join(shown)}{more}")]


def reason_of(record: StoredRecord) -> str:
    """Why an attempt led to its outcome, as text."""
    detail = record.detail
    match record.outcome:
        case Outcome.DELIVERED:
            return f"answered {record.status}: delivered"
        case Outcome.RETRIED:
            short = (
                failure_of(record).removeprefix("the endpoint answered ").removeprefix("answered ")
            )
            if not detail.next_attempt_ms:
                return short
            due = clock_time(detail.next_attempt_ms, record.started_ms)
            return f"{short}. Attempt {record.attempt + 1} at {due}"
        case Outcome.GIVEN_UP | Outcome.CANCELLED | Outcome.REFUSED:
            return failure_of(record)


def failure_of(record: StoredRecord) -> str:
    """Why an attempt failed, as text."""
    return record.detail.message or (f"answered {record.status}" if record.status else "no answer")


def rung_of(failed_ms: int, due_ms: int, now_ms: int, rungs_ms: Sequence[int]) -> int:
    """The rung that a retry probably waits on: it hops like the deliverer, without the jitter.

    Args:
        failed_ms: When the attempt ended.
        due_ms: When the next one is due, at the earliest; later than *now_ms*.
        now_ms: The time.
        rungs_ms: The ladder, ascending.
    """
    slack_ms = (due_ms - failed_ms) * JITTER + SLACK_MS
    # Far from its time it hops over the longest rung; after a jump of the clock that may be years.
    at_ms = failed_ms + max((now_ms - failed_ms) // rungs_ms[-1] - 1, 0) * rungs_ms[-1]
    while True:
        left_ms = due_ms - at_ms
        arriving = [rung for rung in rungs_ms if left_ms <= rung <= left_ms + slack_ms]
        shorter = [rung for rung in rungs_ms if rung < left_ms]
        rung_ms = (arriving or shorter or rungs_ms[:1])[-1]
        at_ms += rung_ms
        if at_ms > now_ms:
            return rung_ms


def clock_time(at_ms: int, seen_ms: int) -> str:
    """A time to the second, in UTC; with its date where that is not the day of *seen_ms*."""
    text = acr_timestamp(at_ms)
    day, clock = text[:10], text[11:19]
    return f"{clock} UTC" if acr_timestamp(seen_ms)[:10] == day else f"{day} {clock} UTC"
