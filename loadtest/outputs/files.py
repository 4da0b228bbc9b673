"""The output formats, and where each goes: ``json=report.json``; ``-`` is standard output.

Locust's format has several files: ``locust=PREFIX``.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from portcall.loadtest.outputs import hgrm, html, junit, k6, locust, markdown, table, vegeta
from portcall.loadtest.report.result import Result
from portcall.schemas.errors import InvalidValueError

FIELD = "--output"
FORMATS: dict[str, Callable[[Result], str]] = {
    "json": k6.render,
    "html": html.render,
    "markdown": markdown.render,
    "junit": junit.render,
    "vegeta": vegeta.render,
    "hgrm": hgrm.render,
    "csv": table.render,
}
SEVERAL: dict[str, Callable[[Result], dict[str, str]]] = {"locust": locust.render}
"""Formats with several files, whose names begin with the given prefix."""
NAMES = (*FORMATS, *SEVERAL)
_BY_SUFFIX = {".md": "markdown", ".xml": "junit", ".htm": "html"}


class OutputFile(Struct, frozen=True):
    """One output: its format, and the file; ``-`` is standard output."""

    format: str
    path: str

    def write(self, result: Result) -> None:
        """Write it.

        Raises:
            OSError: The file cannot be written.
        """
        if self.format in SEVERAL:
            for ending, content in SEVERAL[self.format](result).items():
                Path(f"{self.path}{ending}").write_text(content, encoding="utf-8")
            return
        text = FORMATS[self.format](result)
        if self.path == "-":
            sys.stdout.write(text)
        else:
            Path(self.path).write_text(text, encoding="utf-8")


def parse_outputs(texts: Sequence[str]) -> list[OutputFile]:
    """Parse ``FORMAT=FILE``; without a format, the file's extension decides.

    Raises:
        InvalidValueError: There is no such format, or the file's folder is not there.
    """
    return [_parse(text) for text in texts]


def _parse(text: str) -> OutputFile:
    name, equals, path = text.partition("=")
    if not equals:
        suffix = Path(text).suffix.lower()
        name, path = _BY_SUFFIX.get(suffix, suffix.removeprefix(".")), text
    name = _BY_SUFFIX.get(f".{name}", name)
    if name not in NAMES or not path:
        raise InvalidValueError(
            FIELD,
            f"{text[:64]!r} is not an output: write FORMAT=FILE, with one of {', '.join(NAMES)}",
        )
    if name in SEVERAL and path == "-":
        raise InvalidValueError(FIELD, f"{name} has several files: write {name}=PREFIX")
    if path != "-" and not Path(path).absolute().parent.is_dir():
        raise InvalidValueError(FIELD, f"{path}: there is no such folder")
    if name in FORMATS and Path(path).is_dir():
        raise InvalidValueError(FIELD, f"{path}: is a folder; give a file in it")
    return OutputFile(name, path)
