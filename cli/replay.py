"""`portcall replay`: deliveries that have ended are attempted again, under the same webhook-id."""

import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from cli.client import Document, Management, webhook_path
from cli.errors import UsageError
from cli.examples import examples
from cli.options import Format, Group, Registry, Url
from cli.output import Output, note, show, show_all
from cli.progress import progress
from cli.tables import Row, replay_row, value
from schemas.durations import format_duration, parse_duration_ms
from schemas.errors import InvalidValueError

POLL_S = 0.5
_pause = time.sleep

app = typer.Typer(
    add_completion=False,
    invoke_without_command=True,
    rich_markup_mode="rich",
    epilog=examples(
        "portcall replay -r myregistry",
        "portcall replay -r myregistry -n ci01hook --since 2h",
        "portcall replay -r myregistry -n ci01hook --delivery msg_2f4c... --yes",
        "portcall replay -r myregistry -n ci01hook --since 2026-03-04T10:00:00Z --all",
        "portcall replay list -r myregistry",
    ),
)

Id = Annotated[
    int, typer.Argument(metavar="ID", min=1, help="The replay's number.", show_default=False)
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until it is completed.")]


class Ended(StrEnum):
    """How deliveries ended."""

    GIVEN_UP = "given_up"
    CANCELLED = "cancelled"
    DELIVERED = "delivered"


@app.callback()
def replay(
    context: typer.Context,
    *,
    registry: Annotated[
        str | None, typer.Option("--registry", "-r", help="The registry.", show_default=False)
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name", "-n", help="Of this webhook only; else of all of it.", show_default=False
        ),
    ] = None,
    delivery: Annotated[
        str | None,
        typer.Option(
            "--delivery",
            metavar="ID",
            help="One delivery, by the webhook-id of its POSTs.",
            show_default=False,
        ),
    ] = None,
    event: Annotated[
        str | None,
        typer.Option("--event", metavar="ID", help="One event, by its id.", show_default=False),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Of events since then: 2h, 3d, or 2026-03-04T10:20:30Z.",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Of events before then.", show_default=False),
    ] = None,
    outcome: Annotated[
        list[Ended] | None,
        typer.Option(
            help="How they ended, given_up unless told; may be repeated.", show_default=False
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="However they ended, delivered ones included.")
    ] = False,
    rate: Annotated[
        int, typer.Option(metavar="N", min=1, max=1000, help="Deliveries a second at most.")
    ] = 50,
    count: Annotated[bool, typer.Option("--count", help="Count them, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    no_wait: NoWait = False,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Attempt deliveries again that were given up: one, those of a webhook, those of a registry.

    They are counted before anything happens, and go out more slowly than live traffic, which has
    the way. The server does it: Ctrl-C leaves it running or cancels it, as you like. Consumers
    see new attempts under the same webhook-id.
    """
    if context.invoked_subcommand is not None:
        return
    if registry is None:
        raise UsageError("--registry is missing: whose deliveries?")
    if delivery is not None and name is None:
        raise UsageError("--delivery needs --name: a delivery is known to its webhook only")
    management = Management.at(url)
    found = management.find_registry(registry, group)
    scope = webhook_path(found, name) if name else value(found, "id")
    now = datetime.now(UTC)
    body: Document = {
        "deliveryId": delivery,
        "eventId": event,
        "since": _time(since, "--since", now),
        "until": _time(until, "--until", now),
        "outcomes": list(Ended) if everything else outcome or None,
    }
    body = {key: given for key, given in body.items() if given is not None}
    counts = management.ask("POST", f"{scope}/countReplay", body)
    if count:
        show(counts, _count_row, output)
        return
    _tell(counts)
    if not int(counts["total"]) - int(counts["disabled"]):
        note("Nothing to replay.")
        return
    if not yes and not _agreed(counts, rate):
        raise typer.Abort
    created = management.ask("POST", f"{scope}/replay", {**body, "rate": rate})
    _follow(management, created, output, wait=not no_wait)


@app.command("list", epilog=examples("portcall replay list -r myregistry"))
def list_replays(
    *, registry: Registry, group: Group = None, url: Url = None, output: Format = None
) -> None:
    """List a registry's replays, newest first."""
    management = Management.at(url)
    found = management.find_registry(registry, group)
    show_all(management.pages("GET", f"{value(found, 'id')}/replays"), replay_row, output)


@app.command("show", epilog=examples("portcall replay show 3 -r myregistry"))
def show_replay(
    number: Id, *, registry: Registry, group: Group = None, url: Url = None, output: Format = None
) -> None:
    """Show how far a replay is."""
    management = Management.at(url)
    found = management.find_registry(registry, group)
    show(management.ask("GET", f"{value(found, 'id')}/replays/{number}"), replay_row, output)


@app.command("cancel", epilog=examples("portcall replay cancel 3 -r myregistry"))
def cancel(
    number: Id, *, registry: Registry, group: Group = None, url: Url = None, output: Format = None
) -> None:
    """Stop a replay where it is; what is out already is delivered."""
    management = Management.at(url)
    found = management.find_registry(registry, group)
    path = f"{value(found, 'id')}/replays/{number}/cancel"
    show(management.ask("POST", path), replay_row, output)


@app.command("resume", epilog=examples("portcall replay resume 3 -r myregistry"))
def resume(
    number: Id,
    *,
    registry: Registry,
    no_wait: NoWait = False,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Go on with a replay that was cancelled, where it stopped; or watch one that runs."""
    management = Management.at(url)
    found = management.find_registry(registry, group)
    path = f"{value(found, 'id')}/replays/{number}/resume"
    _follow(management, management.ask("POST", path), output, wait=not no_wait)


def _time(text: str | None, option: str, now: datetime) -> str | None:
    """A time as the API takes it; a duration is so long ago.

    Raises:
        UsageError: It is too long ago.
    """
    if text is None:
        return None
    try:
        ago = timedelta(milliseconds=parse_duration_ms(text))
    except InvalidValueError:
        return text  # the server knows the other form, and says what is wrong
    try:
        return (now - ago).isoformat(timespec="milliseconds")
    except OverflowError:
        raise UsageError(f"{option}: {text} is longer ago than there is a calendar") from None


def _tell(counts: Document) -> None:
    """What of the count is not replayed."""
    if counts["disabled"]:
        count = _deliveries(int(counts["disabled"]))
        note(f"{count} passed over: the webhook is disabled. Enable it first, or probe it.")
    if counts["deleted"]:
        note(f"{_deliveries(int(counts['deleted']))} passed over: the webhook was deleted.")


def _agreed(counts: Document, rate: int) -> bool:
    """Ask the person; nobody is asked where nobody can answer.

    Raises:
        UsageError: Standard input is no terminal.
    """
    total = int(counts["total"]) - int(counts["disabled"])
    takes = format_duration(max(total * 1000 // rate // 1000, 1) * 1000)
    question = f"Replay {_deliveries(total)}, {rate} a second (about {takes})?"
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Nobody can be asked here: give --yes")
    return typer.confirm(question, err=True)


def _follow(
    management: Management,
    replayed: Document,
    output: Output | None,
    *,
    wait: bool,
) -> None:
    """Show a replay's progress until it is completed, if so wanted, and then what became of it."""
    if wait:
        try:
            replayed = _watch(management, replayed)
        except KeyboardInterrupt:
            replayed = _interrupted(management, replayed)
    show(replayed, replay_row, output)
    if not wait:
        note(f"It runs on the server: `portcall replay show {value(replayed, 'name')}`.")


def _watch(management: Management, replayed: Document) -> Document:
    path, shown = value(replayed, "id"), 0
    with progress("deliveries", _done_of(replayed)[1]) as advance:
        while True:
            done, _ = _done_of(replayed)
            advance(done - shown)
            shown = done
            if value(replayed, "properties", "state") != "running":
                return replayed
            _pause(POLL_S)
            replayed = management.ask("GET", path)


def _interrupted(management: Management, replayed: Document) -> Document:
    """Ctrl-C: it goes on, unless the person wants it to be cancelled."""
    path, name = value(replayed, "id"), value(replayed, "name")
    if sys.stdin.isatty() and typer.confirm("\nCancel the replay?", default=False, err=True):
        return management.ask("POST", f"{path}/cancel")
    note(f"It goes on without you: `portcall replay show {name}`, `... cancel {name}`.")
    return management.ask("GET", path)


def _done_of(replayed: Document) -> tuple[int, int]:
    """How many deliveries a replay has seen to, and how many it has."""
    properties = replayed["properties"]
    skipped = properties["skipped"]
    done = int(properties["published"]) + int(skipped["disabled"]) + int(skipped["gone"])
    return done, int(properties["total"])


def _deliveries(count: int) -> str:
    return "1 delivery" if count == 1 else f"{count} deliveries"


def _count_row(counts: Mapping[str, int]) -> Row:
    return {key.upper(): str(counts[key]) for key in ("total", "disabled", "deleted")}
