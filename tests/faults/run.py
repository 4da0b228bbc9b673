"""Make the figures of docs/reliability.md: ``tests/faults/run.py NAME...``; see `main`."""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    runpy.run_module("tests.faults.main", run_name="__main__")
