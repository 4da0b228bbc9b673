"""The whole pipeline: from the producer's HTTP to a record that can be queried."""

import asyncio
import sys
from functools import partial

from benchmarks.harness.alternating import Told, line, spread
from benchmarks.harness.deliveries import make_webhooks
from benchmarks.harness.installation import Installation, RecordCount, portcall_up
from benchmarks.harness.lab import Lab, open_lab, until
from benchmarks.harness.load import environment
from benchmarks.harness.meter import Cost, Meter
from benchmarks.harness.population import populate_registry
from benchmarks.harness.processes import Program, ProgramError
from benchmarks.harness.quiet import until_quiet
from benchmarks.harness.report import Figures, Mode, Report, Target, medians
from benchmarks.harness.toolchains import ROOT, MissingError
from benchmarks.measurements.peer_step import run_peer
from benchmarks.peers.catalogue import PEERS

TITLE = "Whole pipeline"
DELIVERERS = 2
BATCH = 50
IN_FORCE_S = 2.5
"""A router looks at the store once a second without a hint."""
EVENTS = {10: 2_000, 1: 8_000, 100: 300}
"""By fan-out; the first is compared with the Go worker."""
WARM_UP_EVENTS = 100
SLOWEST_PER_S = 100


class Pipeline:
    """Sends events through a running installation.

    Args:
        lab: For its sink and its folder.
        installation: What is measured.
    """

    def __init__(self, lab: Lab, installation: Installation) -> None:
        self._lab = lab
        self._installation = installation
        self._next_event = 0

    async def subscribe(self, registry: str, webhooks: int, path: str = "/hook") -> None:
        """Make webhooks that get every push to *registry*; they are in force afterwards."""
        with self._installation.open_store() as store:
            uris = [f"{self._lab.sink.url}{path}"] * webhooks
            await asyncio.to_thread(make_webhooks, store, uris, registry_name=registry)
        await asyncio.sleep(IN_FORCE_S)

    async def subscribe_many(self, registry: str, webhooks: int) -> None:
        """Make a webhook for each of many repositories; they are in force afterwards."""
        with self._installation.open_store() as store:
            target = f"{self._lab.sink.url}/hook"
            await asyncio.to_thread(populate_registry, store, registry, webhooks, target)
        await asyncio.sleep(IN_FORCE_S)

    async def send(
        self,
        registry: str,
        events: int,
        *,
        fan_out: int,
        batch: int = BATCH,
        rate: float = 0,
        repositories: int = 0,
    ) -> Cost:
        """Send events and measure until every record is stored.

        Args:
            registry: Whose events.
            events: How many.
            fan_out: Records that each makes.
            batch: Events in one request.
            rate: Requests a second; 0: as fast as may be.
            repositories: How many the events take turns over; 0: one.
        """
        ready = self._installation.ready
        env = environment(
            f"{ready['producer_url']}/registries/{registry}/events",
            ready["token"],
            first=self._next_event,
            events=events,
            batch=batch,
            rate=rate,
            repositories=repositories,
        )
        self._next_event += events
        argv = (sys.executable, "-m", "benchmarks.harness.load")
        records = RecordCount(self._installation)
        try:
            async with self._lab.programs(
                [("load", argv, {"PYTHONPATH": str(ROOT), **env})]
            ) as clients:
                return await self._measure(clients[0], records, events * fan_out, rate)
        finally:
            records.close()

    async def _measure(
        self, client: Program, records: RecordCount, wanted: int, rate: float
    ) -> Cost:
        async def held() -> bool:
            return client.is_held()

        async def stored() -> bool:
            return records.reached(wanted)

        programs = [client, self._installation.program]
        await until(held, programs=programs, within_s=30, what="the load is prepared")
        records.begin()
        meter = Meter(
            {
                **self._installation.roles(),
                "sink": lambda: self._lab.sink.program.pids,
                "load": lambda: client.pids,
            }
        )
        meter.begin()
        client.let_go()
        await until(
            stored,
            programs=programs,
            within_s=60 + wanted / (rate or SLOWEST_PER_S),
            what="every record is stored",
            every_s=0.02,
        )
        return meter.end()


async def measure(mode: Mode, told: Told) -> Report:
    """Alternate the pipeline at three fan-outs with the Go worker's delivery step alone."""
    report = Report(
        parameters={"batch": BATCH, "deliverers": DELIVERERS, "events_by_fan_out": EVENTS}
    )
    ratios: list[float] = []
    async with open_lab() as lab:
        report.parameters["sink"] = lab.sink.kind
        for number in range(mode.pairs or mode.choose(2, 5)):
            await until_quiet(mode.quiet_s)
            mine = await _session(lab, report, number, told)
            await until_quiet(mode.quiet_s)
            go = await _go(lab, report, number, told)
            if mine and go:
                ratios.append(mine["per_s"] / go["per_s"])
    by_name: dict[str, list[Figures]] = {}
    for run in report.runs:
        by_name.setdefault(run["contender"], []).append(run)
    report.summary["medians"] = {name: medians(runs) for name, runs in by_name.items()}
    ratio = spread(ratios) if ratios else None
    report.summary["ratio_to_go"] = ratio
    report.targets = [
        Target(
            "whole pipeline at fan-out 10 against the Go worker's delivery step alone",
            1.0,
            ratio["median"] if ratio else None,
            at_least=True,
        )
    ]
    return report


async def _session(lab: Lab, report: Report, number: int, told: Told) -> Figures | None:
    """Bring everything up, and measure every fan-out; gives the figures of the first."""
    first: Figures | None = None
    try:
        async with portcall_up(lab.folder, "--deliverers", str(DELIVERERS)) as installation:
            pipeline = Pipeline(lab, installation)
            for fan_out in EVENTS:
                await pipeline.subscribe(f"fanout{fan_out}", fan_out)
            for fan_out, events in EVENTS.items():
                send = partial(pipeline.send, f"fanout{fan_out}", fan_out=fan_out)
                await send(WARM_UP_EVENTS)
                figures = (await send(events)).per_item(events * fan_out)
                report.runs.append({"contender": f"fan-out {fan_out}", "pair": number, **figures})
                told(f"fan-out {fan_out}: {line(figures)}")
                first = first or figures
    except ProgramError as error:
        report.failed.append(f"pipeline: {error}")
        told(f"pipeline: failed: {error}")
    return first


async def _go(lab: Lab, report: Report, number: int, told: Told) -> Figures | None:
    peer = next(peer for peer in PEERS if peer.name == "go")
    try:
        figures = (await run_peer(lab, peer, peer.count)).per_item(peer.count)
    except (MissingError, ProgramError) as error:
        report.skipped["go"] = str(error)
        return None
    report.runs.append({"contender": "go", "pair": number, **figures})
    told(f"go: {line(figures)}")
    return figures
