"""Times in the formats of senders, from microseconds since the epoch."""

from datetime import UTC, datetime


def rfc3339(at_us: int, digits: int = 0) -> str:
    """In UTC with ``Z`` and so many fractional digits, e.g. ``2026-03-04T10:20:30.1234567Z``."""
    moment = datetime.fromtimestamp(at_us // 1_000_000, UTC).replace(tzinfo=None)
    fraction = f".{f'{at_us % 1_000_000:06d}'.ljust(digits, '0')[:digits]}" if digits else ""
    return f"{moment.isoformat(timespec='seconds')}{fraction}Z"
