"""Recordings: read the times of events from several formats.

One line each, or one JSON array: a number (seconds), an ISO time, or an object with ``timestamp``
(an event), ``at`` (seconds), or ``time``. The output of ``portcall webhook list-events`` works as
it is; of each delivery only the first attempt counts.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from portcall.schemas.errors import InvalidValueError

FIELD = "--trace"
MAX_BYTES = 1 << 30
_PLACES = (
    ("at",),
    ("timestamp",),
    ("time",),
    ("eventRequestMessage", "content", "timestamp"),
    ("content", "timestamp"),
)


def read_trace(path: Path) -> list[float]:
    """Return the times of a recording, ascending, in seconds from any origin.

    Raises:
        InvalidValueError: It cannot be read, or has no times.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidValueError(FIELD, f"{path} is larger than 1 GiB")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidValueError(FIELD, f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidValueError(FIELD, f"{path} is not a text file") from error
    found = sorted(_times(text, path))
    if not found:
        raise InvalidValueError(FIELD, f"{path} contains no times")
    return found


def _times(text: str, path: Path) -> Iterator[float]:
    seen: set[str] = set()
    for number, entry in enumerate(_entries(text, path), 1):
        if isinstance(entry, dict) and (event := _event_id(entry)):
            if event in seen:
                continue  # another attempt
            seen.add(event)
        value = _value(entry)
        if value is None:
            raise InvalidValueError(
                FIELD, f"{path}: entry {number} has no time: a number, or timestamp, at or time"
            )
        yield value


def _entries(text: str, path: Path) -> Iterable[Any]:
    try:
        if text.lstrip().startswith("["):
            return list(json.loads(text))
        return [_line(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise InvalidValueError(FIELD, f"{path} is neither JSON nor JSON lines: {error}") from error


def _line(line: str) -> Any:  # noqa: ANN401 (any JSON value)
    line = line.strip()
    return json.loads(line) if line[0] in '{"-0123456789' and not _is_time(line) else line


def _is_time(text: str) -> bool:
    return len(text) > 10 and text[4:5] == "-" and text[:4].isdecimal()


def _event_id(entry: dict[str, Any]) -> str:
    """Return the id of a record's event; empty for anything else."""
    message = entry.get("eventRequestMessage")
    content = message.get("content") if isinstance(message, dict) else None
    return str(content.get("id", "")) if isinstance(content, dict) else ""


def _value(entry: Any) -> float | None:  # noqa: ANN401 (any JSON value)
    if isinstance(entry, dict):
        values = (_at(entry, place) for place in _PLACES)
        return next((value for value in map(_value, values) if value is not None), None)
    if isinstance(entry, bool):
        return None
    if isinstance(entry, int | float):
        return float(entry)
    if isinstance(entry, str):
        try:
            return datetime.fromisoformat(entry).timestamp()
        except ValueError:
            return None
    return None


def _at(entry: Any, place: tuple[str, ...]) -> Any:  # noqa: ANN401 (the same)
    for name in place:
        entry = entry.get(name) if isinstance(entry, dict) else None
    return entry
