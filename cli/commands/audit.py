"""`portcall audit`: whether everything that was accepted is accounted for."""

import time
from collections.abc import Callable
from typing import Annotated

import typer

from portcall.cli import completion
from portcall.cli.client import Document, Management
from portcall.cli.commands.audit_report import Watch, judged, rows_of, told
from portcall.cli.errors import CliError, NotFoundError, NotRunningError, ServiceError, UsageError
from portcall.cli.examples import examples
from portcall.cli.options import Format, Url
from portcall.cli.output import Output, chosen, note, pretty, say
from portcall.cli.tables import table
from portcall.runtime.clock import now_ms
from portcall.schemas.durations import format_duration, parse_duration_ms
from portcall.schemas.errors import InvalidValueError

PATH = "/portcall/audit"
EVERY_S = 1.0
"""How often it looks while it watches or waits: a delivery that is put aside stays on its rung for
two seconds at least, so that no look misses it."""

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


class UnansweredError(CliError):
    """The accounts could not be read: that says nothing about them."""

    exit_code = 2


@app.command(
    epilog=examples(
        "portcall audit",
        "portcall audit --wait 30s",
        "portcall audit -r myregistry -o json",
    )
)
def audit(
    *,
    registry: Annotated[
        str | None,
        typer.Option(
            "--registry",
            "-r",
            help="Only this registry.",
            show_default=False,
            autocompletion=completion.registries,
        ),
    ] = None,
    wait: Annotated[
        str,
        typer.Option(
            "--wait", metavar="TIME", help="Wait until nothing is pending, at most so long."
        ),
    ] = "",
    patience: Annotated[
        str,
        typer.Option(
            "--patience",
            metavar="TIME",
            help="How long nothing may be heard of a delivery that is in no queue; longer than"
            " the attempt timeout, and than the 33 s after which a dead connection shows.",
        ),
    ] = "60s",
    url: Url = None,
    output: Format = None,
) -> None:
    """Check that everything that was accepted is accounted for.

    Accepted = delivered + pending + given up + no match, for each registry. Exits 0 when it adds
    up, 1 when something is missing, 2 when that could not be found out, 3 when there is no such
    registry.
    """
    wait_s = _seconds("--wait", wait) if wait else 0.0
    patience_s = _seconds("--patience", patience)
    look = _looking(Management.at(url), registry)
    watch, is_over = watched(look, wait_s=wait_s, patience_s=patience_s)
    judgement = judged(watch, is_over=is_over)
    if chosen(output) is Output.JSON:
        say(pretty(judgement))
    elif judgement["registries"]:
        say(table(rows_of(judgement)))
    for line in told(judgement, watch):
        note(line)
    if not judgement["addsUp"]:
        raise typer.Exit(1)


def watched(
    look: Callable[[int], Document],
    *,
    wait_s: float,
    patience_s: float,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[Watch, bool]:
    """Look until nothing is pending, and watch whatever does not move.

    Args:
        look: Takes a look; told the time (ms since the epoch; 0: now) before which a sign of life
            counts for nothing.
        wait_s: How long to wait until nothing is pending.
        patience_s: How long to watch.
        clock: Seconds that never go back.
        pause: Waits for so many seconds.

    Returns:
        What was seen, and whether it was seen for long enough.
    """
    end = clock() + wait_s
    found = look(now_ms() - int(patience_s * 1000))
    while clock() < end and Watch(found).open:
        pause(EVERY_S)
        found = look(now_ms() - int(patience_s * 1000))
    watch = Watch(found)
    watch.see(found)
    if not watch.suspected:
        return watch, False
    note(f"Something does not move; watching for {format_duration(int(patience_s * 1000))}.")
    before_ms = int(found["time"]) - int(patience_s * 1000)
    end = clock() + patience_s
    while clock() < end and watch.suspected:
        pause(EVERY_S)
        watch.see(look(before_ms))
    return watch, True


def _looking(management: Management, registry: str | None) -> Callable[[int], Document]:
    def look(before_ms: int) -> Document:
        query = {"unmovedBefore": str(before_ms)}
        if registry is not None:
            query["registry"] = registry
        try:
            found = management.ask("GET", PATH, query=query)
        except (NotRunningError, ServiceError) as error:
            raise UnansweredError(str(error)) from error
        if registry is not None and not found["registries"]:
            _check_exists(management, registry)
        return found

    return look


def _check_exists(management: Management, registry: str) -> None:
    """Nothing adds up always: without this, a mistyped name would pass.

    A registry that was deleted has accounts as long as its records are kept, and is not looked for.

    Raises:
        NotFoundError: There is no such registry.
        UnansweredError: That could not be found out.
    """
    try:
        management.find_registry(registry)
    except NotFoundError:
        raise
    except (NotRunningError, ServiceError) as error:
        raise UnansweredError(str(error)) from error


def _seconds(option: str, text: str) -> float:
    try:
        return parse_duration_ms(text, option) / 1000
    except InvalidValueError as error:
        raise UsageError(f"{option}: {error.problem}") from error
