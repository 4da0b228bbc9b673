"""Timestamps in ACR's form, and the units that Portcall keeps time in.

Inside Portcall time is an integer of milliseconds since the Unix epoch (``*_ms``). On the outside
it is RFC 3339 in UTC with seven fractional digits and ``Z``, as the real service writes it.

Source: recorded ACR traffic (``2021-12-30T21:06:39.5160873Z``).
"""

import re
from datetime import UTC, datetime, timedelta

from schemas.errors import InvalidValueError

_RFC3339 = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[Tt](?P<clock>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d{1,9}))?"
    r"(?P<zone>[Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)


def acr_timestamp(ms: int) -> str:
    """Write *ms* (since the epoch) as ACR does, e.g. ``2026-03-04T10:20:30.1230000Z``."""
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{_seconds(moment)}.{ms % 1000:03d}0000Z"


def normalised_timestamp(text: str, field: str = "timestamp") -> str:
    """Check an RFC 3339 timestamp and write it in ACR's form: UTC, seven digits, ``Z``.

    Digits beyond the seventh are cut, as ACR's own clock has none.

    Raises:
        InvalidValueError: *text* is not an RFC 3339 date and time with a zone.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise InvalidValueError(
            field, f"{text[:64]!r} is not an RFC 3339 date and time with a zone"
        )
    fraction = ((match["fraction"] or "") + "0000000")[:7]
    zone = match["zone"].upper().replace("Z", "+00:00")
    try:
        moment = datetime.fromisoformat(f"{match['day']}T{match['clock']}{zone}").astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidValueError(field, f"{text[:64]!r} is not a real date and time") from error
    return f"{_seconds(moment)}.{fraction}Z"


def parse_timestamp(text: str, field: str = "timestamp") -> int:
    """Read an RFC 3339 timestamp as milliseconds since the epoch.

    Raises:
        InvalidValueError: As for `normalised_timestamp`.
    """
    normalised = normalised_timestamp(text, field)
    moment = datetime.fromisoformat(normalised[:19]).replace(tzinfo=UTC)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return (moment - epoch) // timedelta(milliseconds=1) + int(normalised[20:23])


def _seconds(moment: datetime) -> str:
    """Write *moment* up to its second; strftime's %Y would write the year 1, Go's zero, as "1"."""
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")
