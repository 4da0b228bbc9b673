"""Run the benchmarks: ``python benchmarks/run.py --short|--full [NAME...]``."""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    runpy.run_module("benchmarks.main", run_name="__main__")
