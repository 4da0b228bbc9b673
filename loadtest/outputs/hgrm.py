"""``.hgrm``: the percentile distribution that the HDR histogram tools read and plot; in ms."""

import io

from loadtest.result import Result

_TO_MS = 1000.0


def render(result: Result) -> str:
    """The distribution from the planned time."""
    out = io.BytesIO()
    result.measured.scheduled().histogram().output_percentile_distribution(out, _TO_MS)
    return out.getvalue().decode()
