"""`portcall webhook test-scope`: which of a registry's last events a scope would have matched."""

from typing import Annotated

import typer

from portcall.cli import options
from portcall.cli.client import Document, Management
from portcall.cli.options import Format, Group, Registry, Url
from portcall.cli.output import Output, chosen, note, pretty, say
from portcall.cli.tables import Row, seconds, table, value
from portcall.cli.webhook.naming import options_named
from portcall.schemas.filter_words import filters_in
from portcall.schemas.globs.scopes import Effect
from portcall.schemas.plurals import counted

LAST = 20
MAX_LAST = 500


def try_scope(
    *,
    registry: Registry,
    scope: Annotated[str, options.SCOPE] = "",
    scopes: Annotated[list[str] | None, options.SCOPES] = None,
    actions: Annotated[list[str] | None, options.ACTIONS] = None,
    filters: Annotated[list[str] | None, options.FILTERS] = None,
    last: Annotated[
        int, typer.Option("--last", metavar="N", min=1, max=MAX_LAST, help="The number of events.")
    ] = LAST,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Test a scope and filters: show which of a registry's last events a webhook would have got.

    Nothing is saved. Events of the last few seconds may be missing. Without --actions every action
    matches. With changedOnly, the first push of a tag among these events counts as a change. With
    tagsOnDelete, a delete shows the tags that it would name. With untag among --actions, deleted
    tags count that became no events, because no webhook asked for them. With --scopes, the JSON
    output says of each pattern what it does with each event, and why.
    """
    body: Document = {"scope": scope, "last": last}
    if actions is not None:
        body["actions"] = options.actions(actions)
    if filters is not None:
        body["filters"] = filters_in(filters)
    if scopes is not None:
        body["scopes"] = options.patterns(scopes)
    management = Management.at(url)
    path = value(management.find_registry(registry, group), "id")
    with options_named():
        found = management.ask("POST", f"{path}/testScope", body)
    if chosen(output) is Output.JSON:
        say(pretty(found))
        return
    tried = found.get("value") or []
    if not tried:
        note("The registry has no events yet.")
        return
    say(table([_row(each) for each in tried]))
    note(f"{found.get('matching', 0)} of the last {counted(len(tried), 'event')} match.")
    ignored = [each for each in tried if each.get("isIgnored") and each.get("matches")]
    if ignored:
        note(f"Deleted tags among them that no webhook asked for, so far: {len(ignored)}.")


def _row(tried: Document) -> Row:
    return {
        "MATCHES": "yes" if tried.get("matches") else "no",
        "ACTION": value(tried, "action"),
        "IMAGE": " with ".join(filter(None, (image(tried), _tags(tried)))),
        "ACCEPTED": seconds(value(tried, "acceptedAt")),
        "ID": value(tried, "id"),
        **_by(tried),
        "WHY NOT": "; ".join(value(miss, "message") for miss in tried.get("misses") or ()),
    }


def _tags(tried: Document) -> str:
    """Return the tags that a delete would name."""
    return ", ".join(map(str, tried.get("tags") or ()))


def _by(tried: Document) -> Row:
    """Return the patterns that include or exclude the event, if there are scopes."""
    if not tried.get("patterns"):
        return {}
    decisive = [each for each in tried["patterns"] if value(each, "effect") != Effect.NONE]
    return {"BY": " ".join(value(each, "pattern") for each in decisive)}


def image(about: Document) -> str:
    """Return the repository of an event, with its tag if it has one."""
    repository, tag = value(about, "repository"), value(about, "tag")
    return f"{repository}:{tag}" if tag else repository
