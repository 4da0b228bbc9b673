"""Everything that happens to lines, to that between Portcall and its broker or its consumers."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from portcall.cli.up.broker import PrivateBroker
from tests.faults.harness.injector import ROLES
from tests.faults.harness.lab import Lab, laboratory
from tests.faults.harness.load import Subject
from tests.line import Line, Way
from tests.sink import eventually

TROUBLES = ("cut", "half closed", "deaf", "mute", "slow", "narrow")
SLOW_S = 0.15
NARROW_BYTES_PER_S = 100_000


async def lines(
    lab: Lab, line: Line, name: str, *, for_s: float, rate: float = 100.0, settle_s: float = 90.0
) -> dict[str, object]:
    """Let everything happen to a line, one after the other, under load.

    Args:
        lab: Where.
        line: The line.
        name: What the oracle calls it: ``broker line`` or ``sink line``.
        for_s: How long each trouble lasts, and each time between two.
        rate: Deliveries a second.
        settle_s: How long everything may take to end after that.
    """
    fan_out = 5
    endpoints = await lab.add_endpoints(fan_out)
    registry = endpoints[0].registry
    pids_before = lab.pids()
    seconds = 2 * for_s * len(TROUBLES)
    loading = asyncio.create_task(
        lab.load.publish(
            round(rate / fan_out * seconds), lambda _: Subject(registry), rate=rate / fan_out
        )
    )
    for trouble in TROUBLES:
        await asyncio.sleep(for_s)
        with lab.injector.during(trouble, name), _troubled(line, trouble):
            await asyncio.sleep(for_s)
    await loading
    await eventually(lab.all_ready, within_s=60, what="everything is ready again")
    verdict = await lab.concluded(settle_s)
    pids_after = lab.pids()
    return {
        **verdict.figures(),
        "connections": line.connections,
        "refused_tries": lab.load.refusals,
        "roles_that_died": [role for role in ROLES if pids_before[role] != pids_after[role]],
    }


@contextmanager
def _troubled(line: Line, trouble: str) -> Iterator[None]:
    match trouble:
        case "cut":
            line.cut()
        case "half closed":
            line.half_close()
        case "deaf":
            line.go_deaf()
        case "mute":
            line.go_deaf(Way.BACK)
        case "slow":
            line.delay_s = SLOW_S
        case _:
            line.bytes_per_s = NARROW_BYTES_PER_S
    try:
        yield
    finally:
        line.hear()
        line.delay_s = 0.0
        line.bytes_per_s = 0


@asynccontextmanager
async def broker_line_laboratory(
    folder: Path, broker: PrivateBroker
) -> AsyncIterator[tuple[Lab, Line]]:
    """An installation that reaches this broker through a line."""
    line = Line(broker.url)
    try:
        async with laboratory(folder, {"PORTCALL_AMQP_URL": await line.open()}) as lab:
            yield lab, line
    finally:
        await line.close()


@asynccontextmanager
async def sink_line_laboratory(folder: Path) -> AsyncIterator[tuple[Lab, Line]]:
    """An installation whose webhooks lead through a line."""
    schedule = {"PORTCALL_RETRY_SCHEDULE": "1s,1s,1s,2s,2s,2s,2s", "PORTCALL_ATTEMPT_TIMEOUT": "1s"}
    async with laboratory(folder, schedule) as lab:
        line = Line(lab.sink.url)
        lab.lead_through(await line.open())
        try:
            yield lab, line
        finally:
            await line.close()
