"""The time of day, in the unit that Portcall keeps time in."""

import time


def now_ms() -> int:
    """The time, milliseconds since the epoch."""
    return time.time_ns() // 1_000_000
