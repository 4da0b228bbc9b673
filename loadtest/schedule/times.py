"""Schedules: the times of requests, decided before the first one is sent.

Every shape is made of straight pieces; within a piece the rate changes linearly. So one formula
fits all: a piece of *length* seconds from rate *a* to rate *b* has had ``a x + (b - a) x**2 / (2
length)`` requests after x seconds, and the k-th request is where the sum reaches k.
"""

import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import pairwise

from msgspec import Struct

from portcall.schemas.errors import InvalidValueError

PIECES = 128
"""Pieces per period of a sine: their chords then miss 0.02 % of the requests."""
MAX_RATE = 1_000_000.0
MAX_DURATION_S = 7 * 24 * 3600.0
_NEARLY = 1e-9


class Ramp(Struct, frozen=True):
    """A part of a schedule: the rate goes linearly from *first* to *last*, requests per second."""

    length_s: float
    first: float
    last: float

    @property
    def requests(self) -> float:
        """Return its number of requests."""
        return (self.first + self.last) / 2 * self.length_s

    def reached(self, requests: float) -> float:
        """Return after how many seconds it has had so many requests; at most its length."""
        if requests <= 0:  # by rounding, a little of it may lie in the previous piece
            return 0.0
        slope = (self.last - self.first) / self.length_s
        root = math.sqrt(max(0.0, self.first**2 + 2 * slope * requests))
        # The usual form of the root divides 0 by 0 if the rate is constant.
        return min(self.length_s, 2 * requests / (self.first + root))


Shape = Sequence[Ramp]


class Arrivals(StrEnum):
    """How requests are spread within the rate: evenly, or as from independent senders."""

    EVEN = "even"
    POISSON = "poisson"


def constant(rate: float, duration_s: float) -> Shape:
    """Keep the same rate all the time."""
    return _checked([Ramp(duration_s, rate, rate)])


def ramp(rate: float, peak: float, duration_s: float) -> Shape:
    """Go from one rate to another."""
    return _checked([Ramp(duration_s, rate, peak)])


def step(rate: float, peak: float, duration_s: float, steps: int) -> Shape:
    """Go from one rate to another in steps of equal length, both rates included."""
    if steps < 2:
        raise InvalidValueError("--steps", "must be 2 or more")
    rates = [rate + (peak - rate) * number / (steps - 1) for number in range(steps)]
    return _checked([Ramp(duration_s / steps, each, each) for each in rates])


def spike(rate: float, peak: float, duration_s: float, *, begins_s: float, lasts_s: float) -> Shape:
    """Keep one rate, with another one for a while."""
    rest_s = duration_s - begins_s - lasts_s
    if begins_s < 0 or lasts_s <= 0 or rest_s < 0:
        raise InvalidValueError("--spike-at", "must lie with --spike-for within the duration")
    pieces = [
        Ramp(begins_s, rate, rate),
        Ramp(lasts_s, peak, peak),
        Ramp(rest_s, rate, rate),
    ]
    return _checked([piece for piece in pieces if piece.length_s > 0])


def sine(rate: float, peak: float, duration_s: float, period_s: float) -> Shape:
    """Go up and down between two rates, like the load of a day, beginning with the first."""
    if not 0 < period_s <= MAX_DURATION_S or duration_s / period_s > 10_000:
        raise InvalidValueError(
            "--period", "must be positive, and not too small a part of the duration"
        )
    middle, half = (rate + peak) / 2, (peak - rate) / 2
    ends = [number * period_s / PIECES for number in range(int(duration_s / period_s * PIECES) + 1)]
    if ends[-1] < duration_s:
        ends.append(duration_s)
    rates = [middle - half * math.cos(2 * math.pi * at_s / period_s) for at_s in ends]
    return _checked(
        Ramp(last_s - first_s, max(0.0, first), max(0.0, last))
        for (first_s, last_s), (first, last) in zip(pairwise(ends), pairwise(rates), strict=True)
    )


def stages(rate: float, targets: Iterable[tuple[float, float]]) -> Shape:
    """Do as k6's stages: from *rate*, within so many seconds to each target in turn.

    Args:
        rate: The first rate.
        targets: Seconds and rate of each; 0 seconds: at once.
    """
    pieces, now = [], rate
    for length_s, target in targets:
        if length_s < 0:
            raise InvalidValueError("--stages", "the length of a stage cannot be negative")
        if length_s > 0:
            pieces.append(Ramp(length_s, now, target))
        now = target
    return _checked(pieces)


def duration_s(shape: Shape) -> float:
    """Return the duration."""
    return sum(piece.length_s for piece in shape)


def planned_count(shape: Shape) -> int:
    """Return the number of requests with even arrivals; about as many otherwise."""
    return math.ceil(sum(piece.requests for piece in shape) - _NEARLY)


def rate_at(shape: Shape, at_s: float) -> float:
    """Return the rate at that time; 0 after the end."""
    for piece in shape:
        if at_s < piece.length_s:
            return piece.first + (piece.last - piece.first) * at_s / piece.length_s
        at_s -= piece.length_s
    return 0.0


def times(
    shape: Shape,
    *,
    arrivals: Arrivals = Arrivals.EVEN,
    seed: int = 0,
    factor: Callable[[], float] = lambda: 1.0,
) -> Iterator[float]:
    """Yield the time of each request, in order, seconds from the start.

    Args:
        shape: The rate.
        arrivals: How requests are spread within it.
        seed: Seeds the random choices; the same seed gives the same times.
        factor: The current multiple of the rate; called before each time.
    """
    match arrivals:
        case Arrivals.EVEN:
            return _times(shape, _steps(factor))
        case Arrivals.POISSON:
            source = random.Random(seed)  # noqa: S311 (reproducible, not secret)
            return _times(shape, _exponential_sums(source, factor))


def replay(recorded: Iterable[float], *, speed: float = 1.0) -> Iterator[float]:
    """Yield the times of a recording from its first one on, *speed* times as fast.

    Args:
        recorded: Ascending; in seconds, from any origin.
        speed: How many times faster than recorded.
    """
    first = None
    for at_s in recorded:
        first = at_s if first is None else first
        yield (at_s - first) / speed


def _times(shape: Shape, marks: Iterator[float]) -> Iterator[float]:
    """Yield when the number of due requests reaches each of *marks*, which ascend."""
    before, begun_s = 0.0, 0.0
    mark = next(marks)
    for piece in shape:
        end = before + piece.requests
        while mark < end - _NEARLY:
            yield begun_s + piece.reached(mark - before)
            mark = next(marks)
        before, begun_s = end, begun_s + piece.length_s


def _steps(factor: Callable[[], float]) -> Iterator[float]:
    """Yield 0, 1, 2 ...; above the planned rate, the steps are smaller than 1."""
    total = 0.0
    while True:
        yield total
        total += 1.0 / factor()


def _exponential_sums(source: random.Random, factor: Callable[[], float]) -> Iterator[float]:
    total = 0.0
    while True:
        total += source.expovariate(factor())
        yield total


def _checked(pieces: Iterable[Ramp]) -> Shape:
    """Return the pieces if they make sense.

    Raises:
        InvalidValueError: A rate is not from 0 to `MAX_RATE`, the duration not possible, or there
            is no request in all of it.
    """
    shape = tuple(pieces)
    if not all(0 <= rate <= MAX_RATE for piece in shape for rate in (piece.first, piece.last)):
        raise InvalidValueError(
            "--rate", f"like all rates, must be from 0 to {MAX_RATE:,.0f} per second"
        )
    if not 0 < duration_s(shape) <= MAX_DURATION_S:
        raise InvalidValueError("--duration", "must be positive, and at most a week")
    if planned_count(shape) < 1:
        raise InvalidValueError("--rate", "must be high enough for at least one request")
    return shape
