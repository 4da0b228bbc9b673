"""Outcomes and results as a run makes them, without a run."""

from collections.abc import Iterable, Sequence

from portcall.loadtest.judge.thresholds import Threshold
from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.measure.sections import Section
from portcall.loadtest.plan import Headers, NotSent, Outcome, Planned, Timings, Wants
from portcall.loadtest.report.result import About, Result
from portcall.loadtest.run import RunEnd
from portcall.loadtest.send.generator import GeneratorHealth
from portcall.schemas.records import Failure

ABOUT = About(
    uri="http://127.0.0.1:9000/hook",
    plan="100/s for 8 s",
    began="2026-11-22T22:00:00+00:00",
    duration_s=8.0,
    rates=((0.0, 100.0), (8.0, 100.0)),
    seed=7,
    command="portcall loadtest --uri http://127.0.0.1:9000/hook",
    machine="Linux x86_64, 2 cores",
)
WELL = GeneratorHealth(
    cpu=0.05,
    busiest_cpu=0.1,
    lag_p50_ms=0.1,
    lag_p99_ms=0.5,
    lag_max_ms=1.0,
    loop_lag_max_ms=1.0,
)


def _unsigned(_now_s: float) -> Headers:
    return ()


def planned(
    at_s: float = 0.0,
    *,
    action: str = "push",
    attempt: int = 1,
    fault: str = "",
    wants: Wants = Wants.TAKEN,
) -> Planned:
    return Planned(
        at_s, f"msg_{at_s}", action, b"{}", _unsigned, attempt=attempt, fault=fault, wants=wants
    )


def outcome(
    request: Planned,
    *,
    service_s: float = 0.01,
    late_s: float = 0.0,
    status: int = 200,
    failure: Failure | None = None,
    message: str = "",
) -> Outcome:
    if failure is None:
        failure = Failure.NONE if 200 <= status < 300 else Failure.STATUS
    sent_s = request.at_s + late_s
    return Outcome(
        planned=request,
        sent_s=sent_s,
        done_s=sent_s + service_s,
        timings=Timings(waiting_s=service_s),
        status=status,
        failure=failure,
        message=message,
        reused=True,
        sent_bytes=100,
        received_bytes=50,
    )


def measured_of(
    outcomes: Iterable[Outcome], left_out: Iterable[Planned] = (), *, slice_s: float = 1.0
) -> Measurements:
    measured = Measurements(slice_s=slice_s)
    for each in outcomes:
        measured.sent(each.planned)
        measured.done(each)
    for each_left in left_out:
        measured.left_out(NotSent(each_left, "too many requests were under way"))
    return measured


def result_of(
    measured: Measurements,
    *,
    thresholds: Sequence[Threshold] = (),
    sections: Sequence[Section] = (),
    health: GeneratorHealth = WELL,
    interrupted: bool = False,
    report_only: bool = False,
) -> Result:
    ended = RunEnd(measured, measured.last_s, health, interrupted)
    return Result.of(ABOUT, ended, thresholds, sections, report_only=report_only)


def steady(count: int = 100) -> list[Outcome]:
    """So many requests, a hundred a second, 10 ms each."""
    return [outcome(planned(number / 100)) for number in range(count)]
