"""Health: the state of a webhook at a glance."""

from dataclasses import dataclass, replace
from http import HTTPStatus

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
        cause: A sentence; empty: there is nothing to say.
        since_ms: Since when; 0: irrelevant.
        next_try: A sentence on the end of a pause; empty: its endpoint is not paused.
    """

    tone: str
    word: str
    cause: str = ""
    since_ms: int = 0
    next_try: str = ""

    @property
    def needs_attention(self) -> bool:
        """Whether a person should look at it."""
        return self.tone in ("bad", "warn")

    @property
    def why(self) -> str:
        """The cause, and when a pause ends; empty: there is nothing to say."""
        return " ".join(filter(None, (self.cause, self.next_try)))

    def after(self, reason: str) -> "HealthAtAGlance":
        """The same, when it is known why the last attempt failed: that explains a pause.

        Args:
            reason: In brief; empty: unknown.
        """
        return replace(self, cause=_paused(reason)) if self.next_try else self


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
        next_try = f"Next try {words.ago(held_until_ms, at_ms)}."
        return HealthAtAGlance("bad", "Paused", _paused(""), next_try=next_try)
    if row.failing_since_ms and at_ms - row.failing_since_ms >= FAILING_AFTER_MS:
        lasted = words.lasting(at_ms - row.failing_since_ms)
        since = words.clock(row.failing_since_ms, at_ms)
        why = f"Failing for {lasted}: no attempt has succeeded since {since} UTC."
        return HealthAtAGlance("warn", "Failing", why)
    return (total and _strained(total)) or HealthAtAGlance("good", "Enabled")


def _paused(reason: str) -> str:
    """Why an endpoint is paused, by its last record: deliverers tell only for how long.

    An answer may have asked for the pause by ``Retry-After``; one failure without an answer pauses
    no endpoint.
    """
    if not reason:
        return "Paused after repeated failures, or because its endpoint asked for it."
    if reason == f"answered {HTTPStatus.TOO_MANY_REQUESTS}":
        return f"Paused because its endpoint asked for it ({reason})."
    many = "" if reason.startswith("answered") else "repeated "
    return f"Paused after {many}failures ({reason})."


def _strained(total: Sums) -> HealthAtAGlance | None:
    """The state of a webhook with many failed attempts, though not all; None: there are few."""
    share = total.success_rate
    if share is None or total.judged < ENOUGH or share >= STRAINED_BELOW:
        return None
    why = f"{words.count(total.failed)} of {words.count(total.judged)} attempts failed in 24 hours."
    return HealthAtAGlance("warn", "Strained", why)
