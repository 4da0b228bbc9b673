"""Resending and purging: ask first, then repeat the request until every chosen letter is gone."""

import sys
from urllib.parse import urlencode

import typer

from portcall.cli.client import Document, Management
from portcall.cli.dead_letters.rows import tell_counts
from portcall.cli.errors import NotFoundError, ServiceError, UsageError
from portcall.cli.output import note
from portcall.schemas.plurals import counted

PATH = "/portcall/deadLetters"
AT_ONCE = 500
"""Letters per request; more requests follow until nothing more can be done."""
FILTERS = ("registry", "webhook", "reason")
ADDED = ("removed", "sent", "alreadyDelivered", "alreadyPending")


def repeated(management: Management, action: str, body: Document, meant: int | None) -> Document:
    """Repeat the request until all chosen letters are removed, or nothing more can be done.

    The queue is first in, first out: new letters arrive behind the chosen ones.

    Args:
        management: The API.
        action: ``resend`` or ``purge``.
        body: The chosen letters.
        meant: How many at most; None: as many as the queue has at the first request.

    Returns:
        The sums over all requests; complete is true if every chosen letter was handled.
    """
    total: Document = {}
    while True:
        before = total.get("removed", 0)
        limit = AT_ONCE if meant is None else min(AT_ONCE, meant - before)
        answer = management.ask("POST", f"{PATH}/{action}", {**body, "limit": limit})
        done = answer["removed"]
        if meant is None:
            meant = answer["waiting"] + done
        added = {name: answer[name] + total.get(name, 0) for name in ADDED if name in answer}
        total = answer | added
        if total["removed"] >= meant:
            return total | {"complete": True}
        if not done or (done < limit and answer["complete"]):
            return total


def agreed(what: str, management: Management, body: Document) -> int | None:
    """Ask for confirmation, and return how many letters were chosen; None: not counted.

    Raises:
        Abort: The answer is no.
        Exit: There is none; nothing is asked for.
        UsageError: There is no terminal.
    """
    meant = None
    if "ids" in body:
        letters = counted(len(set(body["ids"])), "letter")
        question = f"{what} {letters} of portcall.{body['queue']}, with all copies?"
    else:
        query = {"queue": body["queue"], "$top": "1"}
        query |= {name: str(body[name]) for name in FILTERS if name in body}
        page = management.ask("GET", f"{PATH}?{urlencode(query)}")
        tell_counts(page, 0)
        meant = page["counts"]["letters"] or None
        question = f"{what} {counted(meant or 0, 'letter')}?"
        if not meant:
            if page["complete"]:
                note("There is none.")
                raise typer.Exit
            question = f"{what} the matching letters among those that were not read?"
    if not sys.stdin.isatty():
        raise UsageError(f"{question} This is no terminal: confirm with --yes.")
    typer.confirm(question, err=True, abort=True)
    return meant


def check_done(total: Document, body: Document) -> None:
    """Raise for letters that were not handled.

    Raises:
        NotFoundError: There are no letters with some of the given ids.
        ServiceError: Not all letters could be read.
    """
    if not total["complete"]:
        raise ServiceError("not all letters could be read, so some may be left: run it again")
    if body.get("delivered"):
        return  # letters that were not delivered since stay
    named = len(set(body.get("ids", ())))
    missing = named - total["removed"] - sum(total.get("left", {}).values())
    if missing > 0:
        raise NotFoundError(
            f"{missing} of {counted(named, 'letter')} not found in portcall.{body['queue']}:"
            " see `portcall dead-letters list`"
        )
