"""The next step after an attempt, and its time: pure rules. Clock and chance are arguments."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from msgspec.structs import replace

from portcall.deliverer.post.attempts import Attempt
from portcall.schemas.deliveries import Delivery
from portcall.schemas.durations import format_duration
from portcall.schemas.events import PING, Event
from portcall.schemas.formats.answers import MAX_ASKED_MS, TOO_MANY
from portcall.schemas.records import Failure

JITTER = 0.1
"""A retry is due between 5 % and 10 % of its delay later: with hops and queues that stays under
1.25 times the delay. The hops need the first 5 %: with less, some delays would take 25 hops."""
SLACK_MS = 250
"""How far past its due time a hop may end, if that saves further hops."""
NEAR_MS = 500
"""So close to its due time, less than the shortest rung, a delivery is attempted at once."""
PARK_MS = 2_000
TOO_MANY_MS = 1_000
"""The pause after 429 Too Many Requests without Retry-After."""
MAX_PARK_MS = 60_000


@dataclass(frozen=True, slots=True)
class Done:
    """The endpoint accepted it."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Another attempt, not before *not_before_ms* and best at *due_ms* (both since the epoch)."""

    not_before_ms: int
    due_ms: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No attempt is left, or none would help; *gone*: the endpoint wants no more deliveries."""

    reason: str
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Refuse:
    """The receiver said no, and its answer is final for this webhook: no failure, no retry."""

    reason: str


Decision = Done | Retry | GiveUp | Refuse


def schedule_of(
    action: str, own_ms: tuple[int, ...] | None, default_ms: tuple[int, ...]
) -> tuple[int, ...]:
    """The retry schedule: the webhook's own, or else the installation's.

    A ping is tried once, as ACR does: it tests the endpoint as it is now.
    """
    if action == PING:
        return ()
    return default_ms if own_ms is None else own_ms


@dataclass(frozen=True, slots=True)
class Age:
    """The maximum age of a delivery.

    Attributes:
        limit_ms: The maximum age; 0: there is none.
        end_ms: When the delivery is that old, milliseconds since the epoch; 0: never.
    """

    limit_ms: int = 0
    end_ms: int = 0


ANY_AGE = Age()


def age_of(delivery: Delivery, event: Event, own_ms: int | None, default_ms: int) -> Age:
    """A delivery's maximum age: the webhook's own, or else the installation's; 0: none."""
    limit_ms = default_ms if own_ms is None else own_ms
    if not limit_ms:
        return ANY_AGE
    return Age(limit_ms, (delivery.began_ms or event.accepted_ms) + limit_ms)


def outlived(delivery: Delivery, age: Age, now_ms: int) -> str:
    """Why a parked delivery is given up; empty: it is not given up.

    A delivery that was never parked is attempted, however old: its endpoint did not cause the
    delay. The same holds for a parked one that returns late, for example after an outage of the
    broker: its age counts as that at which it should have returned.
    """
    back_ms = min(now_ms, delivery.due_ms + SLACK_MS) if delivery.due_ms else now_ms
    if delivery.parks and age.end_ms and back_ms >= age.end_ms:
        return f"it is older than {format_duration(age.limit_ms)}, the maximum age"
    return ""


def decide(
    attempt: Attempt,
    number: int,
    schedule_ms: tuple[int, ...],
    *,
    now_ms: int,
    chance: float,
    age: Age = ANY_AGE,
    final: Container[int] = (),
    is_ping: bool = False,
) -> Decision:
    """Decide what happens after attempt *number* (from 1).

    Args:
        attempt: Its result.
        number: The attempt's number, counted from the beginning of the schedule.
        schedule_ms: The delay before each attempt after the first.
        now_ms: The time at which the attempt ended.
        chance: From 0 to 1, for the jitter.
        age: The delivery's maximum age.
        final: The statuses that end a delivery as refused by the receiver.
        is_ping: Whether it is a ping: it has no schedule, and its end says so.
    """
    if attempt.succeeded:
        return Done()
    if ended := _useless(attempt, final):
        return ended
    if is_ping and not schedule_ms:
        return GiveUp(f"not delivered; pings are not retried: {attempt.message}")
    if number > len(schedule_ms):
        return GiveUp(f"attempt {number} was the last of the schedule: {attempt.message}")
    delay_ms = max(schedule_ms[number - 1], asked_ms(attempt, now_ms))
    not_before_ms = now_ms + delay_ms
    if age.end_ms and not_before_ms > age.end_ms:
        limit = format_duration(age.limit_ms)
        return GiveUp(f"it would be older than {limit}, the maximum age: {attempt.message}")
    return Retry(not_before_ms=not_before_ms, due_ms=not_before_ms + _jitter_ms(delay_ms, chance))


def _useless(attempt: Attempt, final: Container[int]) -> GiveUp | Refuse | None:
    """The end of a delivery that no further attempt would help; None: one might."""
    if attempt.status == 410:
        return GiveUp("the endpoint answered 410 Gone: the webhook was disabled", gone=True)
    if attempt.failure is Failure.INVALID:
        return GiveUp(attempt.message)
    if attempt.status in final:
        return Refuse(f"refused by the receiver: {attempt.message}")
    return None


def retry_after_ms(header: str, now_ms: int) -> int:
    """Read a ``Retry-After`` header: seconds or a date; at most a day.

    Returns:
        Milliseconds from now; 0 for none, garbage, and times that are not in the future.

    Source: RFC 9110, section 10.2.3.
    """
    text = header.strip()
    if text.isascii() and text.isdecimal():
        digits = text.lstrip("0")
        # Nine digits are more than a day, and Python refuses to parse thousands of them.
        return min(int(digits[:9] or "0") * 1000, MAX_ASKED_MS)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    ahead_ms = int((moment - datetime.fromtimestamp(now_ms / 1000, UTC)).total_seconds() * 1000)
    return min(max(ahead_ms, 0), MAX_ASKED_MS)


def pause_ms(attempt: Attempt, now_ms: int) -> int:
    """How long to pause the endpoint, and not only this delivery; 0: no pause."""
    least = TOO_MANY_MS if attempt.status == TOO_MANY else 0
    return max(least, asked_ms(attempt, now_ms))


def asked_ms(attempt: Attempt, now_ms: int) -> int:
    """How long the answer asks for no attempt, by HTTP's header or by the format's own words."""
    return max(attempt.asked_ms, retry_after_ms(attempt.retry_after, now_ms))


def is_due(delivery: Delivery, now_ms: int) -> bool:
    """Whether a delivery that came back from a rung should be attempted now.

    Never before its time; after it, as soon as the rest of the jitter is too short for a hop.
    """
    if now_ms < delivery.not_before_ms:
        return False
    jitter_ms = delivery.due_ms - delivery.not_before_ms
    return delivery.due_ms - now_ms <= max(NEAR_MS, jitter_ms // 4)


def next_rung(delivery: Delivery, rungs_ms: tuple[int, ...], now_ms: int) -> int:
    """The rung on which a delivery that is not due waits next.

    The longest that ends between the delivery's earliest time and shortly after its due time; if
    there is none, the longest that ends before; and the shortest if even that is too long.

    Args:
        delivery: With its times set.
        rungs_ms: The ladder, ascending.
        now_ms: The time.
    """
    earliest = delivery.not_before_ms - now_ms
    latest = max(delivery.due_ms - now_ms, 0) + SLACK_MS
    arriving = [rung for rung in rungs_ms if earliest <= rung <= latest]
    if arriving:
        return arriving[-1]
    shorter = [rung for rung in rungs_ms if rung < earliest]
    return shorter[-1] if shorter else rungs_ms[0]


def parked(delivery: Delivery, *, turn_s: float | None, now_ms: int, chance: float) -> Delivery:
    """The delivery, parked for a while; no attempt is used up.

    Args:
        delivery: The delivery to park.
        turn_s: The time until its turn, seconds; None: unknown, so each parking is longer than the
            one before.
        now_ms: The time.
        chance: From 0 to 1, for the jitter.
    """
    if turn_s is None:
        wait_ms = min(PARK_MS * 2 ** min(delivery.parks, 10), MAX_PARK_MS)
    else:
        wait_ms = min(max(int(turn_s * 1000), PARK_MS), MAX_PARK_MS)
    not_before_ms = now_ms + wait_ms
    return replace(
        delivery,
        not_before_ms=not_before_ms,
        due_ms=not_before_ms + _jitter_ms(wait_ms, chance),
        parks=delivery.parks + 1,
    )


def _jitter_ms(delay_ms: int, chance: float) -> int:
    return int(delay_ms * JITTER * (1 + chance) / 2)
