#!/usr/bin/env bash
# hdrhistogram 0.10.8 (Python): in a percentile distribution that is scaled, the standard deviation
# is not.
#
# Expected: output_percentile_distribution(out, 1000.0) divides what was recorded in microseconds, so
# that the file is in milliseconds: Value, Mean, Max and StdDeviation. The two in one line, at least.
# Happens: "#[Mean = 20.00000, StdDeviation = 10000.00000]": the mean is in ms, the deviation in us.
# Matters to: everybody who publishes or plots .hgrm files: the deviation is a thousand times the mean's
# unit, and looks like a consumer that cannot be relied on.
# The guess before: both are scaled.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages hdrhistogram==0.10.8
python3 - <<'PY' | described '#[Mean    =     20.00000, StdDeviation   =  10000.00000]
as recorded: mean 20000, deviation 10000'
import io

from hdrh.histogram import HdrHistogram

histogram = HdrHistogram(1, 3_600_000_000, 5)
for microseconds in (10_000, 30_000):
    histogram.record_value(microseconds)
out = io.BytesIO()
histogram.output_percentile_distribution(out, 1000.0)
print(next(line for line in out.getvalue().decode().splitlines() if "StdDeviation" in line))
print(f"as recorded: mean {histogram.get_mean_value():.0f}, deviation {histogram.get_stddev():.0f}")
PY
