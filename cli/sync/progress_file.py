"""The progress of one sync in a file, so that another run of the same command resumes it.

JSON lines: what is synced, each compared repository, and each batch of events before and after it
was sent. A line that a kill cut off is left out. It says nothing secret. A file that is no progress
of a sync is refused rather than overwritten.

Whether an event was accepted is not decided by this file, but by Portcall: see `cli.sync.publish`.
"""

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Self

from portcall.cli.errors import UsageError
from portcall.cli.sync.comparison import Comparison, Missed

VERSION = 1
_BEGINNING = '{"version":'
"""Of every file, also one of another version or subject."""
MAX_AGE_MS = 24 * 3600 * 1000
"""A comparison that is older is made again."""


@dataclass(slots=True)
class Progress:
    """What an earlier run has done.

    Attributes:
        compared: The compared repositories.
        in_doubt: How many events were sent without a note of their answer.
        accepted: How many events were accepted.
    """

    compared: dict[str, Comparison] = field(default_factory=dict)
    in_doubt: int = 0
    accepted: int = 0


class ProgressFile:
    """The file of one sync, locked while it is open.

    Args:
        path: Where it is; its folder is made, for the owner only.
        subject: What is synced: a file of another subject begins anew.
        now_ms: The time, milliseconds since the epoch.

    Raises:
        UsageError: The file cannot be used, is in use, or is another one.
    """

    def __init__(self, path: Path, subject: Mapping[str, Any], now_ms: int) -> None:
        self._path = path
        self._file = _locked(path)
        text = self._text()
        self.earlier = self._read(text, subject, now_ms)
        if self.earlier is None:
            self._file.truncate(0)
            self._write({"version": VERSION, "subject": subject, "began": now_ms})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()

    def compared(self, comparison: Comparison) -> None:
        """Note the comparison of a repository."""
        self._write({"compared": asdict(comparison)})

    def sending(self, ids: Sequence[str]) -> None:
        """Note, on the disk, that these events are sent now."""
        self._write({"sending": len(ids)})
        os.fsync(self._file.fileno())

    def accepted(self, count: int) -> None:
        """Note that the events that were sent last were accepted."""
        self._write({"accepted": count})

    def finished(self) -> None:
        """Remove the file: there is nothing to resume."""
        self._path.unlink(missing_ok=True)

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
        self._file.flush()

    def _text(self) -> str:
        """What is in the file."""
        self._file.seek(0)
        text = self._file.read(len(_BEGINNING))
        if not _BEGINNING.startswith(text):
            self._file.close()
            raise UsageError(f"--state {self._path} is not the progress of a sync: name another")
        return text + self._file.read()

    def _read(self, text: str, subject: Mapping[str, Any], now_ms: int) -> Progress | None:
        """What the text says; None: nothing of this subject, or nothing new enough."""
        lines = text.splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]
        try:
            head = json.loads(whole[0]) if whole else {}
            is_ours = head.get("version") == VERSION and head.get("subject") == dict(subject)
            if not is_ours or not 0 <= now_ms - head["began"] <= MAX_AGE_MS:
                return None
            progress = _progress([json.loads(line) for line in whole[1:]])
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        if len(whole) < len(lines):
            self._file.truncate(len("".join(whole)))  # all ASCII: a character is a byte
        return progress


def _progress(lines: Sequence[Mapping[str, Any]]) -> Progress:
    progress = Progress()
    for line in lines:
        if facts := line.get("compared"):
            missed = [Missed(**each) for each in facts["missed"]]
            comparison = Comparison(**{**facts, "missed": missed})
            progress.compared[comparison.repository] = comparison
        progress.in_doubt += line.get("sending", 0)
        if "accepted" in line:
            progress.accepted += line["accepted"]
            progress.in_doubt = 0
    return progress


def _locked(path: Path) -> TextIOWrapper:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise UsageError(f"--state {path} cannot be used: {error.strerror}") from error
    file = os.fdopen(handle, "a+", encoding="ascii", errors="replace")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise UsageError(f"another sync is using {path}: wait for it, or end it") from None
    return file
