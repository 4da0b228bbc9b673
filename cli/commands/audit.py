"""`portcall audit`: check that every accepted event is accounted for."""

import time
from collections.abc import Callable
from typing import Annotated

import typer

from portcall.cli import completion
from portcall.cli.client import Document, Management
from portcall.cli.commands.audit_report import AuditWatch, judged, rows_of, told
from portcall.cli.commands.republish import NOTHING, is_mended, republished, told_again
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
"""How often the audit looks. A delivery that waits for a retry stays on its rung for at least two
seconds, so no look misses it."""

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


class UnansweredError(CliError):
    """The accounts could not be read; that says nothing about their content."""

    exit_code = 2


@app.command(
    epilog=examples(
        "portcall audit",
        "portcall audit --wait 30s",
        "portcall audit -r myregistry -o json",
        "portcall audit --republish",
    )
)
def audit(
    *,
    registry: Annotated[
        str | None,
        typer.Option(
            "--registry",
            "-r",
            help="Check only this registry.",
            show_default=False,
            autocompletion=completion.registries,
        ),
    ] = None,
    wait: Annotated[
        str,
        typer.Option(
            "--wait", metavar="TIME", help="Wait until nothing is pending, at most this long."
        ),
    ] = "",
    patience: Annotated[
        str,
        typer.Option(
            "--patience",
            metavar="TIME",
            help="For how long a delivery must show no sign of life, in no queue, before it is"
            " missing. Must be longer than the attempt timeout, and than the 33 s after"
            " which a dead connection is detected.",
        ),
    ] = "60s",
    republish: Annotated[
        bool,
        typer.Option(
            "--republish",
            help="Publish missing deliveries again; they keep their ids. Needs an administrator.",
        ),
    ] = False,
    url: Url = None,
    output: Format = None,
) -> None:
    """Check that every accepted event is accounted for.

    Accepted = delivered + pending + given up + refused + filtered + no match, for each registry.
    Exit code 0: it adds up; 1: something is missing; 2: the check could not be made; 3: there is
    no such registry.

    With --republish, exit code 0 also if everything that was missing is published again; run
    `portcall audit --wait 5m` then to see it end.
    """
    wait_s = seconds_of("--wait", wait) if wait else 0.0
    patience_s = seconds_of("--patience", patience)
    management = Management.at(url)
    look = _looking(management, registry)
    watch, is_over = watched(look, wait_s=wait_s, patience_s=patience_s)
    judgement = dict(judged(watch, is_over=is_over))
    again: Document | None = None
    if republish:
        before_ms = int(watch.look["time"]) - int(patience_s * 1000)
        again = republished(management, registry, before_ms) if is_over else NOTHING
        judgement["republished"] = again
    if chosen(output) is Output.JSON:
        say(pretty(judgement))
    elif judgement["registries"]:
        say(table(rows_of(judgement)))
    for line in told(judgement, watch):
        note(line)
    if again is not None:
        for line in told_again(again):
            note(line)
    if not judgement["addsUp"] and not is_mended(judgement, again):
        raise typer.Exit(1)


def watched(
    look: Callable[[int], Document],
    *,
    wait_s: float,
    patience_s: float,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> tuple[AuditWatch, bool]:
    """Look until nothing is pending, and watch what does not move.

    Args:
        look: Takes a look. Its argument is a time (ms since the epoch; 0: now): a sign of life
            before it does not count.
        wait_s: How long to wait until nothing is pending.
        patience_s: How long to watch.
        clock: A monotonic clock, in seconds.
        pause: Waits for so many seconds.

    Returns:
        What was seen, and whether it was seen for long enough.
    """
    end = clock() + wait_s
    found = look(now_ms() - int(patience_s * 1000))
    while clock() < end and AuditWatch(found).open:
        pause(EVERY_S)
        found = look(now_ms() - int(patience_s * 1000))
    watch = AuditWatch(found)
    watch.see(found)
    if not watch.suspected:
        return watch, False
    note(
        f"Some deliveries do not move; watching them for {format_duration(int(patience_s * 1000))}."
    )
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
    """Raise if the registry does not exist: empty accounts always add up, so a typo would pass.

    A deleted registry has accounts for as long as its records are kept, and is not looked up.

    Raises:
        NotFoundError: There is no such registry.
        UnansweredError: The server did not answer that.
    """
    try:
        management.find_registry(registry)
    except NotFoundError:
        raise
    except (NotRunningError, ServiceError) as error:
        raise UnansweredError(str(error)) from error


def seconds_of(option: str, text: str) -> float:
    """The seconds of an option's duration.

    Raises:
        UsageError: It is no duration.
    """
    try:
        return parse_duration_ms(text, option) / 1000
    except InvalidValueError as error:
        raise UsageError(f"{option}: {error.problem}") from error
