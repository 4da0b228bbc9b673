"""The load test's dashboard: where it listens, and its updates beside the terminal's."""

import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from portcall.cli.loadtest.view import View
from portcall.cli.output import note
from portcall.loadtest.dashboard.address import Address
from portcall.loadtest.dashboard.board import Board
from portcall.loadtest.dashboard.server import Dashboard
from portcall.loadtest.dashboard.state import Watched
from portcall.loadtest.judge.thresholds import Threshold
from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.run import Tick
from portcall.loadtest.schedule.dial import Dial
from portcall.loadtest.schedule.pacing import Paced
from portcall.loadtest.send.generator import GeneratorHealth
from portcall.schemas.errors import PortcallError

FAULT = "It ended with an error; see the terminal. There is no report."


@asynccontextmanager
async def shown(place: Address | None) -> AsyncIterator[Board]:
    """Open a board that is served at *place*, or not served at all.

    Raises:
        InvalidValueError: The address cannot be used.
    """
    if place is None:
        yield Board(served=False)
        return
    async with Dashboard(place) as dashboard:
        # Printed even with --quiet: the chosen port is unknown otherwise.
        note(f"Dashboard: {dashboard.url}")
        if not place.loopback:
            note("Anyone who can reach this address can see the run and change its rate.")
        try:
            yield dashboard.board
        except Exception as error:
            known = isinstance(error, PortcallError)
            dashboard.board.break_off(str(error) if known else FAULT)
            raise


def watched(
    uri: str, paced: Paced, thresholds: Sequence[Threshold], dial: Dial | None = None
) -> Watched:
    """Return a run for the dashboard; without *dial*, or for a recording, its rate is fixed."""
    return Watched(
        number=secrets.token_hex(6),
        uri=uri,
        plan=paced.words,
        duration_s=paced.duration_s,
        total=paced.count,
        thresholds=thresholds,
        dial=None if paced.recorded else dial,
    )


def both(view: View, board: Board) -> Tick:
    """Update the terminal and the dashboard."""

    def tick(
        measured: Measurements, elapsed_s: float, health: Callable[[], GeneratorHealth]
    ) -> None:
        view.tick(measured, elapsed_s)
        board.tick(measured, elapsed_s, health)

    return tick
