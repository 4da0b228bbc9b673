"""A command's output: documents go to standard output, everything else to standard error.

Tables on a terminal, JSON elsewhere, unless ``--output`` says otherwise. Colours only on a
terminal.
"""

import json
import os
import re
import sys
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any, TextIO

from portcall.cli.tables import Document, Row, clean, table

_LEFT_BY_JSON = re.compile("[\x7f-\x9f\u2028\u2029]")
_COLOURS = {"red": "31", "green": "32", "yellow": "33", "dim": "2"}


class Output(StrEnum):
    """The output format."""

    TABLE = "table"
    JSON = "json"


def chosen(output: Output | None) -> Output:
    """Return the format: the requested one, else by the kind of standard output."""
    if output is not None:
        return output
    return Output.TABLE if sys.stdout.isatty() else Output.JSON


def show(document: Document, row: Callable[[Document], Row], output: Output | None) -> None:
    """Print one document: as a table with one row, or as JSON."""
    if chosen(output) is Output.TABLE:
        say(table([row(document)]))
    else:
        say(pretty(document))


def show_all(
    documents: Iterable[Document], row: Callable[[Document], Row], output: Output | None
) -> None:
    """Print documents: as a table (nothing if there are none, as in az), or as a JSON array."""
    found = list(documents)
    if chosen(output) is Output.JSON:
        say(pretty(found))
    elif found:
        say(table([row(document) for document in found]))


def pretty(document: Any) -> str:  # noqa: ANN401 (any JSON value)
    """Return a document as indented JSON, with Unicode unescaped."""
    return _harmless(json.dumps(document, indent=2, ensure_ascii=False))


def compact(document: Any) -> str:  # noqa: ANN401 (any JSON value)
    """Return a document as one line of JSON."""
    return _harmless(json.dumps(document, ensure_ascii=False, separators=(",", ":")))


def _harmless(text: str) -> str:
    """Return JSON with the control characters escaped that JSON allows."""
    return _LEFT_BY_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def say(text: str) -> None:
    """Print to standard output, and flush."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """Print to the user, not to the pipe; foreign text has to be cleaned before."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def complain(text: str) -> None:
    """Print an error, with ``error:`` before it."""
    first, *more = [clean(line) for line in text.splitlines()] or [""]
    told = [f"{paint('error:', 'red', sys.stderr)} {first}", *more]
    sys.stderr.write("\n".join(told) + "\n")
    sys.stderr.flush()


def paint(text: str, colour: str, stream: TextIO) -> str:
    """Return the text in a colour if the stream is a terminal and ``NO_COLOR`` is not set."""
    if not stream.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"
