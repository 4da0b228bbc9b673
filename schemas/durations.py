"""Durations as people write them: ``10s``, ``1m``, ``500ms``, ``7d``, and lists of them."""

import re

from portcall.schemas.errors import InvalidValueError

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)", re.ASCII)


def parse_duration_ms(text: str, field: str = "duration") -> int:
    """Read one duration, e.g. ``10s`` or ``1.5h``, as milliseconds (more than zero).

    Raises:
        InvalidValueError: The text is not a number with one of the units ms, s, m, h, d.
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise InvalidValueError(
            field,
            f"{text[:32]!r} is not a duration; write a number and ms, s, m, h or d",
        )
    duration_ms = round(float(match[1]) * _UNIT_MS[match[2]])
    if duration_ms <= 0:
        raise InvalidValueError(field, f"{text[:32]!r} must be longer than nothing")
    return duration_ms


def parse_limit_ms(text: str, field: str = "limit") -> int:
    """Read a duration that may be ``none``: then it is 0.

    Raises:
        InvalidValueError: As for `parse_duration_ms`.
    """
    return 0 if text.strip().lower() == "none" else parse_duration_ms(text, field)


def format_limit(limit_ms: int) -> str:
    """Write a duration as `parse_limit_ms` reads it."""
    return format_duration(limit_ms) if limit_ms else "none"


def format_duration(duration_ms: int) -> str:
    """Write a duration in its largest whole unit: 90 000 is ``90s``, 60 000 is ``1m``."""
    for unit in ("d", "h", "m", "s"):
        if duration_ms >= _UNIT_MS[unit] and duration_ms % _UNIT_MS[unit] == 0:
            return f"{duration_ms // _UNIT_MS[unit]}{unit}"
    return f"{duration_ms}ms"


def parse_schedule_ms(text: str, field: str = "retrySchedule") -> tuple[int, ...]:
    """Read a retry schedule, e.g. ``10s,1m,5m``: the delay before each attempt after the first.

    An empty text is a schedule without retries.

    Raises:
        InvalidValueError: An entry is no duration, is under 100 ms or over 24 h, or there are more
            than 50 entries.
    """
    entries = [entry for entry in text.split(",") if entry.strip()]
    return checked_schedule_ms(
        tuple(parse_duration_ms(entry, f"{field}[{i}]") for i, entry in enumerate(entries)), field
    )


def checked_schedule_ms(schedule_ms: tuple[int, ...], field: str) -> tuple[int, ...]:
    """Check the limits of a schedule: up to 50 entries, each from 100 ms to 24 h.

    Raises:
        InvalidValueError: The schedule exceeds a limit.
    """
    if len(schedule_ms) > 50:
        raise InvalidValueError(field, f"has {len(schedule_ms)} entries; at most 50 are allowed")
    for index, delay_ms in enumerate(schedule_ms):
        if not 100 <= delay_ms <= 86_400_000:
            raise InvalidValueError(
                f"{field}[{index}]", f"{format_duration(delay_ms)} is not between 100ms and 24h"
            )
    return schedule_ms
