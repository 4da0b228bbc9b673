"""Numbers as people read them in reports."""

from portcall.loadtest.measure.sections import NO_SAMPLES


def milliseconds(value: float | None) -> str:
    """Format a duration for people: three digits, in ms or s."""
    if value is None:
        return NO_SAMPLES
    if value >= 10_000:
        return f"{value / 1000:.1f} s"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} ms"


def size(count: float) -> str:
    """Format a number of bytes for people."""
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
