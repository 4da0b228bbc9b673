"""The command: which measurements, how much of them, and where the figures go."""

import asyncio
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.harness import toolchains
from benchmarks.harness.processes import ProgramError
from benchmarks.harness.report import Circumstances, Everyday, Mode, Report, write
from benchmarks.harness.toolchains import MissingError
from benchmarks.measurements import (
    backlog,
    console,
    containers,
    delivery,
    everyday,
    footprint,
    formats,
    idle,
    intake,
    latency,
    listing,
    loadtest,
    loadtest_http2,
    matching,
    pipeline,
    recording,
    replicas,
    scaling,
    sizes,
    tuning,
    watching,
)
from portcall.cli.errors import NodeError

Told = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Measurement:
    """One of the measurements: its title, and what makes its report."""

    title: str
    measure: Callable[[Mode, Told], Awaitable[Report]]


MEASUREMENTS = {
    "delivery": Measurement(delivery.TITLE, delivery.measure),
    "pipeline": Measurement(pipeline.TITLE, pipeline.measure),
    "everyday": Measurement(everyday.TITLE, everyday.measure),
    "idle": Measurement(idle.TITLE, idle.measure),
    "footprint": Measurement(footprint.TITLE, footprint.measure),
    "matching": Measurement(matching.TITLE, matching.measure),
    "intake": Measurement(intake.TITLE, intake.measure),
    "formats": Measurement(formats.TITLE, formats.measure),
    "latency": Measurement(latency.TITLE, latency.measure),
    "scaling": Measurement(scaling.TITLE, scaling.measure),
    "replicas": Measurement(replicas.TITLE, replicas.measure),
    "backlog": Measurement(backlog.TITLE, backlog.measure),
    "sizes": Measurement(sizes.TITLE, sizes.measure),
    "listing": Measurement(listing.TITLE, listing.measure),
    "recording": Measurement(recording.TITLE, recording.measure),
    "loadtest": Measurement(loadtest.TITLE, loadtest.measure),
    "loadtest-http2": Measurement(loadtest_http2.TITLE, loadtest_http2.measure),
    "tuning": Measurement(tuning.TITLE, tuning.measure),
    "console": Measurement(console.TITLE, console.measure),
    "watching": Measurement(watching.TITLE, watching.measure),
    "containers": Measurement(containers.TITLE, containers.measure),
}
ONLY_NAMED = frozenset(
    {"footprint", "loadtest", "loadtest-http2", "tuning", "console", "watching", "containers"}
)
USUAL = tuple(name for name in MEASUREMENTS if name not in ONLY_NAMED)
"""What is measured when nothing is named."""


def run(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help=f"Of: {', '.join(MEASUREMENTS)}; none: all but {', '.join(sorted(ONLY_NAMED))}."
        ),
    ] = None,
    *,
    full: Annotated[
        bool, typer.Option("--full/--short", help="Everything, or what a few minutes give.")
    ] = False,
    pairs: Annotated[int | None, typer.Option(help="Pairs of each comparison.")] = None,
    peers: Annotated[str, typer.Option(help="Only these peers, with commas.")] = "",
    huge: Annotated[bool, typer.Option(help="Also what takes many minutes.")] = False,
    quiet: Annotated[
        float, typer.Option(help="Seconds to wait at most for a quiet machine before each run.")
    ] = 0.0,
    rates: Annotated[str, typer.Option(help="everyday: events a second, with commas.")] = "",
    fan_outs: Annotated[str, typer.Option(help="everyday: webhooks an event, with commas.")] = "",
    batches: Annotated[str, typer.Option(help="everyday: events a request, with commas.")] = "",
    seconds: Annotated[float, typer.Option(help="everyday: of each load.")] = 0.0,
    tree: Annotated[
        list[str] | None,
        typer.Option(
            help="everyday, footprint, formats: another checkout to measure in turn,"
            " as NAME=FOLDER."
        ),
    ] = None,
    saturation: Annotated[
        bool | None, typer.Option(help="everyday: look for the highest rate.")
    ] = None,
    page: Annotated[bool, typer.Option(help="Write docs/performance.md anew.")] = True,
) -> None:
    """Measure, and keep the figures in benchmarks/results/."""
    rare = Everyday(
        rates=tuple(map(float, _listed(rates))),
        fan_outs=tuple(map(int, _listed(fan_outs))),
        batches=tuple(map(int, _listed(batches))),
        seconds=seconds,
        trees=tuple(_tree(text) for text in tree or ()),
        saturation=saturation,
    )
    mode = Mode(full, pairs, _listed(peers), huge, quiet, rare)
    unknown = sorted(set(names or ()) - set(MEASUREMENTS))
    if unknown:
        raise typer.BadParameter(f"there is no measurement {', '.join(unknown)}")
    failed = False
    for name in names or USUAL:
        try:
            failed |= asyncio.run(_ended_in_order(_measure(name, mode)))
        except (ProgramError, MissingError, NodeError) as error:
            failed = True
            _say(f"{name} could not be measured: {error}")
        except asyncio.CancelledError:
            raise typer.Exit(128 + signal.SIGTERM) from None
    if page:
        asyncio.run(_write_page())
    if failed:
        raise typer.Exit(1)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))


def _tree(text: str) -> tuple[str, Path]:
    name, found, folder = text.partition("=")
    if not found or not Path(folder, "portcall").is_dir():
        raise typer.BadParameter(f"--tree {text}: NAME=FOLDER with the folder of a checkout")
    return name, Path(folder).resolve()


async def _ended_in_order(work: Coroutine[None, None, bool]) -> bool:
    """Let SIGTERM end *work* like Ctrl-C: with everything that it has started."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


async def _measure(name: str, mode: Mode) -> bool:
    """Measure and keep; whether something counts more than it may."""
    measurement = MEASUREMENTS[name]
    _say(f"== {measurement.title}")
    before = Circumstances.now()
    report = await measurement.measure(mode, _say)
    command = shlex.join(["python", "benchmarks/run.py", *sys.argv[1:]])
    path = await write(name, measurement.title, report, mode=mode, command=command, before=before)
    for target in report.targets:
        verdict = {True: "yes", False: "NO", None: "not measured"}[target.met]
        _say(f"{target.what}: {target.value} ({target.bound}): {verdict}")
    for problem in report.broken:
        _say(f"FAILED: {problem}")
    _say(f"written: {path.relative_to(toolchains.ROOT)}")
    return bool(report.broken)


async def _write_page() -> None:
    """In the peers' environment: only that has matplotlib."""
    try:
        python = await toolchains.python()
        _say(await toolchains.run([str(python), str(toolchains.BENCHMARKS / "page.py")]))
    except MissingError as error:
        _say(f"docs/performance.md is not written anew: {error}")


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    typer.run(run)
