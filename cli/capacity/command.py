"""`portcall capacity`: calculates processes, cores, memory and disks for a load."""

import dataclasses
from typing import Annotated

import typer

from portcall.cli.capacity.costs import known_costs
from portcall.cli.capacity.model import Load, Need, Plan, plan
from portcall.cli.capacity.quantities import amount_of, bytes_of, lasting, short
from portcall.cli.errors import UsageError
from portcall.cli.options import Format
from portcall.cli.output import Output, chosen, note, pretty, say
from portcall.cli.tables import Document, Row, table
from portcall.schemas.durations import parse_duration_ms

MAX_PER_S = 10_000_000
DAY_MS = 86_400_000
STORES = ("postgresql", "sqlite")


def capacity(
    *,
    events: Annotated[
        str,
        typer.Option(
            "--events", metavar="RATE", help="Accepted events a second.", show_default=False
        ),
    ],
    fan_out: Annotated[
        str, typer.Option("--fan-out", metavar="N", help="Webhooks that get each event.")
    ] = "1",
    batch: Annotated[
        str,
        typer.Option("--batch", metavar="N", help="Events of one request, 1 to 5000."),
    ] = "1",
    attempts: Annotated[
        str,
        typer.Option(
            "--attempts", metavar="N", help="Attempts of a delivery on average, 1 to 100."
        ),
    ] = "1",
    response: Annotated[
        str,
        typer.Option(
            "--response", metavar="SIZE", help="Size of an endpoint's answer, such as 2kB."
        ),
    ] = "0",
    response_time: Annotated[
        str,
        typer.Option("--response-time", metavar="DURATION", help="How long an endpoint takes."),
    ] = "100ms",
    retention: Annotated[
        str,
        typer.Option("--retention", metavar="DURATION", help="How long the store keeps records."),
    ] = "7d",
    store: Annotated[
        str, typer.Option("--store", metavar="KIND", help="postgresql or sqlite.")
    ] = "postgresql",
    nodes: Annotated[int, typer.Option("--nodes", help="Nodes of the broker, 1 to 7.")] = 3,
    output: Format = None,
) -> None:
    """Calculate what an installation needs for a load.

    Processes, cores, memory and disks: a calculation from the unit costs in docs/performance.md,
    not a measurement of your machines. docs/scale.md says what is measured and what is assumed.
    It contacts no server.
    """
    if store not in STORES:
        raise UsageError(f"--store: must be postgresql or sqlite, not {store}")
    if not 1 <= nodes <= 7:
        raise UsageError(f"--nodes: must be 1 to 7, not {nodes}")
    load = Load(
        events_per_s=amount_of(events, "--events", low=0, high=MAX_PER_S),
        fan_out=amount_of(fan_out, "--fan-out", low=0, high=MAX_PER_S),
        events_per_request=amount_of(batch, "--batch", low=1, high=5_000),
        attempts=amount_of(attempts, "--attempts", low=1, high=100),
        response_bytes=bytes_of(response, "--response"),
        response_s=parse_duration_ms(response_time, "--response-time") / 1e3,
        retention_days=parse_duration_ms(retention, "--retention") / DAY_MS,
        store=store,
        nodes=nodes,
    )
    if not load.deliveries_per_s or load.deliveries_per_s > MAX_PER_S:
        raise UsageError(
            "--events times --fan-out: must be more than 0 and at most 10,000,000 deliveries/s, not"
            f" {load.deliveries_per_s:,.0f}"
        )
    made = plan(load, known_costs())
    if chosen(output) is Output.JSON:
        say(pretty(document(made)))
        return
    say(headline(made))
    say(table([row(need) for need in made.needs.values()]))
    for line in remarks(made):
        note(line)


def document(made: Plan) -> Document:
    """The plan for machines: bytes in GB and MB, CPU in cores, times in minutes."""
    load = dataclasses.asdict(made.load)
    return {
        "load": {
            **load,
            "deliveries_per_s": made.load.deliveries_per_s,
            "attempts_per_s": made.load.attempts_per_s,
        },
        "installations": made.installations,
        "each": {
            "needs": [dataclasses.asdict(need) for need in made.needs.values()],
            "shards": made.shards,
            "recorder_share": round(made.recorder_share, 4),
            "log_minutes": round(made.log_minutes, 1),
            "queue_gb": round(made.queue_gb, 1),
        },
        "measured": {"machine": known_costs().machine, "days": list(known_costs().measured)},
    }


def headline(made: Plan) -> str:
    """The load in one line, and whether one installation bears it."""
    load = made.load
    plural = "" if load.fan_out == 1 else "s"
    text = (
        f"{short(load.events_per_s)} events/s x {short(load.fan_out)} webhook{plural} ="
        f" {short(load.deliveries_per_s)} deliveries/s"
    )
    if load.attempts > 1:
        text += f", {short(load.attempts_per_s)} attempts/s"
    if made.installations > 1:
        text += f"; {made.installations} installations share it, each:"
    return text


def row(need: Need) -> Row:
    """One kind of process."""
    return {
        "PROCESS": need.name,
        "COUNT": str(need.count),
        "CORES USED": f"{need.cores:.2f}{' each' if need.name == 'rabbitmq' else ''}",
        "MEMORY EACH": f"{need.memory_mb} MB" if need.memory_mb else "",
        "DISK EACH": f"{short(need.disk_gb)} GB" if need.disk_gb else "",
        "WRITES EACH": f"{short(need.writes_mb_per_s)} MB/s" if need.writes_mb_per_s else "",
    }


def remarks(made: Plan) -> list[str]:
    """What the table does not say."""
    stored = f"{made.recorder_share:.0%} of what it can ({made.load.store})"
    waiting = f"up to {short(made.queue_gb)} GB of queues while endpoints do not answer"
    lines = [
        f"PORTCALL_SHARDS={made.shards}; `portcall drain` before you change it.",
        f"The recorder stores {stored}; more than 70% needs another installation.",
        f"If the recorder is away, the log keeps records for {lasting(made.log_minutes)}.",
        f"Each node's disk also holds {waiting}.",
    ]
    if made.load.store == "sqlite":
        lines.append("SQLite: all processes on one machine.")
    measured = f"Measured on {known_costs().machine}"
    return [*lines, f"{measured}, calculated for more; docs/scale.md says what is assumed."]
