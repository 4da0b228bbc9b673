"""Metrics: the measurements under k6's names and in its units, with some of our own.

``http_req_duration`` is the same as in k6: sending, waiting and receiving. The time from a
request's planned time on is ``http_req_scheduled_duration``, the one to trust when a consumer
stalls.

Source: k6's reference of built-in metrics, and the end-of-test summary of version 1.1.
"""

from collections.abc import Callable, Collection, Mapping

from portcall.loadtest.measure.cells import Cell, Label, Phases
from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.measure.sections import Metric, counter, share
from portcall.loadtest.measure.sketch import Sketch, merged

PERCENTS = (90.0, 95.0, 99.0, 99.9, 99.99)
SCHEDULED = "http_req_scheduled_duration"
SERVICE = "http_req_duration"
NO_FAULT = "none"
"""The label ``fault`` of requests without a fault, as in reports."""
Maker = Callable[[], Metric]


def trend(sketch: Sketch, percents: tuple[float, ...] = PERCENTS) -> Metric:
    """Return durations as a metric, in milliseconds; without any, each value is None."""
    if not sketch.count:
        names = ("avg", "min", "med", "max", *(f"p({percent:g})" for percent in percents))
        return Metric("trend", "time", dict.fromkeys(names))
    median, *others = sketch.percentiles_ms((50.0, *percents))
    values: dict[str, float | None] = {
        "avg": round(sketch.mean_ms, 6),
        "min": sketch.min_ms,
        "med": median,
        "max": sketch.max_ms,
    }
    values |= {f"p({percent:g})": value for percent, value in zip(percents, others, strict=True)}
    return Metric("trend", "time", values)


def gauge(value: float, low: float, high: float) -> Metric:
    """Return a gauge: the current value and its bounds."""
    return Metric("gauge", "default", {"value": value, "min": low, "max": high})


def unmeasured() -> Metric:
    """Return a gauge without a sample."""
    return Metric("gauge", "default", dict.fromkeys(("value", "min", "max")))


def metrics_of(
    measured: Measurements,
    elapsed_s: float,
    percents: tuple[float, ...] = PERCENTS,
    names: Collection[str] | None = None,
) -> dict[str, Metric]:
    """Return the metrics of a run, finished or not.

    Args:
        measured: The run.
        elapsed_s: Since its start.
        percents: The percentiles to compute.
        names: Only these, because each costs some sorting; None: all.
    """
    makers = {**_counted(measured, elapsed_s), **_timed(measured, percents)}
    wanted = sorted(makers) if names is None else [name for name in makers if name in names]
    return {name: makers[name]() for name in wanted}


def _counted(measured: Measurements, elapsed_s: float) -> dict[str, Maker]:
    done, failed = measured.done_count, measured.failed_count
    slices = measured.slices.values()
    return {
        "checks": lambda: share(done - failed, failed),
        "data_received": lambda: _data(measured.received_bytes, elapsed_s),
        "data_sent": lambda: _data(measured.sent_bytes, elapsed_s),
        "dropped_iterations": lambda: counter(measured.not_sent_count, elapsed_s),
        "generator_cpu": lambda: _cpu([each.cpu for each in slices if each.cpu]),
        "http_req_failed": lambda: share(failed, done - failed),
        "http_reqs": lambda: counter(done, elapsed_s),
        "iterations": lambda: counter(measured.sent_count, elapsed_s),
        "planned": lambda: counter(measured.planned_count, elapsed_s),
        "refused": lambda: counter(measured.refused_count, elapsed_s),
        "resent": lambda: counter(measured.resent_count, elapsed_s),
        "vus": lambda: _under_way(measured),
        "vus_max": lambda: _most(measured),
    }


def _timed(measured: Measurements, percents: tuple[float, ...]) -> dict[str, Maker]:
    # If no request was answered, their durations are no samples.
    phases = measured.phases if measured.timed else Phases()
    return {
        "generator_lag": lambda: trend(measured.lag, percents),
        "http_req_blocked": lambda: trend(phases.blocked, percents),
        "http_req_connecting": lambda: trend(_any(phases.connecting), percents),
        SERVICE: lambda: trend(samples(measured.cells, service=True), percents),
        f"{SERVICE}{{expected_response:true}}": lambda: trend(_as_expected(measured), percents),
        "http_req_receiving": lambda: trend(phases.receiving, percents),
        SCHEDULED: lambda: trend(samples(measured.cells), percents),
        "http_req_sending": lambda: trend(phases.sending, percents),
        "http_req_tls_handshaking": lambda: trend(_any(phases.tls), percents),
        "http_req_waiting": lambda: trend(phases.waiting, percents),
        "iteration_duration": lambda: trend(phases.whole, percents),
    }


def samples(cells: Mapping[Label, Cell], *, service: bool = False) -> Sketch:
    """Return the durations of some requests; none if the consumer ended each without a response.

    Args:
        cells: The requests.
        service: Their service times, instead of those from the planned time.
    """
    if not any(label.timed for label in cells):
        return Sketch()
    return merged(cell.service if service else cell.scheduled for cell in cells.values())


def tagged(
    measured: Measurements,
    name: str,
    tags: Mapping[str, str],
    percents: tuple[float, ...] = PERCENTS,
) -> Metric | None:
    """Return the metric of certain requests, such as k6's ``http_req_duration{status:200}``.

    Without such requests a duration and a rate have no samples, and a count is 0.

    Args:
        measured: The run.
        name: One of `loadtest.measure.known.LABELLED`.
        tags: Labels of `loadtest.measure.known.VALUES`, with their required values.
        percents: The percentiles to compute.
    """
    found = {label: cell for label, cell in measured.cells.items() if _has(label, cell, tags)}
    done, failed = (
        sum(cell.count for cell in found.values()),
        sum(cell.failed for cell in found.values()),
    )
    match name:
        case "http_req_duration" | "http_req_scheduled_duration":
            return trend(samples(found, service=name == SERVICE), percents)
        case "http_reqs":
            return counter(done, measured.last_s)
        case "http_req_failed":
            return share(failed, done - failed)
        case _:
            return None


def _has(label: Label, cell: Cell, tags: Mapping[str, str]) -> bool:
    # All requests of a cell are answered correctly, or none.
    had = {
        **label._asdict(),
        "fault": label.fault or NO_FAULT,
        "expected_response": "false" if cell.failed else "true",
    }
    return all(str(had[name]) == value for name, value in tags.items())


def _as_expected(measured: Measurements) -> Sketch:
    """Return the service times of correctly answered requests."""
    found = {label: cell for label, cell in measured.cells.items() if not cell.failed}
    return samples(found, service=True)


def _any(sketch: Sketch) -> Sketch:
    """Return nothing if all are 0: no connection, or no TLS, was made in the whole run."""
    return sketch if sketch.longest_us else Sketch()


def _data(count: int, over_s: float) -> Metric:
    return Metric("counter", "data", {"count": count, "rate": count / over_s if over_s else 0.0})


def _under_way(measured: Measurements) -> Metric:
    flights = [each.in_flight for each in measured.slices.values()]
    return gauge(measured.in_flight, min(flights, default=0), max(flights, default=0))


def _most(measured: Measurements) -> Metric:
    most = max((each.in_flight for each in measured.slices.values()), default=0)
    return gauge(most, most, most)


def _cpu(loads: list[float]) -> Metric:
    # A second has to pass before the first sample exists.
    return gauge(loads[-1], min(loads), max(loads)) if loads else unmeasured()
