"""The board: the current state of a run, sent to readers, each at its own pace.

No one waits for a reader: a slow one gets the current state when it comes back, with the points
that changed meanwhile. The state is computed only if there are readers, except for the points.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence

import msgspec
from msgspec.structs import replace

from portcall.loadtest.dashboard.history import History
from portcall.loadtest.dashboard.state import Phase, RunState, SnapshotSource, Watched, state_of
from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.report.result import Result
from portcall.loadtest.run import RunEnd
from portcall.loadtest.send.generator import GeneratorHealth

EVERY_S = 1.0
MAX_READERS = 16
ALIVE_S = 10.0
"""Without news: after how long a comment shows that the connection is alive."""
EARLY_S = 0.3
"""The run's clock ticks twice a second; the second tick after a snapshot may be slightly early."""


class Full(Exception):  # noqa: N818 (it is an answer, not an error)
    """The maximum number of readers is reached."""


class Board:
    """Shows a run, and the next one if there are several.

    Args:
        served: Whether it has a server; otherwise it does nothing.
    """

    def __init__(self, *, served: bool = True) -> None:
        self._served = served
        self._watched = Watched("", "", "", 0.0, 0, ())
        self._phase = Phase.WAITING
        self._latest: Callable[[], SnapshotSource] | None = None
        self._result: Result | None = None
        self._tried: list[Sequence[str]] = []
        self._words = ""
        self._state: RunState | None = None
        self._history = History()
        self._told_s = self._began_at = 0.0
        self._changed = asyncio.Event()
        self._readers = 0
        self._left = asyncio.Event()

    @property
    def over(self) -> bool:
        """Whether the last event has been sent."""
        return self._phase is Phase.OVER

    @property
    def watched(self) -> Watched:
        """The current run."""
        return self._watched

    def begin(self, watched: Watched) -> None:
        """Show *watched* from now on."""
        self._watched, self._phase = watched, Phase.SENDING
        self._latest, self._history = None, History()
        self._told_s = self._began_at = 0.0
        self._tell()

    def tick(
        self, measured: Measurements, elapsed_s: float, health: Callable[[], GeneratorHealth]
    ) -> None:
        """Take a snapshot if a second has passed since the last one."""
        self._began_at = time.perf_counter() - elapsed_s
        if not self._served or elapsed_s - self._told_s < EVERY_S - EARLY_S:
            return
        self._told_s = elapsed_s
        self._history.look(measured, elapsed_s)
        self._latest = lambda: SnapshotSource(measured, elapsed_s, health())
        self._tell()

    def rest(self, ended: RunEnd, then: Phase) -> None:
        """Sending has ended; *then* names the next step."""
        self._phase = then
        whole = not ended.interrupted and ended.crossed is None
        elapsed_s = max(ended.elapsed_s, self._watched.duration_s if whole else 0.0)
        self._last(SnapshotSource(ended.measured, elapsed_s, ended.health))

    def tried(self, row: Sequence[str]) -> None:
        """Add a tried rate, in the columns of `loadtest.saturation`."""
        self._tried.append(row)
        self._tell()

    def end(self, result: Result) -> None:
        """Show *result*, as the last event."""
        self._phase, self._result, self._words = Phase.OVER, result, result.words
        self._last(SnapshotSource(result.measured, result.elapsed_s, result.health))

    def break_off(self, words: str) -> None:
        """Say that there will be no result, because of *words*."""
        self._phase, self._words = Phase.OVER, words
        self._tell()

    def turn(self, change: str | float) -> float:
        """Change the rate, by a key or to a multiple of the planned one; return the new factor.

        Raises:
            LookupError: The rate cannot be changed.
        """
        dial = self._watched.dial
        if dial is None or self._phase is not Phase.SENDING:
            raise LookupError
        if isinstance(change, str):
            dial.press(change, self._elapsed_s)
        else:
            dial.turn(change, self._elapsed_s)
        self._tell()
        return dial.factor

    async def read(self) -> AsyncGenerator[bytes]:
        """Yield events until the run is over, as fast as the reader takes them.

        Raises:
            Full: There are too many readers.
        """
        if self._readers >= MAX_READERS:
            raise Full
        self._readers += 1
        try:
            async for event in self._events():
                yield event
        finally:
            self._readers -= 1
            self._left.set()

    async def _events(self) -> AsyncGenerator[bytes]:
        history, version = self._history, 0
        while True:
            changed, over = self._changed, self.over
            if history is not self._history:
                history, version = self._history, 0
            points = history.since(version)
            version = history.version
            yield _event("end" if over else "state", replace(self._stands(), points=points))
            if over:
                return
            while not await _within(changed, ALIVE_S):
                yield b": still there\n\n"

    async def all_read(self, within_s: float) -> None:
        """Wait until every reader has the last event, at most so long."""
        try:
            async with asyncio.timeout(within_s):
                while self._readers:
                    self._left.clear()
                    await self._left.wait()
        except TimeoutError:
            return

    @property
    def _elapsed_s(self) -> float:
        return time.perf_counter() - self._began_at if self._began_at else 0.0

    def _stands(self) -> RunState:
        if self._state is None:
            now = self._latest() if self._latest is not None else None
            begun = state_of(self._watched, self._phase, now, self._result)
            self._state = replace(begun, words=self._words, tried=self._tried)
        return self._state

    def _last(self, now: SnapshotSource) -> None:
        self._latest = lambda: now
        if self._served:
            self._history.look(now.measured, now.measured.last_s + EVERY_S)
        self._tell()

    def _tell(self) -> None:
        self._state = None
        self._changed.set()
        self._changed = asyncio.Event()


def _event(name: str, state: RunState) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(state))


async def _within(changed: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await changed.wait()
    except TimeoutError:
        return False
