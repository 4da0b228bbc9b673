"""The sink's memory: each delivery once, the newest event of each subject, and a file on disk."""

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from portcall.loadtest.payloads.reading import ReadEvent
from portcall.schemas.errors import PortcallError

_BEGINS = b'{"id":'
"""How each line of the file begins."""


class SinkFileError(PortcallError):
    """The file of processed ids cannot be used."""


class ProcessedDelivery(StrEnum):
    """The result of a delivery."""

    PROCESSED = "processed"
    STALE = "stale"
    DUPLICATE = "duplicate"
    LOST = "lost"
    """Forgotten deliberately, after it was accepted."""


class Memory:
    """Processes deliveries, each once, and never an older one over a newer one.

    Args:
        path: A file with a line of JSON for each one; read at the start. None: no file.
        dedup: Whether a delivery is processed once only.
        ordered: Whether deliveries older than the newest one are ignored.
    """

    def __init__(
        self, path: Path | None = None, *, dedup: bool = True, ordered: bool = True
    ) -> None:
        self._path = path
        self._dedup = dedup
        self._ordered = ordered
        self._seen: set[str] = set()
        self._newest: dict[str, str] = {}
        self._file: IO[str] | None = None
        self.entries: list[dict[str, Any]] = []

    def open(self) -> None:
        """Read the file, and keep it open.

        Raises:
            SinkFileError: No sink wrote it.
        """
        if self._path is None:
            return
        whole = _whole_lines(self._path)
        for entry in _entries(self._path, whole):
            self._note(entry)
        self._file = self._path.open("a", encoding="utf-8")
        self._file.truncate(len(whole))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def clear(self) -> None:
        """Forget everything, including the file's content."""
        self.entries.clear()
        self._seen.clear()
        self._newest.clear()
        if self._file is not None:
            self._file.truncate(0)

    def knows(self, delivery_id: str) -> bool:
        """Whether the delivery was processed before, and duplicates are ignored."""
        return self._dedup and bool(delivery_id) and delivery_id in self._seen

    def process(self, delivery_id: str, notice: ReadEvent, *, now_s: float) -> ProcessedDelivery:
        """Process a new delivery; it is in the file on return."""
        stale = self._ordered and any(
            self._newest.get(key, notice.at) > notice.at for key in notice.keys
        )
        entry = {
            "id": delivery_id, "action": notice.action, "at": notice.at, "keys": list(notice.keys),
            "processed_at": round(now_s, 6), "stale": stale,
        }  # fmt: skip
        self._note(entry)
        if self._file is not None:
            self._file.write(json.dumps(entry, separators=(",", ":")) + "\n")
            self._file.flush()  # the response says that it is done: a crash must not undo it
        return ProcessedDelivery.STALE if stale else ProcessedDelivery.PROCESSED

    def _note(self, entry: Mapping[str, Any]) -> None:
        self.entries.append(dict(entry))
        self._seen.add(entry["id"])
        if not entry["stale"]:
            self._newest.update(dict.fromkeys(entry["keys"], entry["at"]))


def _whole_lines(path: Path) -> bytes:
    """Return a file's content, without a last line that a crash cut: it was never answered."""
    content = path.read_bytes() if path.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]
    rest = content[len(whole) :]
    return whole if rest.startswith(_BEGINS) or _BEGINS.startswith(rest) else content


def _entries(path: Path, lines: bytes) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines.splitlines(), 1):
        try:
            entry = json.loads(line)
            yield {"id": str(entry["id"]), "stale": entry["stale"] is True,
                   "keys": list(entry["keys"]), **entry}  # fmt: skip
        except (ValueError, KeyError, TypeError) as error:
            raise SinkFileError(f"{path}: no sink wrote line {number}") from error
