"""`portcall emit`: publish synthetic registry events through the producer's HTTP endpoint."""

import random
from typing import Annotated

import typer
import uvloop

from portcall.cli.commands.sending import EventSending, Schedule, SendingTally
from portcall.cli.commands.synthetic import EventMix, Synthesis, parse_actions
from portcall.cli.errors import ServiceError, UsageError
from portcall.cli.options import SERVER_PANEL, Format, Registry
from portcall.cli.output import show
from portcall.cli.progress import progress
from portcall.cli.server import find_server
from portcall.cli.tables import Document, Row
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.webhooks import check_name

EVENTS_PANEL = "The events"
PACE_PANEL = "The pace"

Count = Annotated[
    int, typer.Option("--count", "-c", min=1, help="How many events.", rich_help_panel=PACE_PANEL)
]
Rate = Annotated[
    float,
    typer.Option(
        "--rate",
        min=0,
        help="Events per second, independent of response times; 0: as fast as possible.",
        rich_help_panel=PACE_PANEL,
    ),
]
Batch = Annotated[
    int,
    typer.Option(
        "--batch", min=1, max=1000, help="Events per request.", rich_help_panel=PACE_PANEL
    ),
]
Concurrency = Annotated[
    int,
    typer.Option(
        "--concurrency",
        min=1,
        max=1000,
        help="Requests that may wait for a response at the same time.",
        rich_help_panel=PACE_PANEL,
    ),
]
Actions = Annotated[
    list[str],
    typer.Option(
        "--action",
        metavar="ACTION[:WEIGHT]",
        help="push, delete, quarantine, chart_push, chart_delete or untag; may be repeated, and"
        " have a weight: push:9,delete:1.",
        rich_help_panel=EVENTS_PANEL,
    ),
]
Repositories = Annotated[
    int,
    typer.Option(
        "--repositories",
        min=1,
        max=1_000_000,
        help="The number of repositories that the events are about.",
        rich_help_panel=EVENTS_PANEL,
    ),
]
Zipf = Annotated[
    float,
    typer.Option(
        "--zipf",
        min=0,
        max=10,
        help="The exponent of the Zipf law that chooses a repository; 0: all equally often.",
        rich_help_panel=EVENTS_PANEL,
    ),
]
Tags = Annotated[
    int,
    typer.Option(
        "--tags",
        min=1,
        max=1_000_000,
        help="Tags per repository: latest, v1, v2, ...",
        rich_help_panel=EVENTS_PANEL,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        help="The same seed gives the same events, with the same ids; random by default.",
        show_default=False,
        rich_help_panel=EVENTS_PANEL,
    ),
]
ProducerUrl = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="The producer's address; by default from $PORTCALL_HOME/ready.json.",
        show_default=False,
        rich_help_panel=SERVER_PANEL,
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        help="A token that may publish; by default PORTCALL_TOKEN, or the one in ready.json.",
        show_default=False,
        rich_help_panel=SERVER_PANEL,
    ),
]


def emit(
    *,
    registry: Registry,
    count: Count = 100,
    rate: Rate = 0.0,
    batch: Batch = 1,
    concurrency: Concurrency = 16,
    action: Actions = ["push"],  # noqa: B006 (typer reads the default, and passes its own list)
    repositories: Repositories = 10,
    zipf: Zipf = 1.0,
    tags: Tags = 5,
    seed: Seed = None,
    url: ProducerUrl = None,
    token: Token = None,
    output: Format = None,
) -> None:
    """Publish synthetic registry events.

    They go through the producer's HTTP endpoint, as a registry's events do. When the producer
    answers 503, the events are sent again after the requested time, with the same ids. The exit
    code is 0 when every event was accepted.

    Examples:
    portcall emit -r myregistry
    portcall emit -r myregistry --count 100000 --rate 2000 --batch 20
    portcall emit -r myregistry --action push:9,delete:1 --repositories 500 --zipf 1.2 --seed 7
    """
    _check_registry(registry)
    mix = EventMix(parse_actions(action), repositories, zipf, tags)
    synthesis = Synthesis(registry, mix, seed=random.getrandbits(64) if seed is None else seed)
    tally = SendingTally(registry, count)
    with progress("events", count) as advance:
        sending = EventSending(
            find_server(url, token), synthesis, tally, concurrency=concurrency, advance=advance
        )
        is_interrupted = False
        try:
            uvloop.run(sending.run(Schedule(count, batch, rate)))
        except KeyboardInterrupt:
            is_interrupted = True
    show(tally.document(), _row, output)
    if is_interrupted:
        raise ServiceError(tally.interrupted())
    if tally.error is not None:
        raise tally.error
    if tally.accepted < count:
        failed = f"{count - tally.accepted} of {count} events were not accepted"
        raise ServiceError(f"{failed}: {tally.problem}" if tally.problem else failed)


def _row(document: Document) -> Row:
    return {
        "REGISTRY": str(document["registry"]),
        "ACCEPTED": str(document["accepted"]),
        "FAILED": str(document["failed"]),
        "RETRIES": str(document["retries"]),
        "SECONDS": f"{document['seconds']:.1f}",
        "EVENTS/S": f"{document['rate']:.0f}",
    }


def _check_registry(name: str) -> None:
    try:
        check_name(name, "--registry")
    except InvalidValueError as error:
        raise UsageError(str(error)) from error
