"""Pacing: a schedule from the user's options, in words, numbers and times."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from portcall.loadtest.schedule import times as schedule
from portcall.loadtest.schedule.dial import Dial
from portcall.loadtest.schedule.times import Arrivals, Shape
from portcall.loadtest.schedule.trace import read_trace
from portcall.schemas.durations import parse_duration_ms
from portcall.schemas.errors import InvalidValueError

POINTS = 200
"""The planned rate, for a plot."""


class ScheduleForm(StrEnum):
    """The shape of a schedule."""

    CONSTANT = "constant"
    RAMP = "ramp"
    STEP = "step"
    SPIKE = "spike"
    SINE = "sine"


class RequestPace(Struct, frozen=True):
    """How many requests are sent, and when.

    Attributes:
        rate: Requests per second, at the beginning.
        duration_s: How long.
        form: How the rate changes.
        peak: The other rate of all forms but the constant one; None: five times *rate*.
        steps: How many a step schedule has.
        begins_s: When a spike begins; None: after two fifths of the duration.
        lasts_s: How long a spike lasts; None: a fifth.
        period_s: The period of a sine; None: the whole duration.
        stages: As in k6, ``30s:100,1m:500``; replaces the form.
        arrivals: Evenly, or at random.
        trace: A recording that replaces everything above.
        speed: How many times faster than recorded.
        seed: Seeds every random choice.
    """

    rate: float = 10.0
    duration_s: float = 10.0
    form: ScheduleForm = ScheduleForm.CONSTANT
    peak: float | None = None
    steps: int = 5
    begins_s: float | None = None
    lasts_s: float | None = None
    period_s: float | None = None
    stages: str = ""
    arrivals: Arrivals = Arrivals.EVEN
    trace: Path | None = None
    speed: float = 1.0
    seed: int = 0


class Paced(Struct, frozen=True):
    """A schedule, computed from its options.

    Attributes:
        words: Its description.
        duration_s: How long it lasts.
        rates: Points of a line: seconds, requests per second.
        count: How many requests it has, or about as many.
        pace: Its options.
        shape: Empty for a recording.
        recorded: The times of a recording, which no key changes.
    """

    words: str
    duration_s: float
    rates: tuple[tuple[float, float], ...]
    count: int
    pace: RequestPace
    shape: Shape = ()
    recorded: tuple[float, ...] = ()

    def times(self, dial: Dial | None = None) -> Iterator[float]:
        """Yield the time of each request.

        Args:
            dial: The multiple of the planned rate; a recording's times are fixed.
        """
        if self.recorded:
            return schedule.replay(self.recorded, speed=self.pace.speed)
        turned = dial or Dial()
        return schedule.times(
            self.shape,
            arrivals=self.pace.arrivals,
            seed=self.pace.seed,
            factor=lambda: turned.factor,
        )

    def turned(self, dial: Dial) -> "Paced":
        """Return the schedule with the changes made during the run."""
        return replace(self, words=self.words + dial.words, rates=dial.turned(self.rates))

    def only(self, count: int, duration_s: float) -> "Paced":
        """Return the schedule of a few of its requests, at fixed times.

        Args:
            count: How many requests there are.
            duration_s: From the first to the last.
        """
        return replace(
            self,
            words=f"{count} POST{'s' if count > 1 else ''} again, of {self.words}",
            duration_s=duration_s,
            rates=(),
            count=count,
            recorded=(0.0, duration_s),
        )

    def at_rate(self, rate: float) -> "Paced":
        """Return the schedule with a constant rate."""
        pace = replace(self.pace, rate=rate, form=ScheduleForm.CONSTANT, stages="", trace=None)
        return work_out(pace)


def work_out(pace: RequestPace) -> Paced:
    """Compute the times.

    Raises:
        InvalidValueError: The options make no sense.
    """
    if pace.trace is not None:
        return _recorded(pace, pace.trace)
    shape = _shape(pace)
    duration_s = schedule.duration_s(shape)
    step_s = duration_s / POINTS
    marks = [number * step_s for number in range(POINTS)]
    return Paced(
        words=_words(pace, duration_s),
        duration_s=duration_s,
        rates=tuple((at_s, schedule.rate_at(shape, at_s)) for at_s in marks),
        count=schedule.planned_count(shape),
        pace=pace,
        shape=shape,
    )


def parse_stages(text: str) -> list[tuple[float, float]]:
    """Parse ``30s:100,1m:500``: seconds and rate of each stage; ``0s`` is at once.

    Raises:
        InvalidValueError: It cannot be read.
    """
    found = []
    for part in text.split(","):
        length, colon, target = part.strip().partition(":")
        try:
            rate = float(target)
        except ValueError:
            colon = ""
            rate = 0.0
        if not colon:
            raise InvalidValueError(
                "--stages", f"{part.strip()[:32]!r} is not a stage: write 30s:100,1m:500"
            )
        length_s = 0.0 if length == "0s" else parse_duration_ms(length, "--stages") / 1000
        found.append((length_s, rate))
    return found


def _shape(pace: RequestPace) -> Shape:
    peak = 5 * pace.rate if pace.peak is None else pace.peak
    duration_s = pace.duration_s
    if pace.stages:
        return schedule.stages(pace.rate, parse_stages(pace.stages))
    match pace.form:
        case ScheduleForm.CONSTANT:
            return schedule.constant(pace.rate, duration_s)
        case ScheduleForm.RAMP:
            return schedule.ramp(pace.rate, peak, duration_s)
        case ScheduleForm.STEP:
            return schedule.step(pace.rate, peak, duration_s, pace.steps)
        case ScheduleForm.SPIKE:
            begins_s = 0.4 * duration_s if pace.begins_s is None else pace.begins_s
            lasts_s = 0.2 * duration_s if pace.lasts_s is None else pace.lasts_s
            return schedule.spike(pace.rate, peak, duration_s, begins_s=begins_s, lasts_s=lasts_s)
        case ScheduleForm.SINE:
            return schedule.sine(pace.rate, peak, duration_s, pace.period_s or duration_s)


def _words(pace: RequestPace, duration_s: float) -> str:
    peak = 5 * pace.rate if pace.peak is None else pace.peak
    how = ", at random (Poisson)" if pace.arrivals is Arrivals.POISSON else ""
    if pace.stages:
        what = f"from {pace.rate:g}/s by stages {pace.stages}"
    elif pace.form is ScheduleForm.CONSTANT:
        what = f"{pace.rate:g}/s"
    else:
        what = f"{pace.form.value} from {pace.rate:g}/s to {peak:g}/s"
    return f"{what} for {duration_s:g} s{how}"


def _recorded(pace: RequestPace, path: Path) -> Paced:
    if not 0 < pace.speed <= 1_000_000:
        raise InvalidValueError("--speed", "must be more than 0, and at most 1000000")
    recorded = read_trace(path)
    duration_s = (recorded[-1] - recorded[0]) / pace.speed
    width_s = max(1.0, duration_s / POINTS)
    counts: dict[int, int] = {}
    for at_s in schedule.replay(recorded, speed=pace.speed):
        counts[int(at_s / width_s)] = counts.get(int(at_s / width_s), 0) + 1
    return Paced(
        words=f"{len(recorded)} times of {path.name}, {pace.speed:g} times as fast",
        duration_s=duration_s,
        rates=tuple(
            (number * width_s, counts.get(number, 0) / width_s)
            for number in range(int(duration_s / width_s) + 1)
        ),
        count=len(recorded),
        pace=pace,
        recorded=tuple(recorded),
    )
