"""``.hgrm``: the percentile distribution for the HDR histogram tools; in ms."""

import io
import re

from portcall.loadtest.measure.metrics import samples
from portcall.loadtest.measure.sections import NO_SAMPLES
from portcall.loadtest.report.result import Result

_TO_MS = 1000.0
_DEVIATION = re.compile(r"(StdDeviation +=) +[\d.]+")


def render(result: Result) -> str:
    """Return the distribution from the planned time."""
    out = io.BytesIO()
    found = samples(result.measured.cells)
    histogram = found.histogram()
    histogram.output_percentile_distribution(out, _TO_MS)
    # The library scales the mean, but not the deviation beside it.
    deviation = f"{histogram.get_stddev() / _TO_MS:12.3f}"
    text = _DEVIATION.sub(rf"\1 {deviation}", out.getvalue().decode())
    return text if found.count else f"#[{NO_SAMPLES}: each 0 below is none]\n{text}"
