"""A store that does not answer: deliveries go on, records wait, and who needs it says so."""

from pathlib import Path

import pytest

from tests.conftest import unavailable
from tests.faults.harness.lab import laboratory
from tests.faults.harness.stores import sqlite_locked
from tests.faults.runs import run_postgresql_killed
from tests.faults.scenarios.pressure import pressure
from tests.postgres import postgres_programs

pytestmark = pytest.mark.long


async def test_a_locked_sqlite_file(tmp_path: Path) -> None:
    async with laboratory(tmp_path) as lab:
        figures = await pressure(lab, sqlite_locked, for_s=14)

    assert figures["problems"] == []
    assert figures["roles_that_died"] == []
    said = figures["said"]
    assert isinstance(said, dict) and "locked" in said["recorder-1"]["store"]


async def test_a_postgresql_that_is_away(tmp_path: Path) -> None:
    if postgres_programs() is None:
        unavailable("PostgreSQL is not installed (apt-get install postgresql)")
    figures = await run_postgresql_killed(tmp_path, {"for_s": 8})

    assert figures["problems"] == []
    assert figures["roles_that_died"] == []
    assert "does not answer" in figures["said"]["recorder-1"]["store"]
