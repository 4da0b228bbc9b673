"""Which outputs there are, and where each goes: ``json=report.json``; ``-`` is standard output."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from loadtest.outputs import hgrm, html, junit, k6, markdown, table, vegeta
from loadtest.result import Result
from schemas.errors import InvalidValueError

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
_BY_SUFFIX = {".md": "markdown", ".xml": "junit", ".htm": "html"}


class Output(Struct, frozen=True):
    """One output: its format, and the file; ``-`` is standard output."""

    format: str
    path: str

    def write(self, result: Result) -> None:
        """Write it.

        Raises:
            OSError: The file cannot be written.
        """
        text = FORMATS[self.format](result)
        if self.path == "-":
            sys.stdout.write(text)
        else:
            Path(self.path).write_text(text, encoding="utf-8")


def parse_outputs(texts: Sequence[str]) -> list[Output]:
    """Read ``FORMAT=FILE``; a file alone is of the format that its name ends with.

    Raises:
        InvalidValueError: There is no such format, or the file's folder is not there.
    """
    return [_parse(text) for text in texts]


def _parse(text: str) -> Output:
    name, equals, path = text.partition("=")
    if not equals:
        suffix = Path(text).suffix.lower()
        name, path = _BY_SUFFIX.get(suffix, suffix.removeprefix(".")), text
    if name not in FORMATS or not path:
        raise InvalidValueError(
            FIELD, f"{text[:64]!r} is none: write FORMAT=FILE, of {', '.join(FORMATS)}"
        )
    if path != "-" and not Path(path).absolute().parent.is_dir():
        raise InvalidValueError(FIELD, f"{path}: there is no such folder")
    return Output(name, path)
