"""Timestamps in ACR's form, and the units that Portcall keeps time in.

Inside Portcall time is an integer of milliseconds since the Unix epoch (``*_ms``). On the outside
it is RFC 3339 in UTC with seven fractional digits and ``Z``, as the real service writes it. The
digits of a sender's time are kept, up to nine: the real service has sent nine, too.

An event's time may be written in more forms than those of RFC 3339 (`sent_timestamp`); an argument
of an API may not (`parse_timestamp`). docs/decisions/0027 lists the forms.

Source: recorded ACR traffic (``2021-12-30T21:06:39.5160873Z``); RFC 3339 section 5.6; ISO 8601 for
the comma, the zone without a colon and 24:00.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from portcall.schemas.errors import InvalidValueError

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt](?!24)\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)
SENT_PATTERN = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]{1,40})?"
    r"([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)?"
)
"""The form of a sender's time, for descriptions of our interfaces."""
_SENT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[Tt ](?P<clock>\d\d:\d\d:\d\d)(?:[.,](?P<fraction>\d{1,40}))?"
    r"(?:[Zz]|(?P<sign>[+-])(?P<hours>\d\d)(?::?(?P<minutes>\d\d))?)?",
    re.ASCII,
)
_LAST_UNKNOWN_YEAR = 1970
_NO_YEARS = ("0000", "0001")
_DIGITS = 7
_MAX_DIGITS = 9


def acr_timestamp(ms: int) -> str:
    """Write *ms* (since the epoch) as ACR does, e.g. ``2026-03-04T10:20:30.1230000Z``."""
    return f"{_second(ms // 1000)}.{ms % 1000:03d}0000Z"


@lru_cache(maxsize=16)
def _second(epoch_s: int) -> str:
    """A second as text; most calls are about the current one."""
    return _seconds(datetime.fromtimestamp(epoch_s, UTC))


def sent_timestamp(text: str, field: str = "timestamp") -> str | None:
    """Read a sender's time and write it in UTC, with seven to nine digits and ``Z``.

    Missing digits are filled with zeros, those after the ninth are cut. A time without a zone is
    UTC. None: the sender does not know the time. Programs write that as an empty text, or as the
    first moment of their calendar (0000, 0001 and 1970).

    Raises:
        InvalidValueError: *text* is no date and time.
    """
    if not text:
        return None
    match = _SENT.fullmatch(text)
    if match is None:
        raise InvalidValueError(
            field, f"{text[:64]!r} is not an RFC 3339 date and time, as in 2026-03-04T10:20:30Z"
        )
    day, clock, fraction, sign = match.group("day", "clock", "fraction", "sign")
    if day.startswith(_NO_YEARS):
        return None
    if sign is None and _is_real(day, clock):  # as nearly every program writes it
        return f"{day}T{clock}.{(fraction or '')[:_MAX_DIGITS].ljust(_DIGITS, '0')}Z"
    moment = _moment(match, text, field)
    if moment.year <= _LAST_UNKNOWN_YEAR:
        return None
    return _written(moment, fraction)


def normalised_timestamp(text: str, field: str = "timestamp") -> str:
    """Check an RFC 3339 timestamp and write it in ACR's form: UTC, seven digits, ``Z``.

    Digits beyond the seventh are cut, so that such timestamps sort as texts.

    Raises:
        InvalidValueError: *text* is not an RFC 3339 date and time with a zone.
    """
    match = _SENT.fullmatch(text) if _RFC3339.fullmatch(text) else None
    if match is None:
        raise InvalidValueError(
            field, f"{text[:64]!r} is not an RFC 3339 date and time with a zone"
        )
    return _written(_moment(match, text, field), match["fraction"], _DIGITS)


def parse_timestamp(text: str, field: str = "timestamp") -> int:
    """Read an RFC 3339 timestamp as milliseconds since the epoch.

    Raises:
        InvalidValueError: As for `normalised_timestamp`.
    """
    normalised = normalised_timestamp(text, field)
    moment = datetime.fromisoformat(normalised[:19]).replace(tzinfo=UTC)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return (moment - epoch) // timedelta(milliseconds=1) + int(normalised[20:23])


def _is_real(day: str, clock: str) -> bool:
    """Whether it is a second after 1970 that every calendar has."""
    if clock.startswith("24"):  # the end of a day, which Python 3.14 reads
        return False
    try:
        return datetime.fromisoformat(f"{day}T{clock}").year > _LAST_UNKNOWN_YEAR
    except ValueError:
        return False


def _moment(match: re.Match[str], text: str, field: str) -> datetime:
    """The second that a match names, in UTC.

    A leap second and 24:00 count as the first second of the next day, as in POSIX. A leap second is
    valid only as the last second of a day in UTC.
    """
    clock = match["clock"]
    ends_day, leaps = clock == "24:00:00", clock.endswith(":60")
    if ends_day:
        clock = "00:00:00"
    elif leaps:
        clock = f"{clock[:-2]}59"
    try:
        moment = datetime.fromisoformat(f"{match['day']}T{clock}").replace(tzinfo=UTC)
        moment += timedelta(days=1 if ends_day else 0) - _offset(match)
        return _after_leap(moment) if leaps else moment
    except (ValueError, OverflowError) as error:
        raise InvalidValueError(field, f"{text[:64]!r} is not a real date and time") from error


def _after_leap(moment: datetime) -> datetime:
    """The second after a leap second, whose predecessor is *moment*.

    Raises:
        ValueError: *moment* is not the last second of its day.
    """
    if (moment.hour, moment.minute) != (23, 59):
        raise ValueError("a leap second in the middle of a day")
    return moment + timedelta(seconds=1)


def _offset(match: re.Match[str]) -> timedelta:
    """How far the zone is ahead of UTC.

    Raises:
        ValueError: By a day or more, or by 60 minutes.
    """
    if match["sign"] is None:
        return timedelta()
    hours, minutes = int(match["hours"]), int(match["minutes"] or 0)
    if hours > 23 or minutes > 59:
        raise ValueError("no time zone is that far from UTC")
    offset = timedelta(hours=hours, minutes=minutes)
    return offset if match["sign"] == "+" else -offset


def _written(moment: datetime, fraction: str | None, most: int = _MAX_DIGITS) -> str:
    digits = (fraction or "")[:most].ljust(_DIGITS, "0")
    return f"{_seconds(moment)}.{digits}Z"


def _seconds(moment: datetime) -> str:
    """Write *moment* up to its second; strftime's %Y would write the year 1, Go's zero, as "1"."""
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")
