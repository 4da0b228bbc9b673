"""`portcall drain`: stop the intake, and wait until everything that was accepted has ended."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from portcall.cli.client import Document, Management
from portcall.cli.commands.audit import PATH as AUDIT
from portcall.cli.commands.audit import UnansweredError, seconds_of
from portcall.cli.errors import NotRunningError, ServiceError
from portcall.cli.examples import examples
from portcall.cli.options import Format, Url
from portcall.cli.output import Output, chosen, note, pretty, say
from portcall.runtime.clock import now_ms
from portcall.schemas.plurals import counted

INTAKE = "/portcall/intake"
EVERY_S = 1.0
TELL_EVERY_S = 5.0
QUIET_S = 7.0
"""The time after which no producer publishes any more: each reads the state once a second, and
waits up to 5 s for a confirm."""
WORDS = {
    "notRouted": "not routed yet",
    "notAttempted": "wait for their first attempt",
    "notRetried": "wait for a retry",
}

_STILL_STOPPED = (
    "The intake stays stopped. Run `portcall drain` again to wait on, or `portcall drain --end` to"
    " accept events again; `portcall audit` tells what does not move."
)

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@dataclass(slots=True)
class DrainState:
    """What the newest look saw.

    Attributes:
        pending: Deliveries that have not ended, by the reason.
        queued: Messages that are ready in the queues.
        dead: Messages in ``portcall.dead``, which a drain leaves where they are.
        problem: Why the last look failed; empty: it did not.
    """

    pending: Mapping[str, int] = field(default_factory=dict)
    queued: int = 0
    dead: int = 0
    problem: str = "nothing was seen yet"

    @classmethod
    def of(cls, look: Document) -> "DrainState":
        """Read the answer of an audit."""
        reasons: dict[str, int] = {}
        for account in look["registries"]:
            for reason, count in account["open"].items():
                reasons[reason] = reasons.get(reason, 0) + count
        queued = max(look["queued"].values(), default=0)
        return cls(reasons, int(queued), int(look["dead"]), "")

    @property
    def is_empty(self) -> bool:
        """Whether nothing is pending, as far as the look could tell."""
        return not self.problem and not self.queued and not sum(self.pending.values())

    @property
    def told(self) -> str:
        """The state in words."""
        if self.problem:
            return f"It cannot be seen what is pending: {self.problem}"
        reasons = ", ".join(
            f"{count} {WORDS.get(reason, reason)}" for reason, count in self.pending.items()
        )
        total = sum(self.pending.values())
        return f"{counted(total, 'delivery')} pending{f' ({reasons})' if reasons else ''}."


@app.command(
    epilog=examples("portcall drain", "portcall drain --timeout 2h -o json", "portcall drain --end")
)
def drain(
    *,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="TIME", help="How long to wait at most.")
    ] = "10m",
    end: Annotated[
        bool, typer.Option("--end", help="Accept events again, and wait for nothing.")
    ] = False,
    url: Url = None,
    output: Format = None,
) -> None:
    """Stop accepting events, and wait until nothing is pending.

    The producers answer 503 with Retry-After, so registries keep their events and send them again.
    This holds over restarts, until `portcall drain --end`. Retries keep their times: a delivery
    that fails for hours is pending for hours. Exit code 0: nothing is pending; 1: something still
    is after the timeout; 2: it could not be checked.
    """
    timeout_s = seconds_of("--timeout", timeout)
    management = Management.at(url)
    if end:
        _put(management, stopped=False)
        _report({"intake": "started", "stoppedAt": None}, ["Events are accepted again."], output)
        return
    began = time.monotonic()
    stopped_at = _put(management, stopped=True)
    note("The intake is stopped: producers answer 503, and registries send their events again.")
    state = drained(lambda: _look(management), timeout_s=timeout_s)
    document = {
        "drained": state.is_empty,
        "stoppedAt": stopped_at,
        "waitedSeconds": round(time.monotonic() - began, 1),
        "pending": sum(state.pending.values()),
        "pendingBecause": {reason: count for reason, count in state.pending.items() if count},
        "queued": state.queued,
        "dead": state.dead,
        "problem": state.problem or None,
    }
    _report(document, told(state), output)
    if not state.is_empty:
        raise typer.Exit(UnansweredError.exit_code if state.problem else 1)


def drained(
    look: Callable[[], Document],
    *,
    timeout_s: float,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
    tell: Callable[[str], None] = note,
) -> DrainState:
    """Look until nothing is pending at two looks in a row, after `QUIET_S` at the earliest.

    Args:
        look: Makes an audit.
        timeout_s: How long to look at most.
        clock: A monotonic clock, in seconds.
        pause: Waits for so many seconds.
        tell: Shows the progress.
    """
    began = told_at = clock()
    was_empty, said = False, ""
    while True:
        is_quiet = clock() - began >= QUIET_S
        state = _seen(look)
        if state.is_empty and was_empty:
            return state
        was_empty = state.is_empty and is_quiet
        if clock() - began >= timeout_s:
            if state.is_empty:  # at one look only
                state.problem = "the time was too short to be sure"
            return state
        if state.told != said and clock() - told_at >= TELL_EVERY_S and not state.is_empty:
            tell(state.told)
            told_at, said = clock(), state.told
        pause(EVERY_S)


def told(state: DrainState) -> list[str]:
    """What the end of a drain means, and what to do next."""
    if not state.is_empty:
        return [
            state.told,
            _STILL_STOPPED,
        ]
    lines = ["Nothing is pending. The intake stays stopped until `portcall drain --end`."]
    if state.dead:
        lines.append(
            f"{counted(state.dead, 'message')} in portcall.dead would go with the broker's data:"
            " see `portcall dead-letters list`."
        )
    return lines


def _seen(look: Callable[[], Document]) -> DrainState:
    """A look; one that fails may succeed the next time, for example when a role was restarting."""
    try:
        found = look()
    except (NotRunningError, ServiceError) as error:
        return DrainState(problem=str(error))
    return DrainState.of(found)


def _look(management: Management) -> Document:
    return management.ask("GET", AUDIT, query={"unmovedBefore": str(now_ms())})


def _put(management: Management, *, stopped: bool) -> Any:  # noqa: ANN401 (a time as text, or None)
    return management.ask("PUT", INTAKE, {"stopped": stopped}).get("stoppedAt")


def _report(document: Document, lines: list[str], output: Output | None) -> None:
    if chosen(output) is Output.JSON:
        say(pretty(document))
    for line in lines:
        note(line)
