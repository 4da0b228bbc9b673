"""Count, confirm and watch a replay."""

import sys
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import typer

from portcall.cli.client import Document, Management
from portcall.cli.errors import UsageError
from portcall.cli.output import Output, note, show, show_all
from portcall.cli.progress import progress
from portcall.cli.tables import Row, replay_row, value
from portcall.schemas.durations import format_duration, parse_duration_ms
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.plurals import counted
from portcall.schemas.timestamps import parse_timestamp

POLL_S = 0.5
_pause = time.sleep
COUNTS = ("total", "disabled", "deleted")


def counted_at(management: Management, paths: Iterable[str], body: Document) -> dict[str, Document]:
    """How many deliveries a replay would have for each of these registries or webhooks."""
    return {path: management.ask("POST", f"{path}/countReplay", body) for path in paths}


def summed(counts: Iterable[Document]) -> dict[str, int]:
    """The sum of all of them."""
    every = list(counts)
    return {key: sum(int(each[key]) for each in every) for key in COUNTS}


def has_any(counts: Mapping[str, int]) -> bool:
    """Whether anything would be replayed."""
    return int(counts["total"]) > int(counts["disabled"])


def time_of(text: str | None, option: str, now: datetime) -> str | None:
    """Return a time as the API takes it; a duration means so long ago.

    Raises:
        UsageError: It is too long ago, or neither a duration nor a time.
    """
    if text is None:
        return None
    try:
        ago = timedelta(milliseconds=parse_duration_ms(text))
    except InvalidValueError:
        return _moment(text, option)
    try:
        return (now - ago).isoformat(timespec="milliseconds")
    except OverflowError:
        raise UsageError(f"{option}: {text} is too long ago") from None


def _moment(text: str, option: str) -> str:
    try:
        parse_timestamp(text)
    except InvalidValueError:
        raise UsageError(
            f"{option}: {text!r} is neither a duration, such as 2h or 3d, nor a time with a"
            " zone, such as 2026-03-04T10:20:30Z"
        ) from None
    return text


def tell(counts: Mapping[str, int]) -> None:
    """Say which of the counted deliveries are not replayed."""
    if counts["disabled"]:
        count = counted(int(counts["disabled"]), "delivery")
        note(f"{count} skipped: the webhook is disabled. Enable it first, or probe it.")
    if counts["deleted"]:
        note(f"{counted(int(counts['deleted']), 'delivery')} skipped: the webhook was deleted.")


def agreed(counts: Mapping[str, int], rate: int) -> bool:
    """Ask the user for confirmation; fail if there is no terminal.

    Raises:
        UsageError: Standard input is no terminal.
    """
    total = int(counts["total"]) - int(counts["disabled"])
    takes = format_duration(max(total * 1000 // rate // 1000, 1) * 1000)
    question = f"Replay {counted(total, 'delivery')}, {rate} a second (about {takes})?"
    if not sys.stdin.isatty():
        raise UsageError(f"{question} This is not a terminal: confirm with --yes")
    return typer.confirm(question, err=True)


def follow(
    management: Management, replayed: Document, output: Output | None, *, wait: bool
) -> None:
    """Show a replay's progress until it completes, if wanted, and then its result."""
    if wait:
        replayed, _ = watched(management, replayed)
    show(replayed, replay_row, output)
    if not wait:
        note(f"It runs on the server: `portcall replay show {_named(replayed)}`.")


def follow_all(
    management: Management, paths: Iterable[str], body: Document, output: Output | None
) -> None:
    """Replay one registry after the other, so that they share one rate; then show the results.

    Ctrl-C skips those that were not started.
    """
    done: list[Document] = []
    for path in paths:
        replayed, on = watched(management, management.ask("POST", f"{path}/replay", body))
        done.append(replayed)
        if not on:
            note("The registries after that one were not replayed.")
            break
    show_all(done, replay_row, output)


def watched(management: Management, replayed: Document) -> tuple[Document, bool]:
    """Return a replay when it completes, or with False when the user stops watching."""
    try:
        return _watch(management, replayed), True
    except KeyboardInterrupt:
        return _interrupted(management, replayed), False


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
    """After Ctrl-C: let it continue, unless the user wants to cancel it."""
    path, named = value(replayed, "id"), _named(replayed)
    if sys.stdin.isatty() and typer.confirm("\nCancel the replay?", default=False, err=True):
        return management.ask("POST", f"{path}/cancel")
    note(f"It continues on the server: `portcall replay show {named}`, `... cancel {named}`.")
    return management.ask("GET", path)


def _named(replayed: Document) -> str:
    """Return the arguments for `portcall replay show` and `cancel`: numbers are per registry."""
    registry = value(replayed, "id").partition("/registries/")[2].partition("/")[0]
    return f"{value(replayed, 'name')} -r {registry}"


def _done_of(replayed: Document) -> tuple[int, int]:
    """Return how many deliveries a replay has handled, and how many it has in all."""
    properties = replayed["properties"]
    skipped = properties["skipped"]
    done = int(properties["published"]) + int(skipped["disabled"]) + int(skipped["gone"])
    return done, int(properties["total"])


def count_row(counts: Mapping[str, int]) -> Row:
    """Return what a replay would do, in columns."""
    return {key.upper(): str(counts[key]) for key in COUNTS}
