"""`portcall dead-letters`: list, resend and purge messages that were not delivered or routed."""

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
"""Letters per request; more requests follow until nothing more can be done."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Dead letters: messages that were given up, unreadable, or that no queue took.",
    rich_markup_mode="rich",
)


class Queue(StrEnum):
    """The queues that have letters."""

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
        help="Only letters of this registry.",
        show_default=False,
        autocompletion=completion.registries,
    ),
]
Webhook = Annotated[
    str | None,
    typer.Option(
        "--name",
        "-n",
        help="Only letters for this webhook of the registry.",
        show_default=False,
        autocompletion=completion.webhooks,
    ),
]
Reason = Annotated[
    str | None,
    typer.Option(
        "--reason",
        metavar="TEXT",
        help="Only letters with this text in the reason.",
        show_default=False,
    ),
]
Ids = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ID]...", help="The letters' ids, as list shows them.", show_default=False
    ),
]
Everything = Annotated[bool, typer.Option("--all", help="Every letter of the queue.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


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
    """List dead letters, with their number and reasons."""
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
    """Show a whole letter: why it is there, its headers, its content and its bytes."""
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
    """Resend letters, and remove them from the queue.

    A delivery restarts its retry schedule with the same webhook-id; an event is routed again.
    Letters that were delivered in the meantime, or are under way, are only removed. Letters that
    cannot be sent stay: their webhook is disabled or deleted, or they cannot be read.
    """
    management = Management.at(url)
    body = _selection(queue, ids, registry, name, reason, everything=everything)
    meant = None if yes else _agreed("Resend", management, body)
    total = _repeated(management, "resend", body, meant)
    show(total, resent_row, output)
    left = total["left"]
    if left["disabled"]:
        note(f"{counted(left['disabled'], 'delivery')} for disabled webhooks: enable them first.")
    if left["deleted"]:
        note("Letters for deleted webhooks or registries can only be purged.")
    if left["unreadable"]:
        note(
            "Unreadable letters stay: see `portcall dead-letters show`, then export or purge them."
        )
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
    """Purge letters: delete them for good. Export them first if you are not sure.

    Deliveries that were given up can still be replayed while their records are kept. Letters that
    never had a record, because they could not be read or routed, are lost.
    """
    management = Management.at(url)
    body = _selection(queue, ids, registry, name, reason, everything=everything)
    meant = None if yes else _agreed("Purge", management, body)
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
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The file to write; - is standard output.")
    ],
    *,
    queue: Where = Queue.DEAD,
    registry: Registry = None,
    name: Webhook = None,
    reason: Reason = None,
    url: Url = None,
) -> None:
    """Save letters to a file, one line of JSON each, with every byte in base64. They stay there.

    The queue is read page by page. Do not resend or purge at the same time: a letter that moves
    between two pages is missed. The command fails if it notices that letters are missing.
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
                problem = "not all letters could be read in one go"
    note(f"{counted(count, 'letter')} exported.")
    if not problem and count < most:
        problem = f"there were {most}, and some left the queue in the meantime"
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
    """Describe the content of a letter in one line."""
    parts = [value(item, name) for name in ("action", "registry", "repository", "tag", "eventId")]
    if value(item, "webhookId"):
        named = value(item, "webhook") or value(item, "webhookId")
        parts.append(f"for {named} ({value(item, 'webhookStatus')}), attempt {item.get('attempt')}")
    return " ".join(part for part in parts if part)


def resent_row(total: Shown) -> Row:
    """Return the sums over all requests."""
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
    """Return the same for purged letters."""
    return {"REMOVED": str(total["removed"]), "LETTERS LEFT": str(total["waiting"])}


FILTERS = ("registry", "webhook", "reason")
ADDED = ("removed", "sent", "alreadyDelivered", "alreadyPending")


def _repeated(management: Management, action: str, body: Document, meant: int | None) -> Document:
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


def _agreed(what: str, management: Management, body: Document) -> int | None:
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
        _tell_counts(page, 0)
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


def _check_done(total: Document, body: Document) -> None:
    """Raise for letters that were not handled.

    Raises:
        NotFoundError: There are no letters with some of the given ids.
        ServiceError: Not all letters could be read.
    """
    if not total["complete"]:
        raise ServiceError("not all letters could be read, so some may be left: run it again")
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
        note("The queue has more letters than could be read in one go.")


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
        raise UsageError("--name needs --registry: give the webhook's registry")
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
    """Return the body of a request: which letters are chosen.

    Raises:
        UsageError: It is not said, or said twice.
    """
    body: Document = {}
    body.update(_query(queue, registry, name, reason))
    filtered = len(body) > 1
    if sum((bool(ids), everything, filtered)) > 1:
        raise UsageError("give ids, or --all, or --registry, --name and --reason: only one of them")
    if ids:
        body["ids"] = [_one(each) for each in ids]
    elif everything:
        body["all"] = True
    elif not filtered:
        raise UsageError("which letters? Give ids, or --registry, --name or --reason, or --all")
    return body


def _one(letter: str) -> str:
    """Return a letter's id, as a path may contain it."""
    if not letter.isascii() or not letter.isalnum():
        raise UsageError(f"{letter!r} is not the id of a letter: see `portcall dead-letters list`")
    return letter.lower()
