"""The upgrades of a cluster that docs/upgrades.md describes: its commands, under load.

No two versions that Debian has run in one cluster, so a node is started again with its own version
where the page upgrades it. A move to a new cluster is one to another version.
"""

from pathlib import Path

import pytest

from portcall.cli.up.broker import server_script
from portcall.cli.up.node_version import installed_version
from tests.faults.harness.cluster import SIZE, clustered
from tests.faults.harness.cluster_lab import cluster_laboratory
from tests.faults.scenarios.cluster_upgrades import moved, one_by_one
from tests.rabbit import unpacked_server

pytestmark = pytest.mark.long
NEWEST = "4.3"
BEFORE = "4.0"


@pytest.fixture
def other() -> Path:
    """The newest rabbitmq-server; if the tests already run on that, an older one."""
    own = installed_version(server_script())
    series = BEFORE if str(own).startswith(f"{NEWEST}.") else NEWEST
    script = unpacked_server(series)
    if script is None:
        pytest.skip(f"scripts/rabbitmq-root {series} has not unpacked it")
    return script


async def test_each_node_of_a_cluster_is_taken_out_and_comes_back(tmp_path: Path) -> None:
    async with cluster_laboratory(tmp_path) as (lab, cluster, _):
        figures = await one_by_one(lab, cluster, rate=50)

    assert figures["problems"] == []
    assert figures["given_up"] == 0
    events, led = figures["events"], figures["queues_led"]
    assert isinstance(events, int) and events > 100
    assert figures["audit"] == 0
    assert figures["audited"] == {"delivered": figures["deliveries"], "pending": 0, "missing": 0}
    assert isinstance(led, list) and sum(led) > 0, "no node led a queue"
    assert figures["members"] == SIZE


async def test_an_installation_moves_to_a_new_cluster_of_another_version(
    tmp_path: Path, other: Path
) -> None:
    (tmp_path / "new").mkdir()
    async with (
        cluster_laboratory(tmp_path) as (lab, old, _),
        clustered(tmp_path / "new", other) as new,
    ):
        figures = await moved(lab, old, new, events=100)

    assert figures["problems"] == []
    assert figures["given_up"] == 0
    assert figures["drained"] == [True, 0, 0]
    assert figures["left_on_the_old"] == {}
    assert figures["refused"] == [(503, True), (503, True)]
    sent_again = figures["refused_and_sent_again"]
    assert isinstance(sent_again, int) and sent_again > 0
    assert figures["intake"] == "started"
    assert figures["audit"] == 0
    assert figures["audited"] == {"delivered": figures["deliveries"], "pending": 0, "missing": 0}
    versions = figures["versions"]
    assert isinstance(versions, list) and versions[0] != versions[1]
    assert figures["members"] == SIZE
    assert figures["queues_that_differ"] == []
