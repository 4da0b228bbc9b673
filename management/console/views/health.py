"""Health: the state of a webhook at a glance."""

from dataclasses import dataclass

from portcall.management.console import words
from portcall.schemas.webhooks import Cause, Status
from portcall.store.traffic.traffic import Sums
from portcall.store.webhooks.row import VisibleWebhook
from portcall.store.webhooks.summaries import FAILING_AFTER_MS

ENOUGH = 20
"""Attempts in a day, without refused ones, from which on the share of failures is meaningful."""
STRAINED_BELOW = 0.9


@dataclass(frozen=True, slots=True)
class HealthAtAGlance:
    """The state of a webhook at a glance.

    Attributes:
        tone: ``good``, ``warn``, ``bad`` or ``mute``.
        word: One or two words.
        why: A sentence; empty: there is nothing to say.
        since_ms: Since when; 0: irrelevant.
    """

    tone: str
    word: str
    why: str = ""
    since_ms: int = 0

    @property
    def needs_attention(self) -> bool:
        """Whether a person should look at it."""
        return self.tone in ("bad", "warn")


def health_of(
    row: VisibleWebhook, at_ms: int, held_until_ms: int = 0, total: Sums | None = None
) -> HealthAtAGlance:
    """The state of a webhook.

    Args:
        row: The webhook.
        at_ms: The time, milliseconds since the epoch.
        held_until_ms: The end of its endpoint's pause; 0: it is not paused.
        total: Its attempts of the last day; None: unknown.
    """
    if row.status is Status.DISABLED:
        if row.cause is Cause.OWNER:
            return HealthAtAGlance("mute", "Disabled", since_ms=row.status_changed_ms)
        return HealthAtAGlance(
            "bad", "Disabled automatically", row.status_reason, row.status_changed_ms
        )
    if held_until_ms:
        why = (
            "Paused after repeated failures, or because its endpoint asked for it. Next try"
            f" {words.ago(held_until_ms, at_ms)}."
        )
        return HealthAtAGlance("bad", "Paused", why)
    if row.failing_since_ms and at_ms - row.failing_since_ms >= FAILING_AFTER_MS:
        lasted = words.lasting(at_ms - row.failing_since_ms)
        since = words.clock(row.failing_since_ms, at_ms)
        why = f"Failing for {lasted}: no attempt has succeeded since {since} UTC."
        return HealthAtAGlance("warn", "Failing", why)
    return (total and _strained(total)) or HealthAtAGlance("good", "Enabled")


def _strained(total: Sums) -> HealthAtAGlance | None:
    """The state of a webhook with many failed attempts, though not all; None: there are few."""
    share = total.success_rate
    if share is None or total.judged < ENOUGH or share >= STRAINED_BELOW:
        return None
    why = f"{words.count(total.failed)} of {words.count(total.judged)} attempts failed in 24 hours."
    return HealthAtAGlance("warn", "Strained", why)
