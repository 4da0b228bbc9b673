"""How the sink prints requests: text on a terminal, JSON lines in a pipe."""

import json
import time
from dataclasses import asdict
from typing import TextIO

from portcall.loadtest.sink.server import SinkRequest

_COLOURS = {"good": "32", "again": "33", "bad": "31", "dim": "2"}
_AGAIN = frozenset({"duplicate", "stale"})
SHOWN_ID = 36


def json_line(seen: SinkRequest) -> str:
    """Return one request as a line of JSON."""
    return json.dumps(asdict(seen), ensure_ascii=True, separators=(",", ":"))


def line(seen: SinkRequest, *, colour: bool) -> str:
    """Return one request as a line of text."""
    clock = (
        time.strftime("%H:%M:%S", time.localtime(seen.at)) + f".{int(seen.at * 1000) % 1000:03d}"
    )
    tone = "again" if seen.verdict in _AGAIN else "good" if 200 <= seen.status < 300 else "bad"
    status = str(seen.status) if seen.status else "---"
    about = f"{seen.action} {seen.about}".strip() or f"{seen.body_bytes} bytes"
    return "  ".join(
        [
            _painted(clock, "dim", colour=colour),
            _painted(status, tone, colour=colour),
            f"{seen.took_ms:8.1f} ms",
            _clean(seen.delivery_id)[:SHOWN_ID].ljust(SHOWN_ID),
            _painted(_clean(seen.verdict), tone, colour=colour),
            _clean(about),
        ]
    )


class Shower:
    """Writes each request to a stream.

    Args:
        stream: The output stream.
        as_json: Whether to write JSON or text.
        colour: Whether to use colours.
    """

    def __init__(self, stream: TextIO, *, as_json: bool, colour: bool) -> None:
        self._stream = stream
        self._as_json = as_json
        self._colour = colour

    def __call__(self, seen: SinkRequest) -> None:
        """Write one request."""
        text = json_line(seen) if self._as_json else line(seen, colour=self._colour)
        self._stream.write(text + "\n")
        self._stream.flush()


def _clean(text: str) -> str:
    """Remove control characters: the text comes from outside."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _painted(text: str, tone: str, *, colour: bool) -> str:
    return f"\x1b[{_COLOURS[tone]}m{text}\x1b[0m" if colour else text
