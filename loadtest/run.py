"""One run: the engine, its observers, and how it ends."""

import asyncio
import gc
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from msgspec import Struct

from portcall.loadtest.http2.poster import Http2Poster
from portcall.loadtest.judge.thresholds import Threshold, ThresholdResult, crossed
from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.plan import Observer, RequestSource
from portcall.loadtest.send.engine import Engine, Sends
from portcall.loadtest.send.generator import GeneratorHealth, GeneratorWatch, allow_files
from portcall.loadtest.send.poster import Poster
from portcall.loadtest.send.target import ConsumerTarget
from portcall.schemas.trust import NO_TRUST, Trust

TICK_S = 0.5
GRACE_S = 5.0
"""How long responses are awaited after Ctrl-C; a second Ctrl-C ends that, too."""


class Limits(Struct, frozen=True):
    """The limits of a run.

    Attributes:
        timeout_s: The time limit of one request as a whole.
        max_in_flight: Requests in flight at most.
        max_lag_s: The generator's allowed lag for 99 of 100 requests.
        keep_alive: Whether connections serve more than one request.
        verify: Whether the consumer's certificate must be valid.
        trust: The CAs to accept, and the client certificate.
        slice_s: The length of a slice, the unit of time for counts.
        http2: Whether requests are sent over HTTP/2.
    """

    timeout_s: float = 15.0
    max_in_flight: int = 2000
    max_lag_s: float = 0.025
    keep_alive: bool = True
    verify: bool = True
    trust: Trust = NO_TRUST
    slice_s: float = 1.0
    http2: bool = False


class RunEnd(Struct, frozen=True):
    """How a run ended.

    Attributes:
        measured: What was counted.
        elapsed_s: From the start to the last answer.
        health: Of the generator.
        interrupted: Whether it was asked to stop.
        crossed: The threshold that ended it, or None.
    """

    measured: Measurements
    elapsed_s: float
    health: GeneratorHealth
    interrupted: bool = False
    crossed: ThresholdResult | None = None


class Relay(Protocol):
    """An observer between the engine and the others, for requests that only start a delivery."""

    def before(self, others: Sequence[Observer]) -> Observer:
        """Return the observer for the engine, in front of *others*."""

    def begun(self, began_at: float) -> None:
        """The run began at *began_at*, by `time.perf_counter`."""

    async def settle(self, within_s: float) -> None:
        """Wait for open deliveries, until nothing arrives for so long."""

    def hurry(self, within_s: float) -> None:
        """Wait no longer than that from now on."""


Tick = Callable[[Measurements, float, Callable[[], GeneratorHealth]], None]
"""Shows the progress: the counts, the seconds since the start, and the generator's health."""


async def run(
    target: ConsumerTarget,
    source: RequestSource,
    *,
    limits: Limits,
    thresholds: Iterable[Threshold] = (),
    observers: Sequence[Observer] = (),
    tick: Tick | None = None,
    relay: Relay | None = None,
) -> RunEnd:
    """Send the requests of *source* to *target*.

    Args:
        target: The consumer.
        source: The requests.
        limits: The limits of the run.
        thresholds: Those that abort it are watched meanwhile.
        observers: They get the result of each request.
        tick: Called twice a second.
        relay: For requests through the pipeline: it calls the observers itself.

    Raises:
        InvalidValueError: A limit is beyond what the system allows.
    """
    allow_files(limits.max_in_flight)
    measured = Measurements(slice_s=limits.slice_s)
    async with _poster(target, limits) as poster:
        told: list[Observer] = [measured, *observers]
        told = [relay.before(told)] if relay is not None else told
        engine = Engine(source, poster, told, max_in_flight=limits.max_in_flight)
        watch = GeneratorWatch(measured)
        health = partial(
            watch.health, max_lag_s=limits.max_lag_s, max_in_flight=limits.max_in_flight
        )
        steering = _Steering(
            engine, poster, measured, list(thresholds), tick=tick, health=health, relay=relay
        )
        helpers = [asyncio.ensure_future(each) for each in (watch.run(), steering.run())]
        with interruptible(steering.interrupt), _few_collections():
            try:
                await engine.run(grace_s=GRACE_S, began=relay.begun if relay else None)
                if relay is not None:
                    await relay.settle(limits.timeout_s + GRACE_S)
            finally:
                for helper in helpers:
                    helper.cancel()
    return RunEnd(measured, measured.last_s, health(), steering.interrupted, steering.crossed)


def _poster(target: ConsumerTarget, limits: Limits) -> Poster | Http2Poster:
    if limits.http2:
        return Http2Poster(
            target, timeout_s=limits.timeout_s, verify=limits.verify, trust=limits.trust
        )
    return Poster(
        target,
        timeout_s=limits.timeout_s,
        keep_alive=limits.keep_alive,
        verify=limits.verify,
        trust=limits.trust,
    )


class _Steering:
    """Shows the progress of a run, and ends it early if needed."""

    def __init__(
        self,
        engine: Engine,
        poster: Sends,
        measured: Measurements,
        thresholds: list[Threshold],
        *,
        tick: Tick | None,
        health: Callable[[], GeneratorHealth],
        relay: Relay | None = None,
    ) -> None:
        self._engine = engine
        self._relay = relay
        self._poster = poster
        self._measured = measured
        self._thresholds = thresholds
        self._tick = tick
        self._health = health
        self._abandoning: asyncio.Task[None] | None = None
        self.interrupted = False
        self.crossed: ThresholdResult | None = None

    async def run(self) -> None:
        """Check twice a second until cancelled."""
        while True:
            await asyncio.sleep(TICK_S)
            elapsed_s = self._engine.elapsed_s
            if self._tick is not None:
                self._tick(self._measured, elapsed_s, self._health)
            if self.crossed is None and not self.interrupted:
                self.crossed = crossed(self._thresholds, self._measured, elapsed_s)
                if self.crossed is not None:
                    self._stop(GRACE_S)

    def interrupt(self) -> None:
        """Stop sending; on the second call, wait for no more responses."""
        if self.interrupted and self._abandoning is None:
            self._abandoning = asyncio.ensure_future(self._poster.abandon())
        self._stop(0.0 if self.interrupted else GRACE_S)
        self.interrupted = True

    def _stop(self, within_s: float) -> None:
        self._engine.stop()
        if self._relay is not None:
            self._relay.hurry(within_s)


@contextmanager
def interruptible(called: Callable[[], object]) -> Iterator[None]:
    """Call *called* on Ctrl-C and SIGTERM, for the time of a block; raise nothing."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, called)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


@contextmanager
def _few_collections() -> Iterator[None]:
    """Freeze existing objects for the garbage collector, and run it rarely: it causes lag."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
