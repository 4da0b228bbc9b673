"""Retries as a sender makes them: its schedule, compressed in time; and simulated outages.

The deliverer's own code (`deliverer.policy`) decides; only its clock runs faster.
"""

import math
from collections.abc import Callable

from msgspec import Struct

from portcall.deliverer.policy import JITTER, Retry, decide
from portcall.deliverer.post.attempts import Attempt
from portcall.loadtest.plan import Outcome
from portcall.schemas.durations import format_duration, parse_duration_ms
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.final_answers import final_statuses
from portcall.schemas.records import Answer


class Policy(Struct, frozen=True):
    """When a sender tries again.

    Attributes:
        schedule_ms: The delay before each attempt after the first, milliseconds; empty: it never
            tries again.
        compression: How many times faster its clock runs: with 60, a minute takes a second.
        jitter: Whether delays vary, so that simultaneous failures do not return together.
        heeds: Whether ``Retry-After`` lengthens a delay, as in Portcall; few others do so.
        final_answers: The answers after which it does not try again, as a webhook's setting has
            them; None: there are none.
    """

    schedule_ms: tuple[int, ...] = ()
    compression: float = 1.0
    jitter: bool = True
    heeds: bool = True
    final_answers: str | None = None

    @property
    def final(self) -> frozenset[int]:
        """Return the statuses after which it does not try again."""
        return final_statuses(self.final_answers)

    @property
    def written(self) -> str:
        """Return the schedule in a webhook's notation, e.g. ``1s,5s``; empty: none."""
        return ",".join(map(format_duration, self.schedule_ms))

    def next_s(self, outcome: Outcome, chance: float) -> float | None:
        """Return when the attempt after *outcome* is made; None: there is none.

        Args:
            outcome: The result of the previous attempt; times in seconds of the run.
            chance: From 0 to 1, for the jitter.
        """
        answer = Answer(outcome.status, "", {}) if outcome.status else None
        attempt = Attempt(
            started_ms=int(outcome.sent_s * 1000),
            duration_us=int((outcome.done_s - outcome.sent_s) * 1e6),
            answer=answer,
            failure=outcome.failure,
            message=outcome.message,
            retry_after=self._asked(outcome),
        )
        decision = decide(
            attempt,
            outcome.planned.attempt,
            self.schedule_ms,
            now_ms=0,
            chance=chance,
            final=self.final,
        )
        if not isinstance(decision, Retry):
            return None
        delay_ms = decision.due_ms if self.jitter else decision.not_before_ms
        return outcome.done_s + delay_ms / 1000 / self.compression

    def _asked(self, outcome: Outcome) -> str:
        """Return the consumer's Retry-After, which is not compressed, in seconds of the run."""
        if not (self.heeds and outcome.retry_after_ms):
            return ""
        return str(math.ceil(outcome.retry_after_ms * self.compression / 1000))

    def after_outage(
        self, at_s: float, end_s: float, chances: Callable[[], float]
    ) -> tuple[int, float] | None:
        """Return which attempt of an event is the first after an outage, and when.

        Args:
            at_s: When the event's first attempt failed.
            end_s: The outage's end.
            chances: Gives the jitter of one attempt after the other.

        Returns:
            The attempt's number and its time; None: its attempts were all within the outage.
        """
        for number, delay_ms in enumerate(self.schedule_ms, 2):
            jitter = JITTER * (1 + chances()) / 2 if self.jitter else 0.0
            at_s += delay_ms * (1 + jitter) / 1000 / self.compression
            if at_s >= end_s:
                return number, at_s
        return None


class Outage(Struct, frozen=True):
    """A time during which nothing reaches the consumer: all requests are retried later.

    Attributes:
        from_s: Its beginning, seconds of the run.
        to_s: Its end.
    """

    from_s: float
    to_s: float

    def holds(self, at_s: float) -> bool:
        """Whether a request planned for then is held back."""
        return self.from_s <= at_s < self.to_s


def parse_outage(text: str) -> Outage:
    """Parse an outage, e.g. ``20s-40s``: start and end, in times of the run.

    Raises:
        InvalidValueError: It is not two durations, the first shorter than the second.
    """
    return Outage(*parse_span(text, "--outage"))


def parse_span(text: str, field: str) -> tuple[float, float]:
    """Parse two durations, e.g. ``200ms-1s``, as seconds.

    Raises:
        InvalidValueError: They are malformed, or the second is not longer than the first.
    """
    first, dash, last = text.partition("-")
    if not dash:
        raise InvalidValueError(
            field, f"{text[:32]!r} is not a time span; write FROM-TO, such as 20s-40s"
        )
    begin = 0 if first.strip() in {"0", "0s"} else parse_duration_ms(first, field)
    end = parse_duration_ms(last, field)
    if end <= begin:
        raise InvalidValueError(field, f"{text[:32]!r} ends before it begins")
    return begin / 1000, end / 1000
