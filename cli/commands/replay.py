"""`portcall replay`: attempt ended deliveries again, with the same webhook-id."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from portcall.cli.client import Document, Management, webhook_path
from portcall.cli.commands.replaying import (
    agreed,
    count_row,
    counted_at,
    follow,
    follow_all,
    has_any,
    summed,
    tell,
    time_of,
)
from portcall.cli.errors import UsageError
from portcall.cli.examples import examples
from portcall.cli.options import Format, Group, Registry, Url
from portcall.cli.output import note, show, show_all
from portcall.cli.tables import replay_row, value

app = typer.Typer(
    add_completion=False,
    invoke_without_command=True,
    rich_markup_mode="rich",
    epilog=examples(
        "portcall replay -r myregistry",
        "portcall replay -r myregistry -n ci01hook --since 2h",
        "portcall replay -r myregistry -n ci01hook --delivery msg_2f4c... --yes",
        "portcall replay -r myregistry -n ci01hook --since 2026-03-04T10:00:00Z --all",
        "portcall replay --all-registries --since 2h --count",
        "portcall replay list -r myregistry",
    ),
)

Id = Annotated[
    int, typer.Argument(metavar="ID", min=1, help="The replay's number.", show_default=False)
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait until it completes.")]


class ReplayOutcome(StrEnum):
    """How deliveries ended."""

    GIVEN_UP = "given_up"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    DELIVERED = "delivered"


@app.callback()
def replay(
    context: typer.Context,
    *,
    registry: Annotated[
        str | None, typer.Option("--registry", "-r", help="The registry.", show_default=False)
    ] = None,
    everywhere: Annotated[
        bool,
        typer.Option(
            "--all-registries",
            help="All registries, one after the other; with --no-wait all at once, each at its"
            " own rate.",
        ),
    ] = False,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            "-n",
            help="Only this webhook; by default all webhooks of the registry.",
            show_default=False,
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
            help="Only events since then: 2h, 3d, or 2026-03-04T10:20:30Z.",
            show_default=False,
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only events before then.", show_default=False),
    ] = None,
    outcome: Annotated[
        list[ReplayOutcome] | None,
        typer.Option(
            help="The outcome of the deliveries, by default given_up; may be repeated.",
            show_default=False,
        ),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Any outcome, delivered ones included.")
    ] = False,
    rate: Annotated[
        int, typer.Option(metavar="N", min=1, max=1000, help="Deliveries per second at most.")
    ] = 50,
    count: Annotated[bool, typer.Option("--count", help="Only count them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    no_wait: NoWait = False,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Retry deliveries that were given up: one, those of a webhook, of a registry, or all.

    They are counted first, and sent more slowly than live traffic, which has priority. The server
    does the work: after Ctrl-C you choose whether it continues or is cancelled. Consumers see new
    attempts with the same webhook-id.
    """
    if context.invoked_subcommand is not None:
        return
    if delivery is not None and name is None:
        raise UsageError("--delivery needs --name: only the delivery's webhook knows it")
    management = Management.at(url)
    paths = _paths(management, registry, name, group, everywhere=everywhere)
    now = datetime.now(UTC)
    body: Document = {
        "deliveryId": delivery,
        "eventId": event,
        "since": time_of(since, "--since", now),
        "until": time_of(until, "--until", now),
        "outcomes": list(ReplayOutcome) if everything else outcome or None,
    }
    body = {key: given for key, given in body.items() if given is not None}
    counts = counted_at(management, paths, body)
    total = summed(counts.values())
    if count:
        show(total, count_row, output)
        return
    tell(total)
    wanted = [path for path, each in counts.items() if has_any(each)]
    if not wanted:
        note("Nothing to replay.")
        return
    if not yes and not agreed(total, rate):
        raise typer.Abort
    body["rate"] = rate
    if not everywhere:
        created = management.ask("POST", f"{wanted[0]}/replay", body)
        follow(management, created, output, wait=not no_wait)
    elif no_wait:
        created_all = [management.ask("POST", f"{path}/replay", body) for path in wanted]
        show_all(created_all, replay_row, output)
    else:
        follow_all(management, wanted, body, output)


def _paths(
    management: Management,
    registry: str | None,
    name: str | None,
    group: str | None,
    *,
    everywhere: bool,
) -> list[str]:
    """Return the paths of the registries, or of the webhook, whose deliveries are replayed.

    Raises:
        UsageError: Neither a registry nor ``--all-registries`` was given, or both.
    """
    if everywhere:
        if registry is not None or name is not None:
            raise UsageError("--all-registries cannot be combined with --registry and --name")
        return [value(each, "id") for each in management.registries(group)]
    if registry is None:
        raise UsageError(
            "--registry is missing: give the registry whose deliveries to replay, or"
            " --all-registries"
        )
    found = management.find_registry(registry, group)
    return [webhook_path(found, name) if name else value(found, "id")]


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
    """Show the progress of a replay."""
    management = Management.at(url)
    found = management.find_registry(registry, group)
    show(management.ask("GET", f"{value(found, 'id')}/replays/{number}"), replay_row, output)


@app.command("cancel", epilog=examples("portcall replay cancel 3 -r myregistry"))
def cancel(
    number: Id, *, registry: Registry, group: Group = None, url: Url = None, output: Format = None
) -> None:
    """Cancel a replay; deliveries that it sent already are still attempted."""
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
    """Continue a cancelled replay where it stopped, or watch a running one."""
    management = Management.at(url)
    found = management.find_registry(registry, group)
    path = f"{value(found, 'id')}/replays/{number}/resume"
    follow(management, management.ask("POST", path), output, wait=not no_wait)
