"""The recorder alone: how many records it stores a second of a stream that is there already."""

from contextlib import AsyncExitStack

import aiohttp
import msgspec

from benchmarks.harness.alternating import Told
from benchmarks.harness.broker import persistent
from benchmarks.harness.lab import Lab, open_lab, until
from benchmarks.harness.meter import Cost, Meter
from benchmarks.harness.postgres import private_postgres
from benchmarks.harness.processes import Pids
from benchmarks.harness.quiet import until_quiet
from benchmarks.harness.records import record_frames
from benchmarks.harness.report import Figures, Mode, Report, Target, medians, read
from benchmarks.harness.roles import Role, Site, total
from benchmarks.harness.toolchains import MissingError
from benchmarks.measurements import delivery
from portcall.schemas.frames import CONTENT_TYPE
from portcall.schemas.topology import LOG

TITLE = "Recorder"
WEBHOOKS = 100
WARM_UP = 2_000
SLOWEST_PER_S = 1_000
FIRST_ID = 1 << 50


async def measure(mode: Mode, told: Told) -> Report:
    """Preload the stream, and time the recorder, on SQLite and on PostgreSQL."""
    records = mode.choose(50_000, 200_000)
    report = Report(parameters={"records": records, "webhooks": WEBHOOKS})
    async with open_lab() as lab:
        for number in range(mode.pairs or mode.choose(1, 5)):
            for kind in ("sqlite", "postgresql"):
                if kind in report.skipped:
                    continue
                await until_quiet(mode.quiet_s)
                try:
                    figures = await _run(lab, f"{kind}{number}", kind, records)
                except MissingError as error:
                    report.skipped[kind] = str(error)
                    continue
                report.runs.append({"store": kind, "pair": number, **figures})
                told(f"{kind}: {figures['per_s']:,.0f} records/s; CPU us: {figures['cpu_us']}")
    kinds = {run["store"] for run in report.runs}
    report.summary = {
        kind: medians([run for run in report.runs if run["store"] == kind]) for kind in kinds
    }
    report.targets = _targets(report)
    return report


async def _run(lab: Lab, name: str, kind: str, records: int) -> Figures:
    async with AsyncExitStack() as stack:
        url, roles = "", dict[str, Pids]()
        if kind == "postgresql":
            cluster = await stack.enter_async_context(private_postgres(lab.folder / f"pg-{name}"))
            url, roles = cluster.create(name), {kind: lambda: cluster.program.pids}
        site = Site.make(lab, name, url)
        # What is made up here may be older than what is usually kept.
        site.settings["PORTCALL_RECORD_RETENTION"] = "3650d"
        await site.apply_topology()
        stack.push_async_callback(site.clear)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        (recorder,) = await stack.enter_async_context(site.roles("recorder", 1))
        roles |= {"recorder": lambda: recorder.program.pids, "broker": lambda: lab.broker.pids}
        return (await _measure(lab, recorder, http, Meter(roles), records)).per_item(records)


async def _measure(
    lab: Lab, recorder: Role, http: aiohttp.ClientSession, meter: Meter, records: int
) -> Cost:
    async def stored(wanted: int) -> bool:
        samples = await recorder.metrics(http)
        return total(samples, "portcall_recorder_records_total", what="stored") >= wanted

    programs = [recorder.program]
    await _preload(lab, 0, WARM_UP)
    await until(lambda: stored(WARM_UP), programs=programs, within_s=30, what="the warm-up is done")
    recorder.program.hold()
    await _preload(lab, WARM_UP, records)
    await lab.calm()
    meter.begin()
    recorder.program.let_go()
    await until(
        lambda: stored(WARM_UP + records),
        programs=programs,
        within_s=10 + records / SLOWEST_PER_S,
        what="every record is stored",
        every_s=0.03,
    )
    return meter.end()


async def _preload(lab: Lab, first: int, count: int) -> None:
    webhook_ids = range(FIRST_ID, FIRST_ID + WEBHOOKS)
    await lab.broker.publish(
        (
            persistent(msgspec.json.encode(frame), content_type=CONTENT_TYPE)
            for frame in record_frames(first, count, webhook_ids)
        ),
        exchange=LOG,
    )


def _targets(report: Report) -> list[Target]:
    """It must keep up with two deliverers at full speed, where those have been measured."""
    kept = read("delivery")
    step = kept["summary"]["medians"].get(delivery.OURS) if kept else None
    return [
        Target(
            f"records/s against two deliverers at full speed, {kind}",
            1.0,
            round(figures["per_s"] / step["per_s"], 3) if step else None,
            at_least=True,
        )
        for kind, figures in sorted(report.summary.items())
    ]
