"""Which Python runs the checkout that is measured."""

import sys
from pathlib import Path

from benchmarks.harness.toolchains import ROOT, python_of


def test_another_checkout_is_run_by_its_own_environment(tmp_path: Path) -> None:
    assert python_of(tmp_path) == sys.executable
    own = tmp_path / ".venv" / "bin" / "python"
    own.parent.mkdir(parents=True)
    own.touch()
    assert python_of(tmp_path) == str(own)


def test_this_checkout_is_run_by_the_python_of_the_run() -> None:
    assert python_of(ROOT) == sys.executable
