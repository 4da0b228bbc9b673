"""Numbers as people write them: 500, 2.5k, 1M, 2kB, 1MiB; and back, with two or three digits."""

import re

from portcall.cli.errors import UsageError

_AMOUNT = re.compile(r"(\d{1,12}(?:\.\d{1,6}|,(?!\d{3}(?!\d))\d{1,6})?)\s?([kKmM]?)", re.ASCII)
"""A comma before three digits is refused: in 1,000 it may mean either."""
_BYTES = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s?([kKmMgG]?i?)[bB]?", re.ASCII)
_FACTORS = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


def amount_of(text: str, option: str, *, low: float, high: float) -> float:
    """A number, such as 500, 2.5k or 1M.

    Raises:
        UsageError: It is none, or not between *low* and *high*.
    """
    match = _AMOUNT.fullmatch(text.strip())
    if not match:
        raise UsageError(f"{option}: must be a number such as 500, 2.5k or 1M, not {text!r}")
    found = float(match[1].replace(",", ".")) * _FACTORS[match[2].lower()]
    if not low <= found <= high:
        raise UsageError(f"{option}: must be {short(low)} to {short(high)}, not {text}")
    return found


def bytes_of(text: str, option: str) -> float:
    """A size in bytes, such as 600, 2kB or 1MiB.

    Raises:
        UsageError: It is none.
    """
    match = _BYTES.fullmatch(text.strip())
    if not match or (match[2] == "i"):
        raise UsageError(f"{option}: must be a size such as 600, 2kB or 1MiB, not {text!r}")
    return float(match[1]) * _FACTORS[match[2].lower()]


def short(number: float) -> str:
    """A number with as many digits as it deserves: 0.04, 7.5, 312, 28,000."""
    if number >= 100 or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2g}"


def lasting(minutes: float) -> str:
    """A duration in minutes, hours or days: 18.7 min, 3.1 h."""
    if minutes < 90:
        return f"{short(minutes)} min"
    if minutes < 48 * 60:
        return f"{short(minutes / 60)} h"
    return f"{short(minutes / 60 / 24)} days"
