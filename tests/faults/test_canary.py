"""A canary run: faults and bad input leave no secret anywhere."""

from pathlib import Path

import pytest
from yarl import URL

from portcall.cli.up.broker import PrivateBroker
from tests.canary import Canary, in_files
from tests.conftest import unavailable
from tests.faults.harness import places
from tests.faults.harness.lab import laboratory
from tests.faults.harness.mirror import mirror
from tests.faults.scenarios.hostility import hostility
from tests.faults.scenarios.marked import Marked, environ_of
from tests.postgres import PrivatePostgres, postgres_programs


async def searched(marked: Marked, canary: Canary) -> None:
    """The run, the search; and the same search again with a mark in every kind of place."""
    await marked.run()
    assert canary.found(await marked.places()) == []
    assert places.readable_by_others(marked.lab.installation.home) == []
    planted = set(canary.marks)
    await marked.plant()
    found = canary.found(await marked.places())
    seen = {each.partition(": ")[2] for each in found}
    assert seen == set(canary.marks) - planted
    assert {each.split(" ")[0].removesuffix(":") for each in found} >= {
        *("answers", "logs", "rows", "messages", "metrics", "file"),
    }


async def test_faults_and_bad_input_leave_no_secret_anywhere(
    tmp_path: Path, canary: Canary
) -> None:
    environ = environ_of(canary)
    async with mirror() as endpoints, laboratory(tmp_path, environ) as lab:
        await searched(Marked(lab, canary, endpoints, every_command=3), canary)


@pytest.mark.long
async def test_nor_do_they_where_the_broker_and_postgresql_run_elsewhere(
    tmp_path: Path, canary: Canary, amqp_url: str, private_broker: PrivateBroker
) -> None:
    """Two of each role; their passwords are in URLs; the default masks; hostile endpoints, too."""
    programs = postgres_programs()
    if programs is None:
        unavailable("PostgreSQL is not installed (apt-get install postgresql)")
    cluster = PrivatePostgres(programs)
    canary.know("the broker's password", URL(amqp_url).password or "")
    try:
        await cluster.start()
        database = URL(cluster.create_database("canary")).with_password(canary.mark("database"))
        environ = environ_of(canary) | {
            "PORTCALL_AMQP_URL": amqp_url,
            "PORTCALL_DATABASE_URL": str(database),
            "PORTCALL_MASK_HEADERS": "secrets",
        }
        arguments = ("--routers", "2", "--deliverers", "2")
        async with mirror() as endpoints, laboratory(tmp_path, environ, arguments) as lab:
            marked = Marked(lab, canary, endpoints, header="X-Team-Token")
            await searched(marked, canary)
            await hostility(lab, events=3, well_events=20, rate=40, settle_s=60)
            canary.marks = {name: mark for name, mark in canary.marks.items() if "in a" not in name}
            elsewhere = {
                "PostgreSQL's files": in_files(cluster.folder),
                "the broker's log": in_files(private_broker.folder.path, "**/*.log"),
            }
            assert canary.found({**await marked.places(), **elsewhere}) == []
    finally:
        await cluster.stop()
