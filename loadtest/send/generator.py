"""The generator's own health: if it was the bottleneck, the run says nothing about the consumer."""

import asyncio
import resource
import time

from msgspec import Struct

from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.measure.sketch import Sketch
from portcall.loadtest.send.engine import TOO_MANY
from portcall.schemas.errors import InvalidValueError

SAMPLE_S = 0.05
BUSY = 0.9
"""Above this part of a core, the generator limits itself."""
SPARE_FILES = 64
"""Open files besides the connections."""


class GeneratorHealth(Struct, frozen=True):
    """The generator's health.

    Attributes:
        cpu: How much of a core it used on average.
        busiest_cpu: The same in its busiest second.
        lag_p50_ms: How late requests were sent, the median.
        lag_p99_ms: The lag that 99 of 100 requests did not exceed.
        lag_max_ms: The longest lag.
        loop_lag_max_ms: The longest time that its event loop was blocked.
        late: How many requests were sent later than is allowed.
        problem: Why the figures do not describe the consumer; empty: they do.
        slow: Whether it was late itself, so that durations do not count.
    """

    cpu: float
    busiest_cpu: float
    lag_p50_ms: float
    lag_p99_ms: float
    lag_max_ms: float
    loop_lag_max_ms: float
    late: int = 0
    problem: str = ""
    slow: bool = False


class GeneratorWatch:
    """Watches the process while it generates load.

    Args:
        measured: Gets the load of each second.
    """

    def __init__(self, measured: Measurements) -> None:
        self._measured = measured
        self.loop_lag = Sketch()
        self._began = time.perf_counter(), time.process_time()
        self._last = self._began

    @property
    def cpu(self) -> float:
        """Return how much of a core was used on average."""
        began_at, used_before_s = self._began
        return (time.process_time() - used_before_s) / max(1e-9, time.perf_counter() - began_at)

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            before = time.perf_counter()
            await asyncio.sleep(SAMPLE_S)
            self.loop_lag.add(time.perf_counter() - before - SAMPLE_S)
            self._note()

    def _note(self) -> None:
        now_s = time.perf_counter() - self._began[0]
        part = self._measured.slice(now_s)
        part.in_flight = max(part.in_flight, self._measured.in_flight)
        passed_s = time.perf_counter() - self._last[0]
        if passed_s >= 1 - SAMPLE_S:
            part.cpu = (time.process_time() - self._last[1]) / passed_s
            self._last = time.perf_counter(), time.process_time()

    def health(self, *, max_lag_s: float, max_in_flight: int) -> GeneratorHealth:
        """Judge the run.

        Args:
            max_lag_s: The allowed lag of 99 of 100 requests.
            max_in_flight: The engine's limit.
        """
        lag = self._measured.lag
        median, high = lag.percentiles_ms((50, 99))
        busiest = max((part.cpu for part in self._measured.slices.values()), default=0.0)
        late = high > max_lag_s * 1000
        return GeneratorHealth(
            cpu=self.cpu,
            busiest_cpu=max(busiest, self.cpu),
            lag_p50_ms=median,
            lag_p99_ms=high,
            lag_max_ms=lag.max_ms,
            loop_lag_max_ms=self.loop_lag.max_ms,
            late=lag.above(max_lag_s),
            problem=_late(lag, max_lag_s, busiest) if late else self._left_out(max_in_flight),
            slow=late,
        )

    def _left_out(self, max_in_flight: int) -> str:
        measured = self._measured
        too_many = measured.not_sent[TOO_MANY]
        if too_many:
            return (
                f"{too_many} of {measured.planned_count} requests were not sent, because"
                f" {max_in_flight} were in flight: raise --max-in-flight, or plan fewer"
            )
        if not measured.not_sent:
            return ""
        reasons = ", ".join(f"{why} ({count})" for why, count in measured.not_sent.most_common())
        return (
            f"{measured.not_sent_count} of {measured.planned_count} events did not reach the"
            f" pipeline's queue, so it was the bottleneck, not the consumer: {reasons}"
        )


def _late(lag: Sketch, max_lag_s: float, cpu: float) -> str:
    late, sent = lag.above(max_lag_s), lag.count
    why = (
        f"its core was busy ({cpu:.0%}): plan fewer requests a second, or run several generators"
        if cpu > BUSY
        else (
            "the machine was busy with something else: stop that, or allow more lag with --max-lag"
        )
    )
    return (
        f"the generator itself was late: {late:,} of {sent:,} requests"
        f" {'was' if late == 1 else 'were'} sent more than {max_lag_s * 1000:g} ms late, the"
        f" latest by {lag.max_ms:.1f} ms, and 1 of 100 is allowed; {why}"
    )


def allow_files(max_in_flight: int) -> None:
    """Allow the process as many connections as there may be requests in flight.

    Raises:
        InvalidValueError: The system does not allow it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = max_in_flight + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise InvalidValueError(
                "--max-in-flight",
                f"is more than the open files that the system allows ({hard}, see ulimit -n)",
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
