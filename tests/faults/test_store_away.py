"""A store that does not answer: deliveries go on, records wait, and who needs it says so."""

from pathlib import Path

import pytest

from tests.faults.harness.lab import laboratory
from tests.faults.harness.stores import postgres_stopped, sqlite_locked
from tests.faults.scenarios.pressure import pressure
from tests.postgres import PrivatePostgres

pytestmark = [pytest.mark.timeout(300), pytest.mark.long]


async def test_a_locked_sqlite_file(tmp_path: Path) -> None:
    async with laboratory(tmp_path) as lab:
        figures = await pressure(lab, sqlite_locked, for_s=14)

    assert figures["problems"] == []
    assert figures["roles_that_died"] == []
    said = figures["said"]
    assert isinstance(said, dict) and "locked" in said["recorder-1"]["store"]


async def test_a_postgresql_that_is_away(tmp_path: Path, private_postgres: PrivatePostgres) -> None:
    url = private_postgres.create_database("faults", template="migrated")
    async with laboratory(tmp_path, {"PORTCALL_DATABASE_URL": url}) as lab:
        figures = await pressure(lab, postgres_stopped(private_postgres), for_s=8)

    assert figures["problems"] == []
    assert figures["roles_that_died"] == []
    said = figures["said"]
    assert isinstance(said, dict) and "does not answer" in said["recorder-1"]["store"]
