"""What `portcall source try` prints: tables on a terminal, or one JSON object."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from msgspec import structs, to_builtins

from portcall.cli.output import Output, chosen, note, pretty, say
from portcall.cli.tables import Row, seconds, table, value
from portcall.schemas.events import Event
from portcall.schemas.plurals import counted
from portcall.schemas.sources import Source

if TYPE_CHECKING:
    from portcall.producer.formats.acceptance import Ignored
    from portcall.producer.sources.samples import SampleResult

MAX_SHOWN = 100
"""Events of a sample, and ignored ones, that are shown; all are counted."""
_NOT_SHOWN = ("registry", "accepted_ms", "body", "extras")
"""Of an event: what the sample does not tell, and what is shown by itself."""


def show_result(source: Source, result: "SampleResult", output: Output | None) -> None:
    """Print what would become of a sample of *source*; the summary goes to standard error."""
    if chosen(output) is Output.JSON:
        say(pretty(_document(source, result)))
    else:
        for rows in (_event_rows(result), _ignored_rows(result), _field_rows(result)):
            if rows:
                say(table(rows) + "\n")
    translation = result.translation
    if result.handshake is not None:
        note(f"It asks for a handshake; the answer is {result.handshake.decode()}")
    if result.hint:
        note(f"Hint: {result.hint}.")
    reasons = ", ".join(f"{reason} {count}" for reason, count in translation.ignored.items())
    told = f" ({reasons})" if reasons else ""
    events = counted(len(translation.events), "event")
    note(f"{events}, {translation.ignored.total()} ignored{told}. Nothing was published.")


def _document(source: Source, result: "SampleResult") -> dict[str, Any]:
    translation = result.translation
    told: dict[str, Any] = {
        "kind": source.kind.value,
        "accepted": len(translation.events),
        "ignored": translation.ignored.total(),
        "reasons": dict(translation.ignored),
        "events": [_event(each) for each in translation.events[:MAX_SHOWN]],
        "ignoredEvents": [_ignored(each) for each in translation.details[:MAX_SHOWN]],
    }
    if result.fields:
        told["fields"] = [
            {"place": each.path, "fields": [asdict(one) for one in each.fields]}
            for each in result.fields
        ]
    if result.handshake is not None:
        told["handshake"] = json.loads(result.handshake)
    if result.hint:
        told["hint"] = result.hint
    return told


def _event(event: Event) -> dict[str, Any]:
    """An event without what is empty; its payload is what webhooks get, its extras go beside."""
    fields = {
        name: to_builtins(each)
        for name, each in structs.asdict(event).items()
        if name not in _NOT_SHOWN and each
    }
    extras = {"extras": to_builtins(event.extras)} if event.extras else {}
    return {**fields, **extras, "payload": json.loads(bytes(event.body))}


def _ignored(one: "Ignored") -> dict[str, str]:
    names = ("reason", "action", "repository", "tag", "field", "problem")
    return {name: getattr(one, name) for name in names if getattr(one, name)}


def _event_rows(result: "SampleResult") -> list[Row]:
    events = [_event(each) for each in result.translation.events[:MAX_SHOWN]]
    return [
        {
            "ACTION": event["action"],
            "IMAGE": _image(event),
            "DIGEST": value(event, "payload", "target", "digest"),
            "TIME": seconds(value(event, "payload", "timestamp")),
            "ID": event["id"],
        }
        for event in events
    ]


def _ignored_rows(result: "SampleResult") -> list[Row]:
    shown = [_ignored(each) for each in result.translation.details[:MAX_SHOWN]]
    return [
        {
            "IGNORED": one["reason"],
            "ACTION": one.get("action", ""),
            "IMAGE": _image(one),
            "FIELD": one.get("field", ""),
            "PROBLEM": one.get("problem", ""),
        }
        for one in shown
    ]


def _field_rows(result: "SampleResult") -> list[Row]:
    """What each expression gives on the first events."""
    return [
        {
            "EVENT": each.path or "(body)",
            "OPTION": one.name,
            "EXPRESSION": one.expression,
            "GIVES": one.value,
            "PROBLEM": one.problem,
        }
        for each in result.fields
        for one in each.fields
    ]


def _image(told: dict[str, Any]) -> str:
    repository, tag = told.get("repository", ""), told.get("tag", "")
    return f"{repository}:{tag}" if tag else repository
