"""One pipeline under one open load after the other: what each costs, and how late it is."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.harness import counts
from benchmarks.harness.lab import until
from benchmarks.harness.meter import Meter
from benchmarks.harness.open_load import Load, Measured
from benchmarks.harness.processes import Pids, Program, ProgramError
from benchmarks.harness.report import Figures
from benchmarks.harness.toolchains import ROOT
from benchmarks.harness.whole import Place, Whole
from portcall.cli.ports import HOST, free_ports

SETTLE_S = 1.5
"""After the last POST, for results to be stored."""
PATIENCE_S = 15.0
KEPT_UP_S = 1.0
"""The last POST comes at most so long after the last request where a rate is kept up."""
WARM_UP = (100.0, 2.0)
"""Events a second, and seconds."""
SUSTAINED_MS = 250.0
"""The p99 up to which a rate counts as sustained."""
_FIRST_RATE, _STEP, _HALVINGS, _LOOK_S = 300.0, 1.5, 3, 6.0


@dataclass(frozen=True, slots=True)
class Case:
    """One load.

    Attributes:
        rate: Events a second.
        fan_out: Webhooks that get each.
        batch: Events in a request.
        seconds: How long.
    """

    rate: float
    fan_out: int
    batch: int
    seconds: float

    @property
    def name(self) -> str:
        """In results."""
        how = "single" if self.batch == 1 else f"batches of {self.batch}"
        return f"{self.rate:g}/s, fan-out {self.fan_out}, {how}"

    @property
    def events(self) -> int:
        """How many; whole requests."""
        return max(1, round(self.rate * self.seconds / self.batch)) * self.batch


class Client:
    """The process that sends and takes.

    Args:
        program: The process.
        port: Where webhooks lead.
        streams: To it.
    """

    def __init__(
        self,
        program: Program,
        port: int,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self.program = program
        self.port = port
        self._streams = streams
        self._next = 0

    @classmethod
    @asynccontextmanager
    async def running(cls, folder: Path) -> AsyncIterator["Client"]:
        """A client for the time of a block."""
        port, control = free_ports(2)
        argv = (sys.executable, "-m", "benchmarks.harness.open_load", str(port), str(control))
        env = {"PYTHONPATH": str(ROOT)}
        program = await Program.start("load", argv, env=env, folder=folder)
        made: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

        async def connected() -> bool:
            try:
                made.append(await asyncio.open_connection(HOST, control))
            except OSError:
                return False
            return True

        try:
            await until(
                connected, programs=[program], within_s=15, what="the load client listens",
                every_s=0.1,
            )  # fmt: skip
            yield cls(program, port, made[0])
        finally:
            await program.stop()

    async def send(self, whole: Whole, case: Case) -> Measured:
        """Send a load, and wait for what comes of it."""
        load = Load(
            url=whole.url.replace("REGISTRY", f"fanout{case.fan_out}"),
            token=whole.token,
            first=self._next,
            events=case.events,
            batch=case.batch,
            rate=case.rate,
            fan_out=case.fan_out,
            patience_s=PATIENCE_S,
        )
        self._next += case.events
        reader, writer = self._streams
        writer.write(msgspec.json.encode(load) + b"\n")
        line = await reader.readline()
        if not line:
            raise ProgramError(f"the load client ended:\n{self.program.said()}")
        return msgspec.json.decode(line, type=Measured)


class Session:
    """A running pipeline with its broker.

    Args:
        whole: The pipeline.
        client: Who sends.
        place: Where it runs.
        broker: The processes of the broker.
    """

    def __init__(self, whole: Whole, client: Client, place: Place, broker: Pids) -> None:
        self._whole = whole
        self._client = client
        self._place = place
        self._roles: dict[str, Pids] = {**whole.roles, "rabbitmq": broker}

    async def warm_up(self) -> None:
        """Send something to every registry."""
        rate, seconds = WARM_UP
        for registry in self._place.hooks:
            fan_out = int(registry.removeprefix("fanout"))
            await self.send(Case(rate, fan_out, 1, seconds))
        await asyncio.sleep(SETTLE_S)

    async def send(self, case: Case) -> Measured:
        """Send a load without measuring what it costs."""
        return await self._client.send(self._whole, case)

    async def run(self, case: Case, *, counted: bool) -> Figures:
        """Send a load and give what it cost; with counts for an event if *counted*.

        Raises:
            ProgramError: Nothing came.
        """
        before = await self._counts() if counted else {}
        published = await self._whole.publishes() if counted else {}
        calls = counts.system_calls(self._roles)
        meter = Meter({**self._roles, "load": lambda: self._client.program.pids})
        meter.begin()
        measured = await self.send(case)
        await asyncio.sleep(SETTLE_S)
        cost = meter.end()
        used = counts.system_calls(self._roles)
        if not measured.deliveries:
            raise ProgramError(f"{case.name}: no POST came, {measured.refused} requests refused")
        figures = {
            **cost.per_item(measured.deliveries),
            **msgspec.to_builtins(measured),
            "kept_up": not measured.missing
            and not measured.refused
            and measured.behind_s <= KEPT_UP_S,
        }
        ours = (figures["cpu_us"][role] for role in self._roles)
        figures["cpu_all_us"] = round(sum(ours), 1)
        events = measured.deliveries / case.fan_out
        figures["calls"] = {
            role: {each: round((found[each] - calls[role][each]) / events, 3) for each in found}
            for role, found in used.items()
        }
        if counted:
            after, publishes = await self._counts(), await self._whole.publishes()
            figures["counts"] = {
                each: round((value - before[each]) / events, 3) for each, value in after.items()
            }
            figures["publishes"] = {
                each: round((value - published.get(each, 0)) / events, 3)
                for each, value in publishes.items()
            }
            for each in ("calls", "sleeps"):
                own = (
                    found[each] for role, found in figures["calls"].items() if role != "rabbitmq"
                )
                figures["counts"][each] = round(sum(own), 3)
        return figures

    async def _counts(self) -> counts.Counts:
        return {
            **await self._place.node.counts(),
            "transactions": counts.transactions(self._whole.database),
        }


async def saturation(session: Session) -> int:
    """The highest rate of single events that is sustained at fan-out 1, to some 6 %."""
    low, high = 0.0, _FIRST_RATE
    while await _is_sustained(session, high):
        low, high = high, high * _STEP
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if await _is_sustained(session, middle):
            low = middle
        else:
            high = middle
    return round(low)


async def _is_sustained(session: Session, rate: float) -> bool:
    measured = await session.send(Case(rate, 1, 1, _LOOK_S))
    await asyncio.sleep(SETTLE_S)
    p99 = measured.arrived_ms["p99"]
    return not measured.missing and not measured.refused and p99 < SUSTAINED_MS
