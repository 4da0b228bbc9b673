"""Retries as a sender makes them: its schedule, compressed in time; and what an outage holds back.

The decision is the deliverer's own (`deliverer.policy`); only its clock runs faster.
"""

import math
from collections.abc import Callable

from msgspec import Struct

from portcall.deliverer.policy import JITTER, Retry, decide
from portcall.deliverer.post.attempts import Attempt
from portcall.loadtest.plan import Outcome
from portcall.schemas.durations import format_duration, parse_duration_ms
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.records import Answer


class Policy(Struct, frozen=True):
    """When a sender tries again.

    Attributes:
        schedule_ms: The delay before each attempt after the first, milliseconds; empty: it never
            tries again.
        compression: By how much faster its time runs: at 60 a minute takes a second.
        jitter: Whether delays vary, so that what failed together does not come back together.
        heeds: Whether ``Retry-After`` lengthens a delay, as with Portcall; few others heed it.
    """

    schedule_ms: tuple[int, ...] = ()
    compression: float = 1.0
    jitter: bool = True
    heeds: bool = True

    @property
    def written(self) -> str:
        """The schedule as webhooks are given one, e.g. ``1s,5s``; empty: none."""
        return ",".join(map(format_duration, self.schedule_ms))

    def next_s(self, outcome: Outcome, chance: float) -> float | None:
        """When the attempt after *outcome* is made; None: there is none.

        Args:
            outcome: What came of the attempt before; times in seconds of the run.
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
            attempt, outcome.planned.attempt, self.schedule_ms, now_ms=0, chance=chance
        )
        if not isinstance(decision, Retry):
            return None
        delay_ms = decision.due_ms if self.jitter else decision.not_before_ms
        return outcome.done_s + delay_ms / 1000 / self.compression

    def _asked(self, outcome: Outcome) -> str:
        """What the consumer asked for, in seconds of the compressed clock: its own runs as ever."""
        if not (self.heeds and outcome.retry_after_ms):
            return ""
        return str(math.ceil(outcome.retry_after_ms * self.compression / 1000))

    def after_outage(
        self, at_s: float, end_s: float, chances: Callable[[], float]
    ) -> tuple[int, float] | None:
        """Which attempt of an event is the first after an outage, and when.

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
    """A time in which the consumer is taken to be away: nothing is sent, all of it is retried.

    Attributes:
        from_s: Its beginning, seconds of the run.
        to_s: Its end.
    """

    from_s: float
    to_s: float

    def holds(self, at_s: float) -> bool:
        """Whether what is planned for then is held back."""
        return self.from_s <= at_s < self.to_s


def parse_outage(text: str) -> Outage:
    """Read an outage, e.g. ``20s-40s``: from and to, in times of the run.

    Raises:
        InvalidValueError: It is not two durations, the first shorter than the second.
    """
    return Outage(*parse_span(text, "--outage"))


def parse_span(text: str, field: str) -> tuple[float, float]:
    """Read two durations, e.g. ``200ms-1s``, as seconds.

    Raises:
        InvalidValueError: They are none, or the second is not longer than the first.
    """
    first, dash, last = text.partition("-")
    if not dash:
        raise InvalidValueError(field, f"{text[:32]!r} is no time span; write FROM-TO, as 20s-40s")
    begin = 0 if first.strip() in {"0", "0s"} else parse_duration_ms(first, field)
    end = parse_duration_ms(last, field)
    if end <= begin:
        raise InvalidValueError(field, f"{text[:32]!r} ends before it begins")
    return begin / 1000, end / 1000
