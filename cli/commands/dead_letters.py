"""`portcall dead-letters`: see what could not be delivered or routed, resend it, purge it."""

import sys
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import typer

from portcall.cli import completion
from portcall.cli.client import Document, Management
from portcall.cli.errors import NotFoundError, ServiceError, UsageError
from portcall.cli.examples import examples
from portcall.cli.options import Format, Url
from portcall.cli.output import Output, chosen, compact, counted, note, pretty, say, show
from portcall.cli.tables import Document as Shown
from portcall.cli.tables import Row, clean, table, value

PATH = "/portcall/deadLetters"
MAX_BODY_SHOWN = 4_000
AT_ONCE = 500
"""Letters of one request; more requests follow until nothing more can be done."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Dead letters: what was given up, could not be read, or found no queue.",
    rich_markup_mode="rich",
)


class Queue(StrEnum):
    """Where letters are."""

    DEAD = "dead"
    UNROUTED = "unrouted"


Where = Annotated[
    Queue,
    typer.Option(
        "--queue",
        "-q",
        help="dead: given up, unreadable, or delivered too often; unrouted: no queue took it.",
        case_sensitive=False,
    ),
]
Registry = Annotated[
    str | None,
    typer.Option(
        "--registry",
        "-r",
        help="Only of this registry.",
        show_default=False,
        autocompletion=completion.registries,
    ),
]
Webhook = Annotated[
    str | None,
    typer.Option(
        "--name",
        "-n",
        help="Only for this webhook of the registry.",
        show_default=False,
        autocompletion=completion.webhooks,
    ),
]
Reason = Annotated[
    str | None,
    typer.Option(
        "--reason", metavar="TEXT", help="Only with this in the reason.", show_default=False
    ),
]
Ids = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ID]...", help="Letters, by the ids that list shows.", show_default=False
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="Every letter of the queue.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command(
    "list",
    epilog=examples(
        "portcall dead-letters list",
        "portcall dead-letters list -r myregistry -n ci01hook --reason timed",
        "portcall dead-letters list --queue unrouted -o json",
    ),
)
def list_letters(
    *,
    queue: Where = Queue.DEAD,
    registry: Registry = None,
    name: Webhook = None,
    reason: Reason = None,
    top: Annotated[int, typer.Option("--top", min=1, max=1000, help="How many to show.")] = 100,
    url: Url = None,
    output: Format = None,
) -> None:
    """List letters, with how many there are and why."""
    management = Management.at(url)
    query = _query(queue, registry, name, reason) | {"$top": str(top)}
    page = management.ask("GET", f"{PATH}?{urlencode(query)}")
    if chosen(output) is Output.JSON:
        say(pretty(page))
        return
    if letters := page.get("value"):
        say(table([letter_row(each) for each in letters]))
    _tell_counts(page, len(letters or ()))


@app.command(
    "show",
    epilog=examples("portcall dead-letters show 5f0c9a3e5b7d4c1e8a2f6b0d9c4e7a13"),
)
def show_letter(
    letter: Annotated[str, typer.Argument(metavar="ID", help="The letter's id.")],
    *,
    queue: Where = Queue.DEAD,
    url: Url = None,
    output: Format = None,
) -> None:
    """Show a letter whole: why it is there, its headers, what is in it, its bytes."""
    management = Management.at(url)
    found = management.ask("GET", f"{PATH}/{_one(letter)}?queue={queue.value}")
    if chosen(output) is Output.JSON:
        say(pretty(found))
        return
    show(found, letter_row, output)
    for item in found.get("items", ()):
        say(f"  {clean(item_line(item))}")
    if problem := value(found, "problem"):
        say(f"Unreadable: {clean(problem)}")
    say(_clean_lines(pretty(found.get("headers", {}))))
    say(_clean_lines(pretty(value(found, "text")[:MAX_BODY_SHOWN])))


@app.command(
    "resend",
    epilog=examples(
        "portcall dead-letters resend 5f0c9a3e5b7d4c1e8a2f6b0d9c4e7a13",
        "portcall dead-letters resend -r myregistry -n ci01hook",
        "portcall dead-letters resend --all --queue unrouted --yes",
    ),
)
def resend(
    ids: Ids = None,
    *,
    queue: Where = Queue.DEAD,
    registry: Registry = None,
    name: Webhook = None,
    reason: Reason = None,
    everything: Everything = False,
    yes: Yes = False,
    url: Url = None,
    output: Format = None,
) -> None:
    """Send letters again, and take them out of the queue.

    A delivery begins its retry schedule anew, under the same webhook-id; an event is routed again.
    What was delivered in the meantime, or is under way, is only taken out. What cannot be sent
    stays: because its webhook is disabled or deleted, or because it cannot be read.
    """
    management = Management.at(url)
    body = _selection(queue, ids, registry, name, reason, everything=everything)
    meant = None if yes else _agreed("Send again", management, body)
    total = _repeated(management, "resend", body, meant)
    show(total, resent_row, output)
    left = total["left"]
    if left["disabled"]:
        note(f"{counted(left['disabled'], 'delivery')} for disabled webhooks: enable them first.")
    if left["deleted"]:
        note("What is for deleted webhooks or registries can only be purged.")
    if left["unreadable"]:
        note("What cannot be read stays: see `portcall dead-letters show`, then export or purge.")
    _check_done(total, body)


@app.command(
    "purge",
    epilog=examples(
        "portcall dead-letters purge 5f0c9a3e5b7d4c1e8a2f6b0d9c4e7a13 --yes",
        "portcall dead-letters purge -r myregistry --reason 'deleted'",
        "portcall dead-letters purge --all --queue unrouted",
    ),
)
def purge(
    ids: Ids = None,
    *,
    queue: Where = Queue.DEAD,
    registry: Registry = None,
    name: Webhook = None,
    reason: Reason = None,
    everything: Everything = False,
    yes: Yes = False,
    url: Url = None,
    output: Format = None,
) -> None:
    """Throw letters away for good. Export them first if you are not sure.

    What was given up can still be replayed for as long as its records are kept; what never had a
    record, because it could not be read or routed, is lost.
    """
    management = Management.at(url)
    body = _selection(queue, ids, registry, name, reason, everything=everything)
    meant = None if yes else _agreed("Throw away", management, body)
    total = _repeated(management, "purge", body, meant)
    show(total, purged_row, output)
    _check_done(total, body)


@app.command(
    "export",
    epilog=examples(
        "portcall dead-letters export letters.jsonl",
        "portcall dead-letters export --queue unrouted - | jq .reason",
    ),
)
def export(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Where to; - is standard output.")],
    *,
    queue: Where = Queue.DEAD,
    registry: Registry = None,
    name: Webhook = None,
    reason: Reason = None,
    url: Url = None,
) -> None:
    """Save letters to a file, a line of JSON each, with every byte in base64. They stay there.

    The queue is read page by page. Do not resend or purge meanwhile: what moves up between two
    pages is missed. The command fails if it sees that letters were left out.
    """
    management = Management.at(url)
    query = _query(queue, registry, name, reason) | {"$expand": "body", "$top": "1000"}
    count, most, problem = 0, 0, ""
    with nullcontext(sys.stdout) if file == "-" else Path(file).open("w") as target:
        for page in management.whole_pages("GET", f"{PATH}?{urlencode(query)}"):
            for each in page.get("value") or ():
                target.write(f"{compact(each)}\n")
                count += 1
            most = max(most, page["counts"]["letters"])
            if not page["complete"]:
                problem = "not all letters could be looked at in one go"
    note(f"{counted(count, 'letter')} exported.")
    if not problem and count < most:
        problem = f"there were {most}, and some left the queue meanwhile"
    if problem:
        raise ServiceError(f"the export may lack letters: {problem}; export again")


def letter_row(letter: Shown) -> Row:
    """A letter."""
    items = letter.get("items") or [{}]
    first = items[0]
    more = int(letter.get("itemCount") or 0) - 1
    what = f"{value(first, 'repository')}:{value(first, 'tag')}".strip(":")
    return {
        "ID": value(letter, "id"),
        "KIND": value(letter, "kind"),
        "REGISTRY": value(first, "registry"),
        "WEBHOOK": value(first, "webhook") or value(first, "webhookId"),
        "IMAGE": f"{what} (+{more})" if more > 0 else what,
        "SIZE": value(letter, "size") or "0",
        "REASON": (value(letter, "reason") or _no_reason(letter))[:80],
    }


def item_line(item: Shown) -> str:
    """What is in a letter, in a line."""
    parts = [value(item, name) for name in ("action", "registry", "repository", "tag", "eventId")]
    if value(item, "webhookId"):
        named = value(item, "webhook") or value(item, "webhookId")
        parts.append(f"for {named} ({value(item, 'webhookStatus')}), attempt {item.get('attempt')}")
    return " ".join(part for part in parts if part)


def resent_row(total: Shown) -> Row:
    """What was done by all requests together."""
    return {
        "SENT": str(total["sent"]),
        "DELIVERED SINCE": str(total["alreadyDelivered"]),
        "UNDER WAY": str(total["alreadyPending"]),
        "DISABLED": str(total["left"]["disabled"]),
        "DELETED": str(total["left"]["deleted"]),
        "UNREADABLE": str(total["left"]["unreadable"]),
        "LETTERS LEFT": str(total["waiting"]),
    }


def purged_row(total: Shown) -> Row:
    """The same of what was thrown away."""
    return {"REMOVED": str(total["removed"]), "LETTERS LEFT": str(total["waiting"])}


FILTERS = ("registry", "webhook", "reason")
ADDED = ("removed", "sent", "alreadyDelivered", "alreadyPending")


def _repeated(management: Management, action: str, body: Document, meant: int | None) -> Document:
    """Ask until all that is meant is taken out, or nothing more can be.

    The queue is first in, first out: what arrives meanwhile is behind the letters that are meant.

    Args:
        management: The API.
        action: ``resend`` or ``purge``.
        body: Which letters.
        meant: How many at most; None: as many as the queue has at the first request.

    Returns:
        The counts of all requests together; complete is true if all that is meant is done.
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


def _agreed(what: str, management: Management, body: Document) -> int | None:
    """Ask, where there is a terminal, and say how many letters are meant; None: not counted.

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
        _tell_counts(page, 0)
        meant = page["counts"]["letters"] or None
        question = f"{what} {counted(meant or 0, 'letter')}?"
        if not meant:
            if page["complete"]:
                note("There is none.")
                raise typer.Exit
            question = f"{what} what fits of the letters that were not looked at?"
    if not sys.stdin.isatty():
        raise UsageError(f"{question} This is no terminal: confirm with --yes.")
    typer.confirm(question, err=True, abort=True)
    return meant


def _check_done(total: Document, body: Document) -> None:
    """Complain of what was not done.

    Raises:
        NotFoundError: Letters that were named by id are not there.
        ServiceError: Not all letters could be looked at.
    """
    if not total["complete"]:
        raise ServiceError(
            "not all letters could be looked at, so that some may be left: run it again"
        )
    named = len(set(body.get("ids", ())))
    missing = named - total["removed"] - sum(total.get("left", {}).values())
    if missing > 0:
        raise NotFoundError(
            f"{missing} of {counted(named, 'letter')} not found in portcall.{body['queue']}:"
            " see `portcall dead-letters list`"
        )


def _tell_counts(page: Document, shown: int) -> None:
    counts = page["counts"]
    of_all = f" of {page['waiting']}" if page["waiting"] > counts["letters"] else ""
    told = f"{counted(counts['letters'], 'letter')}{of_all} in portcall.{page['queue']}"
    note(f"{told}, {shown} shown." if shown < counts["letters"] and shown else f"{told}.")
    for each in counts["reasons"]:
        note(f"  {each['letters']:>6}  {clean(each['reason']) or '(no reason)'}")
    if not page["complete"]:
        note("There are more than could be looked at in one go.")


def _clean_lines(text: str) -> str:
    return "\n".join(clean(line) for line in text.split("\n"))


def _no_reason(letter: Shown) -> str:
    if value(letter, "exchange"):
        return f"no queue takes {value(letter, 'routingKey')!r} from {value(letter, 'exchange')}"
    return value(letter, "problem")


def _query(
    queue: Queue, registry: str | None, name: str | None, reason: str | None
) -> dict[str, str]:
    for option, text in (("--registry", registry), ("--name", name), ("--reason", reason)):
        if text is not None and not text.strip():
            raise UsageError(f"{option} is empty: give it a value, or leave it out")
    if name and not registry:
        raise UsageError("--name needs --registry: whose webhook?")
    given = {"queue": queue.value, "registry": registry, "webhook": name, "reason": reason}
    return {key: text for key, text in given.items() if text is not None}


def _selection(
    queue: Queue,
    ids: list[str] | None,
    registry: str | None,
    name: str | None,
    reason: str | None,
    *,
    everything: bool,
) -> Document:
    """The body of a request: which letters are meant.

    Raises:
        UsageError: It is not said, or said twice.
    """
    body: Document = {}
    body.update(_query(queue, registry, name, reason))
    filtered = len(body) > 1
    if sum((bool(ids), everything, filtered)) > 1:
        raise UsageError("give ids, or --all, or --registry, --name and --reason: one of them")
    if ids:
        body["ids"] = [_one(each) for each in ids]
    elif everything:
        body["all"] = True
    elif not filtered:
        raise UsageError("which letters? Give ids, or --registry, --name or --reason, or --all")
    return body


def _one(letter: str) -> str:
    """A letter's id, as it may stand in a path."""
    if not letter.isascii() or not letter.isalnum():
        raise UsageError(f"{letter!r} is no letter's id: see `portcall dead-letters list`")
    return letter.lower()
