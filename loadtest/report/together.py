"""Merge the metrics of several runs' chapters: only those that can be merged.

Counters are added up, and durations counted together. Few gauges can be merged: the worst grade,
the longest drain, the amplification recomputed from its parts. Others would be misleading.
"""

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from portcall.loadtest.measure.known import GRADE
from portcall.loadtest.measure.sections import Metric, Section, Value, counter, gauge
from portcall.loadtest.measure.sketch import Sketch
from portcall.loadtest.report.packed import Packed

AMPLIFICATION = "retry_amplification"
WORST: dict[str, Callable[[Sequence[float]], float]] = {GRADE: min, "storm_drain": max}
"""Gauges that are merged by taking the worst."""


def merged_metrics(packed: Sequence[Packed]) -> dict[str, Metric]:
    """Return the sums of counters, and the gauges that have a rule."""
    over_s = max(each.elapsed_s for each in packed)
    counts: dict[str, int | None] = {}
    gauges: dict[str, list[Metric]] = {}
    for section in _sections(packed):
        for name, metric in section.metrics.items():
            if metric.type == "counter":
                counts[name] = _sum(counts.get(name), metric.values["count"])
            elif name in WORST:
                gauges.setdefault(name, []).append(metric)
    found = {name: _counter(count, over_s) for name, count in counts.items()}
    for name, each in gauges.items():
        values = [value for one in each if (value := one.values["value"]) is not None]
        worst = WORST[name](values) if values else None
        found[name] = replace(each[0], values=dict.fromkeys(("value", "min", "max"), worst))
    return found | _amplification(packed)


def merged_sketches(packed: Sequence[Packed]) -> dict[str, Sketch]:
    """Return the durations counted together; runs without counts have only percentiles."""
    found: dict[str, Sketch] = {}
    for section in _sections(packed):
        for name, sketch in section.sketches.items():
            found.setdefault(name, Sketch()).merge(sketch)
    told = {name for section in _sections(packed) for name in section.metrics}
    return {name: sketch for name, sketch in found.items() if name not in told}


def names(packed: Sequence[Packed]) -> set[str]:
    """Return every metric of their chapters."""
    return {name for section in _sections(packed) for name in (*section.metrics, *section.sketches)}


def _sum(first: int | None, second: Value | None) -> int | None:
    """Return both merged; None: neither run has samples."""
    known = [int(each) for each in (first, second) if each is not None]
    return sum(known) if known else None


def _counter(count: int | None, over_s: float) -> Metric:
    found = counter(count or 0, over_s)
    return found if count is not None else replace(found, values=dict.fromkeys(found.values))


def _amplification(packed: Sequence[Packed]) -> dict[str, Metric]:
    posts = deliveries = 0
    for each in packed:
        metrics = {
            name: metric for section in each.sections for name, metric in section.metrics.items()
        }
        if AMPLIFICATION in metrics and "retries" in metrics:
            posts += each.counts["sent_count"]
            deliveries += each.counts["sent_count"] - int(metrics["retries"].values["count"] or 0)
    return {AMPLIFICATION: gauge(posts / deliveries)} if deliveries else {}


def _sections(packed: Sequence[Packed]) -> Iterator[Section]:
    for each in packed:
        yield from each.sections
