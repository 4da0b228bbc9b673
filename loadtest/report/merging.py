"""Merge: combine several generators' measurements of one consumer into one result.

The runs are aligned at their beginnings, as if the generators had started together; thresholds are
judged again.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from msgspec.structs import replace

from portcall.loadtest.judge.thresholds import Threshold
from portcall.loadtest.measure.cells import Cell, Slice
from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.measure.sections import Section
from portcall.loadtest.measure.sketch import Sketch
from portcall.loadtest.report.chapters import marks
from portcall.loadtest.report.packed import COUNTS, FIELD, Packed
from portcall.loadtest.report.result import About, Result
from portcall.loadtest.report.together import merged_metrics, merged_sketches, names
from portcall.loadtest.run import RunEnd
from portcall.loadtest.schedule.dial import Points
from portcall.loadtest.send.generator import GeneratorHealth
from portcall.schemas.errors import InvalidValueError


def merge(
    runs: Sequence[tuple[str, Packed]], thresholds: Sequence[Threshold], *, command: str = ""
) -> Result:
    """Combine all runs into one, and judge it again.

    Args:
        runs: Each with its name in reports.
        thresholds: The bounds that the consumer must meet.
        command: The command line.

    Raises:
        InvalidValueError: A run appears twice.
    """
    _check_all_differ(runs)
    packed = [each for _, each in runs]
    slice_s = 1.0 if len({each.slice_s for each in packed}) > 1 else packed[0].slice_s
    measured = Measurements(slice_s=slice_s)
    for each in packed:
        _add(measured, each)
    ended = RunEnd(
        measured,
        max(each.elapsed_s for each in packed),
        _health(measured, runs),
        interrupted=any(each.interrupted for each in packed),
        crossed=next((each.crossed for each in packed if each.crossed), None),
    )
    about = replace(_about(packed), command=command)
    return Result.of(about, ended, thresholds, [_runs(runs), *_sections(runs)])


def _check_all_differ(runs: Sequence[tuple[str, Packed]]) -> None:
    seen: dict[tuple[object, ...], str] = {}
    for name, each in runs:
        about = each.about
        run = (about.seed, about.began, about.machine, each.elapsed_s)
        if run in seen:
            raise InvalidValueError(
                FIELD, f"{name} has the same run as {seen[run]}: give each run once"
            )
        seen[run] = name


def _add(measured: Measurements, packed: Packed) -> None:
    for label, cell in packed.cells:
        measured.cells.setdefault(label, Cell()).merge(cell)
    own: dict[int, Slice] = {}
    for number, part in packed.slices.items():
        at = int(number * packed.slice_s / measured.slice_s + 1e-9)
        own.setdefault(at, Slice()).merge(part, together=False)
    for number, part in own.items():
        measured.slices.setdefault(number, Slice()).merge(part, together=True)
    measured.phases.merge(packed.phases)
    measured.lag.merge(packed.lag)
    measured.errors += Counter(packed.errors)
    measured.not_sent += Counter(packed.not_sent)
    for name in COUNTS:
        setattr(measured, name, getattr(measured, name) + packed.counts.get(name, 0))
    measured.last_s = max(measured.last_s, packed.elapsed_s)


def _health(measured: Measurements, runs: Sequence[tuple[str, Packed]]) -> GeneratorHealth:
    """Return the worst value of each, and the lag of all requests together."""
    every = [each.health for _, each in runs]
    median, high = measured.lag.percentiles_ms((50, 99))
    problems = [f"in {name}, {each.health.problem}" for name, each in runs if each.health.problem]
    return GeneratorHealth(
        cpu=max(each.cpu for each in every),
        busiest_cpu=max(each.busiest_cpu for each in every),
        lag_p50_ms=median,
        lag_p99_ms=high,
        lag_max_ms=measured.lag.max_ms,
        loop_lag_max_ms=max(each.loop_lag_max_ms for each in every),
        late=sum(each.late for each in every),
        problem="; ".join(problems),
        slow=any(each.slow for each in every),
    )


def _about(packed: Sequence[Packed]) -> About:
    every = [each.about for each in packed]
    first = every[0]
    return replace(
        first,
        uri=", ".join(dict.fromkeys(each.uri for each in every)),
        plan=(f"{len(every)} runs together: " if every[1:] else "")
        + "; ".join(each.plan for each in every),
        began=min(each.began for each in every),
        duration_s=max(each.duration_s for each in every),
        rates=_summed([each.rates for each in every]),
        again="",  # each run has its own events
        probe="",
        path=first.path if len({each.path for each in every}) == 1 else "several",
        machine="; ".join(dict.fromkeys(each.machine for each in every)),
    )


def _summed(lines: Sequence[Points]) -> Points:
    """Return the sum of lines, at all their points."""
    times = sorted({at_s for line in lines for at_s, _ in line})
    return tuple((at_s, sum(_at(line, at_s) for line in lines)) for at_s in times)


def _at(line: Points, at_s: float) -> float:
    for (from_s, first), (to_s, last) in pairwise(line):
        if from_s <= at_s <= to_s:
            part = (at_s - from_s) / (to_s - from_s) if to_s > from_s else 1.0
            return first + (last - first) * part
    return 0.0


def _runs(runs: Sequence[tuple[str, Packed]]) -> Section:
    rows = []
    for name, each in runs:
        sketch = Sketch()
        for _, cell in each.cells:
            sketch.merge(cell.scheduled)
        not_sent = sum(each.not_sent.values())
        kept = "no" if each.health.problem else "yes"
        rows.append((name, each.about.began, f"{each.counts['sent_count']:,}", f"{not_sent:,}",
                     *marks(sketch)[:3], kept))  # fmt: skip
    packed = [each for _, each in runs]
    sketches, metrics = merged_sketches(packed), merged_metrics(packed)
    return Section(
        "Runs",
        words=_words(runs, {*sketches, *metrics}),
        columns=("file", "began", "sent", "not sent", "med", "p(95)", "p(99)", "kept up"),
        rows=tuple(rows),
        metrics=metrics,
        sketches=sketches,
    )


def _words(runs: Sequence[tuple[str, Packed]], merged: set[str]) -> tuple[str, ...]:
    words = ["The runs are aligned at their beginnings."]
    by_seed: dict[int, list[str]] = {}
    for name, each in runs:
        by_seed.setdefault(each.about.seed, []).append(name)
    words += [
        f"{' and '.join(files)} have the same seed, {seed}, so their events may have the same ids."
        for seed, files in by_seed.items()
        if len(files) > 1
    ]
    left = sorted(names([each for _, each in runs]) - merged)
    if left:
        words.append(f"Left out, because it cannot be merged: {', '.join(left)}.")
    return tuple(words)


def _sections(runs: Sequence[tuple[str, Packed]]) -> list[Section]:
    """Return the findings of each run, with the run's name."""
    return [
        replace(section, title=f"{section.title} ({name})", metrics={}, sketches={})
        for name, each in runs
        for section in each.sections
    ]
