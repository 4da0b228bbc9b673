"""The live view of a load test."""

import sys
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from portcall.cli.loadtest.keys import HINT, press, pressed
from portcall.cli.output import note
from portcall.loadtest.measure.cells import Slice
from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.measure.sketch import merged
from portcall.loadtest.report.chapters import marks
from portcall.loadtest.schedule.dial import Dial
from portcall.loadtest.schedule.pacing import Paced

LINE_EVERY_S = 5.0
RECENT_S = 5.0
SPARKS = "▁▂▃▄▅▆▇█"
SPARK_WIDTH = 60


class View:
    """Shows a run: live on a terminal, else one line every few seconds; a context manager.

    Args:
        paced: The schedule.
        quiet: Show nothing.
        dial: Turned by keys on a terminal; None: no keys.
    """

    def __init__(self, paced: Paced, *, quiet: bool, dial: Dial | None = None) -> None:
        self._paced = paced
        self._dial = None if paced.recorded else dial
        self._began_at = 0.0
        self._keys = ExitStack()
        self._quiet = quiet
        self._live: Live | None = None
        self._line_at = 0.0

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            console = Console(stderr=True)
            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._live.start()
            if self._dial is not None and sys.stdin.isatty():
                self._keys.enter_context(pressed(self._press))
            else:
                self._dial = None
        elif not self._quiet:
            plural = "" if self._paced.count == 1 else "s"
            note(f"{self._paced.words}: {self._paced.count:,} request{plural}")
            self._line_at = time.monotonic() + LINE_EVERY_S
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._keys.close()
        if self._live is not None:
            self._live.stop()

    def _press(self, keys: bytes) -> None:
        if self._dial is not None:
            elapsed_s = time.perf_counter() - self._began_at if self._began_at else 0.0
            press(keys, self._dial, elapsed_s)

    def tick(self, measured: Measurements, elapsed_s: float) -> None:
        """Show the progress."""
        self._began_at = time.perf_counter() - elapsed_s
        if self._live is not None:
            self._live.update(_screen(self._paced, measured, elapsed_s, self._dial), refresh=True)
        elif not self._quiet and time.monotonic() >= self._line_at:
            self._line_at = time.monotonic() + LINE_EVERY_S
            note(_line(measured, elapsed_s))


def _screen(
    paced: Paced, measured: Measurements, elapsed_s: float, dial: Dial | None = None
) -> RenderableType:
    total = max(paced.count, measured.planned_count)
    grid = Table.grid(padding=(0, 2))
    grid.add_row("planned", f"{measured.planned_count:,} of {total:,}")
    grid.add_row("= sent", f"{measured.sent_count:,}")
    missing = Text(
        f"{measured.not_sent_count:,}", style="bold red" if measured.not_sent_count else ""
    )
    grid.add_row("+ not sent", missing)
    grid.add_row("in flight", f"{measured.in_flight:,}")
    grid.add_row(
        "failed", Text(f"{measured.failed_count:,}", style="red" if measured.failed_count else "")
    )
    if measured.refused_count:
        grid.add_row("refused", f"{measured.refused_count:,}")
    recent = _recent(measured, elapsed_s)
    scheduled = merged(part.scheduled for part in recent)
    service = merged(part.service for part in recent)
    times = Table.grid(padding=(0, 2))
    times.add_row(f"last {RECENT_S:g} s", "p50", "p95", "p99", "max", style="dim")
    times.add_row("from the planned time", *marks(scheduled))
    times.add_row("service time", *marks(service))
    bar = ProgressBar(
        total=paced.duration_s, completed=min(elapsed_s, paced.duration_s), width=SPARK_WIDTH
    )
    turned = f"   x{dial.factor:.3g}" if dial is not None and dial.turns else ""
    hint = "Ctrl-C ends it; the report then covers what was sent until then."
    return Group(
        Text(f"{paced.words}{turned}   {elapsed_s:.0f} s", style="bold"),
        bar,
        grid,
        times,
        Text(f"p99   {_sparks(measured)}", style="cyan"),
        Text(hint if dial is None else f"{hint} {HINT}", style="dim"),
    )


def _line(measured: Measurements, elapsed_s: float) -> str:
    recent = _recent(measured, elapsed_s)
    scheduled = merged(part.scheduled for part in recent)
    median, _, high, _ = marks(scheduled)
    return (
        f"{elapsed_s:5.0f} s  planned {measured.planned_count:,} = sent {measured.sent_count:,}"
        f" + not sent {measured.not_sent_count:,}; in flight {measured.in_flight:,}, failed"
        f" {measured.failed_count:,}; last {RECENT_S:g} s: p50 {median}, p99 {high}"
    )


def _recent(measured: Measurements, elapsed_s: float) -> list[Slice]:
    last = int(elapsed_s / measured.slice_s)
    first = last - int(RECENT_S / measured.slice_s)
    found = (measured.slices.get(number) for number in range(first, last + 1))
    return [part for part in found if part is not None]


def _sparks(measured: Measurements) -> str:
    """Draw the p99 of the last slices as a row of bars."""
    parts = [part for _, part in measured.timeline()][-SPARK_WIDTH:]
    values = [part.scheduled.percentile_ms(99) for part in parts]
    top = max(values, default=0.0) or 1.0
    return "".join(SPARKS[min(len(SPARKS) - 1, int(value / top * len(SPARKS)))] for value in values)
