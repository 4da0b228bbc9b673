"""Formats of values for people: times, durations, sizes, rates, statuses. Pure."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from portcall.schemas.records import Outcome
from portcall.schemas.webhooks import MASK

NOTHING = "\N{EN DASH}"
"""Shown instead of a missing number."""
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
KEPT = 10
"""So many characters at the end of a long name, scope or URI are always shown; up to twice as many
of a sentence."""
MAX_PRETTY = 256 * 1024
"""Longer texts are not formatted: that would take longer than reading them."""
OUTCOMES = {
    Outcome.DELIVERED: ("good", "Delivered"),
    Outcome.RETRIED: ("warn", "Will retry"),
    Outcome.GIVEN_UP: ("bad", "Given up"),
    Outcome.CANCELLED: ("mute", "Cancelled"),
    Outcome.REFUSED: ("mute", "Refused"),
}
"""By outcome: the tone of its mark, and its word."""


def moment(ms: int) -> str:
    """A time for HTML's ``datetime``."""
    return _utc(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def exact(ms: int) -> str:
    """A time to the millisecond for people: ``2026-03-04 10:20:30.123 UTC``."""
    return f"{_utc(ms):%Y-%m-%d %H:%M:%S}.{ms % 1000:03d} UTC"


def ago(ms: int, now_ms: int) -> str:
    """How long ago, or in how long: ``3 min ago``, ``in 10 s``, ``now``."""
    apart_ms = abs(now_ms - ms)
    if apart_ms < 1000:
        return "now"
    return f"in {lasting(apart_ms)}" if ms > now_ms else f"{lasting(apart_ms)} ago"


def lasting(duration_ms: int) -> str:
    """A duration in its largest unit: ``3 min``, ``10 s``."""
    seconds = duration_ms // 1000
    text = next((f"{seconds // size} {unit}" for size, unit in _UNITS if seconds >= size), "")
    return text or f"{seconds} s"


def clock(ms: int, now_ms: int) -> str:
    """A time of today, ``10:20:30``; of another day ``03-04 10:20:30``, of another year whole."""
    at, now = _utc(ms), _utc(now_ms)
    if at.date() == now.date():
        return f"{at:%H:%M:%S}"
    return f"{at:%m-%d %H:%M:%S}" if at.year == now.year else f"{at:%Y-%m-%d %H:%M}"


def milliseconds(value: float | None) -> str:
    """A duration with three figures at most: ``0.8 ms``, ``12 ms``, ``1.25 s``."""
    if value is None:
        return NOTHING
    if value < 10:
        return f"{value:.1f} ms"
    if value < 1000:
        return f"{value:.0f} ms"
    if value < 10_000:
        return f"{value / 1000:.2f} s"
    return f"{value / 1000:.1f} s"


def percent(share: float | None) -> str:
    """A share of 1, rounded down near the top: 100 % means all."""
    if share is None:
        return NOTHING
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    return f"{min(max(share * 100, 0.1), 99.9):.1f} %"


def rate(value: float) -> str:
    """So many a second: ``0``, ``0.4``, ``12``, ``1,250``."""
    if value and value < 10:
        return f"{value:.1f}"
    return f"{value:,.0f}"


def count(value: int) -> str:
    """A number with thousands separators."""
    return f"{value:,}"


def tone_of_share(share: float | None) -> str:
    """The tone of a share of success."""
    if share is None:
        return "mute"
    if share >= 0.99:
        return "good"
    return "warn" if share >= 0.9 else "bad"


def tone_of_status(status: int) -> str:
    """The tone of an HTTP status; 0 is none."""
    if 200 <= status < 300:
        return "good"
    return "warn" if status in (408, 429) else "bad"


def parted(text: str, end: str = "") -> tuple[str, str]:
    """A text as two parts, of which a narrow list may cut the first: its end is kept.

    Args:
        text: The whole text.
        end: The part that is kept, such as ``:v1`` of an image; empty: the last characters.
    """
    kept = len(end) or (_kept(text) if len(text) > 2 * KEPT else 0)
    return (text[: len(text) - kept], text[len(text) - kept :]) if kept else (text, "")


def _kept(text: str) -> int:
    """How much of the end is kept: of a sentence whole words."""
    space = text.find(" ", len(text) - 2 * KEPT)
    return len(text) - space if space >= 0 else KEPT


def sentence(text: str) -> str:
    """A reason as a sentence; empty: there is none."""
    stop = "" if text.endswith((".", "!", "?")) else "."
    return f"{text[:1].upper()}{text[1:]}{stop}" if text else ""


def pretty(text: str) -> str:
    """Formatted JSON; other text is unchanged."""
    if len(text) > MAX_PRETTY:
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def curl(method: str, uri: str, headers: Mapping[str, str], body: str) -> str:
    """A command that sends the same request; masked values must be filled in."""
    lines = [f"curl {_as_it_is(uri)}-X {shlex.quote(method)} {shlex.quote(uri)}"]
    for name, value in headers.items():
        if name.lower() not in ("host", "content-length"):
            lines.append(f"-H {shlex.quote(f'{name}: {value}')}")
    lines.append(f"--data-raw {shlex.quote(body)}")
    command = " \\\n  ".join(lines)
    if any(value == MASK for value in headers.values()):
        return f"# {MASK} stands for a value that Portcall does not keep\n{command}"
    return command


def _as_it_is(uri: str) -> str:
    """The options that keep curl from resolving dots, and from reading brackets as patterns."""
    dots = "--path-as-is " if re.search(r"/\.\.?(?:[/?]|$)", uri) else ""
    return f"{dots}--globoff " if re.search(r"[\[\]{}]", uri) else dots


def spark(values: Sequence[float | None], *, width: int = 96, height: int = 24) -> str:
    """The points of a sparkline of *values*, for an SVG of that size; empty: there is no line."""
    known = [value for value in values if value is not None]
    if len(values) < 2 or not known or max(known) == 0:
        return ""
    step, top = width / (len(values) - 1), max(known)
    return " ".join(
        f"{index * step:.1f},{height - 2 - (value or 0) / top * (height - 4):.1f}"
        for index, value in enumerate(values)
    )


def _utc(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
