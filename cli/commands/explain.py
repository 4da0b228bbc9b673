"""`portcall explain`: why each webhook gets an event or not, and where its delivery is."""

from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text
from rich.tree import Tree

from portcall.cli.client import Document, Management
from portcall.cli.options import Format, Group, Registry, Url
from portcall.cli.output import Output, chosen, pretty, say
from portcall.cli.tables import clean, seconds, value
from portcall.cli.webhook.scope_test import image
from portcall.schemas.plurals import counted

_COLOURS = {
    "delivered": "green",
    "waiting": "yellow",
    "due": "yellow",
    "queued": "yellow",
    "unknown": "yellow",
    "given_up": "red",
    "cancelled": "red",
    "refused": "yellow",
    "none": "dim",
    "filtered": "dim",
}
UNBOUNDED = 10_000
"""Columns; a reason may contain a long quotation."""
_WORDS = {
    "unknown": "matches; not routed yet, or routed before the webhook had its present settings",
    "queued": "routed; waiting for its first attempt",
    "due": "its next attempt is due",
    "delivered": "delivered",
    "given_up": "given up",
    "cancelled": "cancelled",
    "refused": "refused by the receiver",
    "none": "does not match",
    "filtered": "held back by a filter",
    "coalescing": "waits for the push of an index that lists it",
    "naming": "waits for the names of its tags",
}


def explain(
    *,
    event_id: Annotated[
        str,
        typer.Argument(help="The event's id, as in the POST's body, or the POST's webhook-id."),
    ],
    registry: Registry,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Explain which webhooks get an event, and each delivery.

    For a webhook that does not match, it says why: status, action, scope or filter. It shows every
    attempt with the reason for the next step. For a notification that did not become an event, it
    shows the reason, too. Exits with 3 when there is no such event.
    """
    management = Management.at(url)
    path = value(management.find_registry(registry, group), "id")
    found = management.ask("GET", f"{path}/explainEvent", query={"eventId": event_id})
    if chosen(output) is Output.JSON:
        say(pretty(found))
    else:
        show(tree(found, event_id))


def show(grown: Tree) -> None:
    """Print a tree; lines wider than a terminal wrap, and elsewhere nothing is cut."""
    is_terminal = Console().is_terminal
    Console(highlight=False, width=None if is_terminal else UNBOUNDED).print(grown)


def tree(explanation: Document, asked: str = "") -> Tree:
    """Return an explanation as a tree: the event, its webhooks, their attempts.

    Args:
        explanation: The answer of management.
        asked: The id in the command; if it is a webhook-id, its delivery is marked.
    """
    about = " ".join([value(explanation, "action"), image(explanation)]).strip()
    ignored = explanation.get("ignored")
    came = f"{'came' if ignored else 'accepted'} {seconds(value(explanation, 'acceptedAt'))}"
    head = Text.assemble((clean(value(explanation, "id")), "bold"), f"  {clean(about)}  {came}")
    if ignored:
        head.append(f"  ignored, because {clean(value(ignored, 'message'))}", "yellow")
        return Tree(head)
    if not explanation.get("isRouted"):
        head.append("  not routed yet, or the router's note has not arrived", "dim")
    root = Tree(head)
    told = _told(explanation.get("extras") or {})
    if told:
        root.add(Text(told, "dim"))
    webhooks = explanation.get("webhooks") or []
    for each in webhooks:
        _grow(root, each, asked)
    if not webhooks:
        root.add(Text("the registry has no webhooks", "dim"))
    return root


def _told(extras: Document) -> str:
    """Say what the source tells beyond the payload; empty: nothing."""
    children = extras.get("children") or ()
    facts = (
        ("by ", value(extras, "actor")),
        ("", value(extras, "artifactType")),
        ("for ", ", ".join(map(str, extras.get("platforms") or ()))),
        ("lists ", counted(len(children), "manifest") if children else ""),
        ("with the tags ", ", ".join(map(str, extras.get("tags") or ()))),
        ("from the source ", _source(extras)),
        ("", "was attached to another artifact" if extras.get("referrer") else ""),
        ("", "found by a comparison later" if extras.get("backfilled") else ""),
    )
    return clean("; ".join(f"{words}{fact}" for words, fact in facts if fact))


def _source(extras: Document) -> str:
    name, kind = value(extras, "source"), value(extras, "kind")
    return f"{name} ({kind})" if kind else name


def _grow(root: Tree, webhook: Document, asked: str) -> None:
    delivery = webhook.get("delivery") or {}
    where = value(delivery, "whereabouts")
    name = clean(value(webhook, "name")) or f"(deleted, {value(webhook, 'id')})"
    line = Text.assemble((name, "bold"), "  ", (_said(delivery), _COLOURS.get(where, "")))
    if asked and value(delivery, "deliveryId") == asked:
        line.append("  (this webhook-id)", "bold")
    branch = root.add(line)
    for miss in webhook.get("misses") or ():
        branch.add(Text(f"{value(miss, 'predicate')}: {clean(value(miss, 'message'))}", "dim"))
    for attempt in delivery.get("attempts") or ():
        branch.add(_attempt(attempt))


def _said(delivery: Document) -> str:
    """Say where a delivery is."""
    where = value(delivery, "whereabouts")
    due = seconds(value(delivery, "nextAttemptAt"))
    if where == "waiting":
        return f"waiting, next attempt at {due}"
    said = _WORDS.get(where, where)
    if where not in ("given_up", "refused"):
        return said
    made = {value(each, "attempt") for each in delivery.get("attempts") or ()}
    return f"{said} after {counted(len(made), 'attempt')}"


def _attempt(attempt: Document) -> Text:
    took = f"{float(attempt.get('durationMs') or 0):.0f} ms"
    number = f"attempt {value(attempt, 'attempt')}"
    started = seconds(value(attempt, "startedAt"))
    return Text(f"{number}  {started}  {took}  {clean(value(attempt, 'reason'))}")
