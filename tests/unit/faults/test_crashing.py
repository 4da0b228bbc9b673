"""Crash points are calls of the product: the calls exist."""

import os
import subprocess
import sys
from pathlib import Path

from tests import ROOT
from tests.faults.harness.crashing import environment


def test_every_call_that_roles_may_die_at_exists(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "from tests.faults.harness.crashing import arm; arm()"],
        env=os.environ | environment(tmp_path / "order"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
