"""`portcall webhook test-format`: what a registry's last events look like in a format."""

from collections.abc import Sequence
from typing import Annotated

import typer

from portcall.cli import options
from portcall.cli.client import Document, Management
from portcall.cli.errors import CliError
from portcall.cli.formats import read_format
from portcall.cli.options import Format, Group, Registry, Url
from portcall.cli.output import Output, chosen, note, pretty, say
from portcall.cli.tables import clean, value
from portcall.cli.webhook.naming import options_named
from portcall.cli.webhook.scope_test import image
from portcall.schemas.filter_words import filters_in
from portcall.schemas.formats.chosen import NAME
from portcall.schemas.formats.names import FormatName
from portcall.schemas.plurals import counted

LAST = 1
MAX_LAST = 50


def try_format(
    *,
    registry: Registry,
    format_words: Annotated[list[str], options.FORMAT],
    filters: Annotated[list[str] | None, options.FILTERS] = None,
    last: Annotated[
        int,
        typer.Option(
            "--last", metavar="N", min=0, max=MAX_LAST, help="The number of events; 0: an example."
        ),
    ] = LAST,
    group: Group = None,
    url: Url = None,
    output: Format = None,
) -> None:
    """Test a format: show a registry's last events as they would be sent.

    Only events that were sent to a webhook are shown, of the registry's last 500; an example, if
    there is none. With --filters, those that the filters hold back are not shown; with coalesce an
    index lists its children, and with tagsOnDelete a delete has its tags. Signatures and custom
    headers are not shown. The exit code is 1 if a template fails on each of the events.
    """
    body: Document = {"format": read_format(format_words), "last": last}
    if filters is not None:
        body["filters"] = filters_in(filters)
    management = Management.at(url)
    path = value(management.find_registry(registry, group), "id")
    with options_named():
        found = management.ask("POST", f"{path}/testFormat", body)
    tried = found.get("value") or []
    if chosen(output) is Output.JSON:
        say(pretty(found))
    else:
        if last and any(each.get("isExample") for each in tried):
            note("None of the registry's last 500 events was sent and passes the filters.")
        for each in tried:
            _show(each)
    _check_template(body["format"], tried)


def _check_template(wanted: Document | None, tried: Sequence[Document]) -> None:
    """Fail if a template could be filled in for none of the events.

    Other formats leave events out on purpose, which is no failure.
    """
    reasons = [value(each, "reason") for each in tried]
    if wanted and wanted[NAME] == FormatName.TEMPLATE and reasons and all(reasons):
        shown = counted(len(tried), "event")
        raise CliError(f"no POST could be made of {shown}: {clean(reasons[0])}")


def _show(formed: Document) -> None:
    kind = "An example" if formed.get("isExample") else value(formed, "id")
    note(f"{kind}: {value(formed, 'action')} {clean(image(formed))}")
    if reason := value(formed, "reason"):
        note(f"Nothing would be sent: {clean(reason)}.")
        return
    common = formed.get("commonHeaders") or {"Content-Type": value(formed, "contentType")}
    headers = {**common, **(formed.get("headers") or {})}
    say("\n".join(f"{name}: {clean(str(text))}" for name, text in headers.items()))
    say(f"\n{clean(value(formed, 'body'))}\n")
