"""Write docs/performance.md and its plots from the results: ``python benchmarks/page.py``.

It needs matplotlib, which stands in requirements/bench.txt; `run.py` calls it with that.
"""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    runpy.run_module("benchmarks.pages.write", run_name="__main__")
