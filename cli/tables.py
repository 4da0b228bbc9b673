"""Tables in az's format: headers, dashes, two spaces between columns, no wrapping and no boxes.

The column formats are those of az's ``acr`` commands: an absent value is blank, a list is shown as
Python shows it, an image is ``repository:tag``. Terminals and pipes get the same bytes.

Source: azure-cli 2.91.0, ``command_modules/acr/_format.py`` (handbook AZURE.md part 2 (f)).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len

from portcall.schemas.reasons import brief_reason
from portcall.schemas.records import Failure, Outcome

Document = Mapping[str, Any]
Row = dict[str, str]

GAP = "  "
HEADER_ROOM = 2
"""A column is at least this much wider than its header, as in az."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_SECONDS = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|\+00:00)")


def table(rows: Sequence[Row]) -> str:
    """Return the rows, which have the same keys, under their headers; columns fit their content."""
    headers = list(rows[0])
    cells = [[clean(row[header]) for header in headers] for row in rows]
    roomy = [header + " " * HEADER_ROOM for header in headers]
    widths = [max(map(cell_len, column)) for column in zip(roomy, *cells, strict=True)]
    return "\n".join([*heading(headers, widths), *(line_of(line, widths) for line in cells)])


def heading(headers: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return the first two lines of a table: headers and dashes."""
    return [line_of(headers, widths), line_of(["-" * width for width in widths], widths)]


def line_of(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Return one line with its cells padded to the widths; longer cells are never cut."""
    padded = (
        cell + " " * max(0, width - cell_len(cell))
        for cell, width in zip(cells, widths, strict=True)
    )
    return GAP.join(padded).rstrip()


def clean(text: str) -> str:
    """Return the text without control characters: a consumer chooses its reason phrase."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def value(document: object, *path: str) -> str:
    """Return the value at a path as text; blank if there is none."""
    for key in path:
        if not isinstance(document, Mapping):
            return ""
        document = document.get(key)
    return str(document) if document else ""


def seconds(timestamp: str) -> str:
    """Return a timestamp in UTC without fractions of a second."""
    match = _SECONDS.fullmatch(timestamp)
    return f"{match[1]}Z" if match else timestamp


def webhook_row(webhook: Document) -> Row:
    """Return a webhook, in az's columns."""
    return {
        "NAME": value(webhook, "name"),
        "LOCATION": value(webhook, "location"),
        "ACTIONS": value(webhook, "properties", "actions"),
        "SCOPE": value(webhook, "properties", "scope"),
        "STATUS": value(webhook, "properties", "status"),
    }


def registry_row(registry: Document) -> Row:
    """Return a registry, in az's columns except those that have no meaning here."""
    return {
        "NAME": value(registry, "name"),
        "RESOURCE GROUP": resource_group(value(registry, "id")),
        "LOCATION": value(registry, "location"),
        "SKU": value(registry, "sku", "name"),
        "LOGIN SERVER": value(registry, "properties", "loginServer"),
        "CREATION DATE": seconds(value(registry, "properties", "creationDate")),
    }


def replay_row(replay: Document) -> Row:
    """Return a replay: its progress, and what was skipped."""
    selection = ("properties", "selection")
    return {
        "ID": value(replay, "name"),
        "WEBHOOK": value(replay, *selection, "webhook") or "(all)",
        "STATE": value(replay, "properties", "state"),
        "PUBLISHED": value(replay, "properties", "published") or "0",
        "TOTAL": value(replay, "properties", "total") or "0",
        "DISABLED": value(replay, "properties", "skipped", "disabled") or "0",
        "GONE": value(replay, "properties", "skipped", "gone") or "0",
        "CREATED": seconds(value(replay, "properties", "createdAt")),
    }


def config_row(config: Document) -> Row:
    """Return a webhook's service URI and custom headers, in az's columns."""
    return {
        "SERVICE URI": value(config, "serviceUri"),
        "HEADERS": value(config, "customHeaders"),
    }


def ping_row(ping: Document) -> Row:
    """Return the id of a ping's event."""
    return {"ID": value(ping, "id")}


def record_row(record: Document) -> Row:
    """Return a record of list-events, in az's columns; of any format."""
    event = ("portcall", "event")  # there where the content is not the event
    if not value(record, *event):
        event = ("eventRequestMessage", "content")
    repository = value(record, *event, "target", "repository")
    tag = value(record, *event, "target", "tag")
    status = value(record, "eventResponseMessage", "statusCode")
    reason = value(record, "eventResponseMessage", "reasonPhrase")
    if value(record, "portcall", "outcome") == "refused":
        reason += " (refused)"
    return {
        "ID": value(record, "id"),
        "ACTION": value(record, *event, "action"),
        "IMAGE": f"{repository}:{tag}" if repository and tag else repository,
        "HTTP STATUS": f"{status} {reason}".strip(),
        "TIMESTAMP": seconds(value(record, *event, "timestamp")),
    }


def whole_record_row(record: Document) -> Row:
    """Return a record in az's columns, then the attempt, its outcome, and why it failed."""
    return {
        **record_row(record),
        "ATTEMPT": value(record, "portcall", "attempt"),
        "OUTCOME": value(record, "portcall", "outcome"),
        "REASON": _reason(record),
    }


def _reason(record: Document) -> str:
    """Return why an attempt did not succeed, in brief; of an older server, its whole reason."""
    try:
        outcome = Outcome(value(record, "portcall", "outcome"))
        failure = Failure(value(record, "portcall", "failure"))
    except ValueError:
        return value(record, "portcall", "message")
    status = value(record, "eventResponseMessage", "statusCode")
    return brief_reason(
        outcome,
        failure,
        status=int(status) if status.isdecimal() else 0,
        message=value(record, "portcall", "message")
        or value(record, "eventResponseMessage", "content"),
        duration_us=round(float(value(record, "portcall", "durationMs") or 0) * 1000),
    )


RECORD_WIDTHS = (36, 12, 32, 25, 20, 9, 9, 8)
"""The column widths for records that are printed one by one: a GUID, an action, an image, a status,
a time, a number, an outcome, a reason (which is the last and may be longer)."""


def resource_group(resource_id: str) -> str:
    """Return the resource group from a resource's id."""
    parts = resource_id.split("/")
    return parts[4] if len(parts) > 4 else ""
