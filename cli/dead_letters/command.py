"""`portcall dead-letters`: list, resend and purge messages that were not delivered or routed."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

import typer

from portcall.cli.client import Management
from portcall.cli.dead_letters.removal import PATH, agreed, check_done, repeated
from portcall.cli.dead_letters.rows import (
    clean_lines,
    item_line,
    letter_row,
    purged_row,
    resent_row,
    tell_counts,
)
from portcall.cli.dead_letters.selection import (
    LetterQueue,
    Reason,
    Registry,
    Webhook,
    Where,
    one_id,
    query_of,
    selection,
)
from portcall.cli.errors import ServiceError
from portcall.cli.examples import examples
from portcall.cli.options import Format, Url
from portcall.cli.output import Output, chosen, compact, note, pretty, say, show
from portcall.cli.tables import clean, table, value
from portcall.schemas.plurals import counted

MAX_BODY_SHOWN = 4_000
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Dead letters: messages that were given up, unreadable, or that no queue took.",
    rich_markup_mode="rich",
)


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
    queue: Where = LetterQueue.DEAD,
    registry: Registry = None,
    name: Webhook = None,
    reason: Reason = None,
    top: Annotated[int, typer.Option("--top", min=1, max=1000, help="How many to show.")] = 100,
    url: Url = None,
    output: Format = None,
) -> None:
    """List dead letters, with their number and reasons."""
    management = Management.at(url)
    query = query_of(queue, registry, name, reason) | {"$top": str(top), "compare": "true"}
    page = management.ask("GET", f"{PATH}?{urlencode(query)}")
    if chosen(output) is Output.JSON:
        say(pretty(page))
        return
    if letters := page.get("value"):
        say(table([letter_row(each) for each in letters]))
    tell_counts(page, len(letters or ()))


@app.command(
    "show",
    epilog=examples("portcall dead-letters show 5f0c9a3e5b7d4c1e8a2f6b0d9c4e7a13"),
)
def show_letter(
    letter: Annotated[str, typer.Argument(metavar="ID", help="The letter's id.")],
    *,
    queue: Where = LetterQueue.DEAD,
    url: Url = None,
    output: Format = None,
) -> None:
    """Show a whole letter: why it is there, its headers, its content and its bytes."""
    management = Management.at(url)
    found = management.ask("GET", f"{PATH}/{one_id(letter)}?queue={queue.value}")
    if chosen(output) is Output.JSON:
        say(pretty(found))
        return
    show(found, letter_row, output)
    for item in found.get("items", ()):
        say(f"  {clean(item_line(item))}")
    if problem := value(found, "problem"):
        say(f"Unreadable: {clean(problem)}")
    say(clean_lines(pretty(found.get("headers", {}))))
    say(clean_lines(pretty(value(found, "text")[:MAX_BODY_SHOWN])))


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
    queue: Where = LetterQueue.DEAD,
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
    body = selection(queue, ids, registry, name, reason, everything=everything)
    meant = None if yes else agreed("Resend", management, body)
    total = repeated(management, "resend", body, meant)
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
    check_done(total, body)


@app.command(
    "purge",
    epilog=examples(
        "portcall dead-letters purge 5f0c9a3e5b7d4c1e8a2f6b0d9c4e7a13 --yes",
        "portcall dead-letters purge -r myregistry --reason 'deleted'",
        "portcall dead-letters purge --all --delivered",
        "portcall dead-letters purge --all --queue unrouted",
    ),
)
def purge(
    ids: Ids = None,
    *,
    queue: Where = LetterQueue.DEAD,
    registry: Registry = None,
    name: Webhook = None,
    reason: Reason = None,
    everything: Everything = False,
    delivered: Annotated[
        bool,
        typer.Option(
            "--delivered",
            help="Of these, only deliveries that were delivered since, for example by a replay, or"
            " are under way again.",
        ),
    ] = False,
    yes: Yes = False,
    url: Url = None,
    output: Format = None,
) -> None:
    """Purge letters: delete them for good. Export them first if you are not sure.

    Deliveries that were given up can still be replayed while their records are kept. Letters that
    never had a record, because they could not be read or routed, are lost.
    """
    management = Management.at(url)
    body = selection(queue, ids, registry, name, reason, everything=everything)
    what = "Purge only the delivered part of" if delivered else "Purge"
    meant = None if yes else agreed(what, management, body)
    if delivered:
        body["delivered"] = True
    total = repeated(management, "purge", body, meant)
    show(total, purged_row, output)
    check_done(total, body)


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
    queue: Where = LetterQueue.DEAD,
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
    query = query_of(queue, registry, name, reason) | {"$expand": "body", "$top": "1000"}
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
