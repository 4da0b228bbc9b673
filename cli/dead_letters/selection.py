"""Which letters a command is about: the options, and the query or the body that they make."""

from enum import StrEnum
from typing import Annotated

import typer

from portcall.cli import completion
from portcall.cli.client import Document
from portcall.cli.errors import UsageError


class LetterQueue(StrEnum):
    """The queues that have letters."""

    DEAD = "dead"
    UNROUTED = "unrouted"


Where = Annotated[
    LetterQueue,
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


def query_of(
    queue: LetterQueue, registry: str | None, name: str | None, reason: str | None
) -> dict[str, str]:
    """Return the query for a list of letters.

    Raises:
        UsageError: An option is empty, or a webhook has no registry.
    """
    for option, text in (("--registry", registry), ("--name", name), ("--reason", reason)):
        if text is not None and not text.strip():
            raise UsageError(f"{option} is empty: give it a value, or leave it out")
    if name and not registry:
        raise UsageError("--name needs --registry: give the webhook's registry")
    given = {"queue": queue.value, "registry": registry, "webhook": name, "reason": reason}
    return {key: text for key, text in given.items() if text is not None}


def selection(
    queue: LetterQueue,
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
    body.update(query_of(queue, registry, name, reason))
    filtered = len(body) > 1
    if sum((bool(ids), everything, filtered)) > 1:
        raise UsageError("give ids, or --all, or --registry, --name and --reason: only one of them")
    if ids:
        body["ids"] = [one_id(each) for each in ids]
    elif everything:
        body["all"] = True
    elif not filtered:
        raise UsageError("which letters? Give ids, or --registry, --name or --reason, or --all")
    return body


def one_id(letter: str) -> str:
    """Return a letter's id, as a path may contain it."""
    if not letter.isascii() or not letter.isalnum():
        raise UsageError(f"{letter!r} is not the id of a letter: see `portcall dead-letters list`")
    return letter.lower()
