"""Schedules: when requests are to be sent, decided before the first one is.

Every shape is a line of straight pieces, between whose ends the rate changes evenly. So there is
one formula for all: a piece of *length* seconds from rate *a* to rate *b* has had
``a x + (b - a) x**2 / (2 length)`` requests after x seconds, and the k-th request is where the sum
of that reaches k.
"""

import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import pairwise

from msgspec import Struct

from portcall.schemas.errors import InvalidValueError

PIECES = 128
"""Of one period of a sine: its chords then miss 0.02 % of the requests."""
MAX_RATE = 1_000_000.0
MAX_DURATION_S = 7 * 24 * 3600.0
_NEARLY = 1e-9


class Piece(Struct, frozen=True):
    """A part of a schedule: the rate goes evenly from *first* to *last*, requests a second."""

    length_s: float
    first: float
    last: float

    @property
    def requests(self) -> float:
        """How many requests it has."""
        return (self.first + self.last) / 2 * self.length_s

    def reached(self, requests: float) -> float:
        """After how many seconds it has had so many requests; at most its length."""
        if requests <= 0:  # by rounding, a little of it may lie in the piece before
            return 0.0
        slope = (self.last - self.first) / self.length_s
        root = math.sqrt(max(0.0, self.first**2 + 2 * slope * requests))
        # The usual form of the root divides nothing by nothing where the rate is even.
        return min(self.length_s, 2 * requests / (self.first + root))


Shape = Sequence[Piece]


class Arrivals(StrEnum):
    """How requests lie within the rate: evenly, or as independent senders would send them."""

    EVEN = "even"
    POISSON = "poisson"


def constant(rate: float, duration_s: float) -> Shape:
    """The same rate all the time."""
    return _checked([Piece(duration_s, rate, rate)])


def ramp(rate: float, peak: float, duration_s: float) -> Shape:
    """From one rate to another."""
    return _checked([Piece(duration_s, rate, peak)])


def step(rate: float, peak: float, duration_s: float, steps: int) -> Shape:
    """From one rate to another in steps of the same length, both rates among them."""
    if steps < 2:
        raise InvalidValueError("--steps", "must be 2 or more")
    rates = [rate + (peak - rate) * number / (steps - 1) for number in range(steps)]
    return _checked([Piece(duration_s / steps, each, each) for each in rates])


def spike(rate: float, peak: float, duration_s: float, *, begins_s: float, lasts_s: float) -> Shape:
    """One rate, and for a while another."""
    rest_s = duration_s - begins_s - lasts_s
    if begins_s < 0 or lasts_s <= 0 or rest_s < 0:
        raise InvalidValueError("--spike-at", "must lie with --spike-for within the duration")
    pieces = [
        Piece(begins_s, rate, rate),
        Piece(lasts_s, peak, peak),
        Piece(rest_s, rate, rate),
    ]
    return _checked([piece for piece in pieces if piece.length_s > 0])


def sine(rate: float, peak: float, duration_s: float, period_s: float) -> Shape:
    """Between two rates up and down like a day, beginning with the first."""
    if not 0 < period_s <= MAX_DURATION_S or duration_s / period_s > 10_000:
        raise InvalidValueError("--period", "must be positive, and not a tiny part of the duration")
    middle, half = (rate + peak) / 2, (peak - rate) / 2
    ends = [number * period_s / PIECES for number in range(int(duration_s / period_s * PIECES) + 1)]
    if ends[-1] < duration_s:
        ends.append(duration_s)
    rates = [middle - half * math.cos(2 * math.pi * at_s / period_s) for at_s in ends]
    return _checked(
        Piece(last_s - first_s, max(0.0, first), max(0.0, last))
        for (first_s, last_s), (first, last) in zip(pairwise(ends), pairwise(rates), strict=True)
    )


def stages(rate: float, targets: Iterable[tuple[float, float]]) -> Shape:
    """As k6's stages: from *rate*, within so many seconds to each target after the other.

    Args:
        rate: Where it begins.
        targets: Seconds and rate of each; 0 seconds: at once.
    """
    pieces, now = [], rate
    for length_s, target in targets:
        if length_s < 0:
            raise InvalidValueError("--stages", "a stage cannot last less than no time")
        if length_s > 0:
            pieces.append(Piece(length_s, now, target))
        now = target
    return _checked(pieces)


def duration_s(shape: Shape) -> float:
    """How long it lasts."""
    return sum(piece.length_s for piece in shape)


def planned_count(shape: Shape) -> int:
    """How many requests it has when they arrive evenly; about as many otherwise."""
    return math.ceil(sum(piece.requests for piece in shape) - _NEARLY)


def rate_at(shape: Shape, at_s: float) -> float:
    """The rate at that time; 0 after the end."""
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
    """When each request is to be sent, in order, seconds from the start.

    Args:
        shape: The rate.
        arrivals: How requests lie within it.
        seed: Decides what is random; the same seed makes the same times.
        factor: By how much the rate is multiplied from now on; asked before each time.
    """
    match arrivals:
        case Arrivals.EVEN:
            return _times(shape, _steps(factor))
        case Arrivals.POISSON:
            source = random.Random(seed)  # noqa: S311 (reproducible, not secret)
            return _times(shape, _exponential_sums(source, factor))


def replay(recorded: Iterable[float], *, speed: float = 1.0) -> Iterator[float]:
    """The times of a recording from its first on, *speed* times as fast.

    Args:
        recorded: Ascending; in seconds, from whatever zero.
        speed: How much faster than it was.
    """
    first = None
    for at_s in recorded:
        first = at_s if first is None else first
        yield (at_s - first) / speed


def _times(shape: Shape, marks: Iterator[float]) -> Iterator[float]:
    """Where the number of requests that were due reaches each of *marks*, which ascend."""
    before, begun_s = 0.0, 0.0
    mark = next(marks)
    for piece in shape:
        end = before + piece.requests
        while mark < end - _NEARLY:
            yield begun_s + piece.reached(mark - before)
            mark = next(marks)
        before, begun_s = end, begun_s + piece.length_s


def _steps(factor: Callable[[], float]) -> Iterator[float]:
    """0, 1, 2 ...; with more than the planned rate, less than 1 between them."""
    total = 0.0
    while True:
        yield total
        total += 1.0 / factor()


def _exponential_sums(source: random.Random, factor: Callable[[], float]) -> Iterator[float]:
    total = 0.0
    while True:
        total += source.expovariate(factor())
        yield total


def _checked(pieces: Iterable[Piece]) -> Shape:
    """The pieces, if somebody can have meant them.

    Raises:
        InvalidValueError: A rate is not from 0 to `MAX_RATE`, the duration not possible, or there
            is no request in all of it.
    """
    shape = tuple(pieces)
    if not all(0 <= rate <= MAX_RATE for piece in shape for rate in (piece.first, piece.last)):
        raise InvalidValueError(
            "--rate", f"like all rates, must be from 0 to {MAX_RATE:,.0f} a second"
        )
    if not 0 < duration_s(shape) <= MAX_DURATION_S:
        raise InvalidValueError("--duration", "must be positive, and a week at most")
    if planned_count(shape) < 1:
        raise InvalidValueError("--rate", "must be so high that there is a request at all")
    return shape
