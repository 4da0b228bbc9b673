"""Merging: what several generators measured of one consumer, as one result.

A result is packed without loss into a text that stands in the JSON output, so that a report of
all can be made later, on another machine, with other thresholds. The runs are laid over each other
from their beginnings, as those of generators that were started together.
"""

import base64
import binascii
import zlib
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from loadtest.dial import Points
from loadtest.generator import Health
from loadtest.measure import Cell, Label, Measurements, Phases, Slice
from loadtest.report import milliseconds
from loadtest.result import About, Result
from loadtest.run import Ended
from loadtest.sections import Metric, Section, counter
from loadtest.sketch import Sketch
from loadtest.thresholds import Threshold
from schemas.errors import InvalidValueError

VERSION = 1
FIELD = "FILE"


class Packed(Struct, frozen=True):
    """A result as it is kept.

    Attributes:
        v: The version of this form.
        about: What was tested.
        health: Of the generator.
        sections: What others found.
        elapsed_s: How long it took.
        interrupted: Whether somebody stopped it.
        slice_s: How long its slices are.
        cells: By label.
        slices: By number.
        phases: The parts of requests.
        lag: How late they were sent.
        errors: Of requests without an answer.
        not_sent: Of those left out.
        counts: The plain counts, by the names that `Measurements` has.
    """

    v: int
    about: About
    health: Health
    sections: list[Section]
    elapsed_s: float
    interrupted: bool
    slice_s: float
    cells: list[tuple[Label, Cell]]
    slices: dict[int, Slice]
    phases: Phases
    lag: Sketch
    errors: dict[str, int]
    not_sent: dict[str, int]
    counts: dict[str, int]


COUNTS = (
    "sent_count", "done_count", "failed_count", "reused_count", "sent_bytes", "received_bytes",
)  # fmt: skip
_decode = msgspec.msgpack.Decoder(Packed).decode


def pack(result: Result) -> str:
    """The result as text: msgpack, deflated, in base64."""
    measured = result.measured
    packed = Packed(
        v=VERSION,
        about=result.about,
        health=result.health,
        sections=list(result.sections),
        elapsed_s=result.elapsed_s,
        interrupted=result.interrupted,
        slice_s=measured.slice_s,
        cells=list(measured.cells.items()),
        slices=measured.slices,
        phases=measured.phases,
        lag=measured.lag,
        errors=dict(measured.errors),
        not_sent=dict(measured.not_sent),
        counts={name: getattr(measured, name) for name in COUNTS},
    )
    return base64.b64encode(zlib.compress(msgspec.msgpack.encode(packed), 9)).decode()


def unpack(document: bytes, name: str) -> Packed:
    """The result that the JSON output *document* has.

    Args:
        document: The content of a file.
        name: The file's, for errors.

    Raises:
        InvalidValueError: It is not the JSON of a load test, or of a later version.
    """
    try:
        found = msgspec.json.decode(document)["portcall"]["mergeable"]
        packed = _decode(zlib.decompress(base64.b64decode(found, validate=True)))
    except (msgspec.MsgspecError, KeyError, TypeError, zlib.error, binascii.Error) as error:
        raise InvalidValueError(
            FIELD, f"{name} is not what `portcall loadtest --output json=FILE` writes"
        ) from error
    if packed.v > VERSION:
        raise InvalidValueError(FIELD, f"{name} was written by a later Portcall")
    return packed


def merge(
    runs: Sequence[tuple[str, Packed]], thresholds: Sequence[Threshold], *, command: str = ""
) -> Result:
    """All runs as one, judged anew.

    Args:
        runs: Each with the name that reports call it.
        thresholds: What the consumer must keep to.
        command: What was typed.
    """
    packed = [each for _, each in runs]
    slice_s = 1.0 if len({each.slice_s for each in packed}) > 1 else packed[0].slice_s
    measured = Measurements(slice_s=slice_s)
    for each in packed:
        _add(measured, each)
    ended = Ended(
        measured,
        max(each.elapsed_s for each in packed),
        _health(measured, runs),
        interrupted=any(each.interrupted for each in packed),
    )
    about = replace(_about(packed), command=command)
    return Result.of(about, ended, thresholds, [_runs(runs), *_sections(runs)])


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
        setattr(measured, name, getattr(measured, name) + packed.counts[name])
    measured.last_s = max(measured.last_s, packed.elapsed_s)


def _health(measured: Measurements, runs: Sequence[tuple[str, Packed]]) -> Health:
    """The worst of each, and of the lag what all requests had together."""
    every = [each.health for _, each in runs]
    median, high = measured.lag.percentiles_ms((50, 99))
    problems = [f"{name}: {each.health.problem}" for name, each in runs if each.health.problem]
    return Health(
        cpu=max(each.cpu for each in every),
        busiest_cpu=max(each.busiest_cpu for each in every),
        lag_p50_ms=median,
        lag_p99_ms=high,
        lag_max_ms=measured.lag.max_ms,
        loop_lag_max_ms=max(each.loop_lag_max_ms for each in every),
        late=sum(each.late for each in every),
        problem="; ".join(problems),
    )


def _about(packed: Sequence[Packed]) -> About:
    every = [each.about for each in packed]
    first = every[0]
    return replace(
        first,
        uri=", ".join(dict.fromkeys(each.uri for each in every)),
        plan=f"{len(every)} runs together: " + "; ".join(each.plan for each in every),
        began=min(each.began for each in every),
        duration_s=max(each.duration_s for each in every),
        rates=_summed([each.rates for each in every]),
        path=first.path if len({each.path for each in every}) == 1 else "several",
        machine="; ".join(dict.fromkeys(each.machine for each in every)),
    )


def _summed(lines: Sequence[Points]) -> Points:
    """The sum of lines, at the times of all of them."""
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
        marks = map(milliseconds, sketch.percentiles_ms((50, 95, 99)))
        kept = "late" if each.health.problem else "kept up"
        rows.append((name, each.about.began, f"{each.counts['sent_count']:,}", f"{not_sent:,}",
                     *marks, kept))  # fmt: skip
    return Section(
        "Runs",
        words=("Laid over each other from their beginnings.",),
        columns=("file", "began", "sent", "not sent", "med", "p(95)", "p(99)", "generator"),
        rows=tuple(rows),
        metrics=_metrics([each for _, each in runs]),
    )


def _metrics(packed: Sequence[Packed]) -> dict[str, Metric]:
    """The other chapters' counters, added up; percentiles cannot be, and are left out."""
    over_s = max(each.elapsed_s for each in packed)
    counts: Counter[str] = Counter()
    for each in packed:
        for section in each.sections:
            for name, metric in section.metrics.items():
                if metric.type == "counter":
                    counts[name] += int(metric.values["count"])
    return {name: counter(count, over_s) for name, count in counts.items()}


def _sections(runs: Sequence[tuple[str, Packed]]) -> list[Section]:
    """What was found in each run, under the run's name."""
    return [
        replace(section, title=f"{section.title} ({name})", metrics={})
        for name, each in runs
        for section in each.sections
    ]
