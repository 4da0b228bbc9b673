"""A broker that hangs, restarts, or has an alarm: everybody waits, says so, and goes on."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.harness.cluster_lab import cluster_laboratory
from tests.faults.harness.lab import Lab, laboratory
from tests.faults.harness.node import disk_alarm, memory_alarm
from tests.faults.scenarios.broker_away import broker_away
from tests.faults.scenarios.leader import leader_killed
from tests.faults.scenarios.pressure import Trouble, pressure

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.long,
]
RESUMED_S = 15.0
PUBLISH = {"producer-1", "router-1", "deliverer-1", "recorder-1", "management-1"}
"""Each has a publisher, and reports an alarm even if it has nothing to publish."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Lab]:
    """An installation for all tests of this module."""
    async with laboratory(tmp_path_factory.mktemp("broker")) as lab:
        yield lab


@pytest.fixture
def lab(shared: Lab) -> Lab:
    """The installation, with nothing of the test before."""
    shared.begin()
    return shared


@pytest.mark.parametrize(
    ("how", "for_s"),
    [
        pytest.param(signal.SIGSTOP, 8.0, id="hangs"),
        pytest.param(signal.SIGKILL, 0.0, id="is killed"),
        pytest.param(signal.SIGTERM, 0.0, id="is restarted"),
    ],
)
async def test_a_broker_that(lab: Lab, how: signal.Signals, for_s: float) -> None:
    figures = await broker_away(lab, how=how, for_s=for_s, before_s=3, after_s=6)

    assert figures["problems"] == []
    assert figures["given_up"] == 0
    assert figures["roles_that_died"] == []
    for name in ("accepted_again_after_s", "posted_again_after_s", "all_ready_after_s"):
        after_s = figures[name]
        assert isinstance(after_s, float) and after_s < RESUMED_S, name


@pytest.mark.parametrize(
    "alarm", [pytest.param(memory_alarm, id="memory"), pytest.param(disk_alarm, id="disk")]
)
async def test_an_alarm_is_told_and_clears_without_a_restart(lab: Lab, alarm: Trouble) -> None:
    figures = await pressure(lab, alarm, for_s=6)

    assert figures["problems"] == []
    assert figures["roles_that_died"] == []
    assert figures["given_up"] == 0
    said = figures["said"]
    assert isinstance(said, dict)
    for role, problems in said.items():
        assert any("memory or disk" in problem for problem in problems.values()), role
    assert set(said) == PUBLISH
    ready_again_s = figures["ready_again_after_s"]
    assert isinstance(ready_again_s, float) and ready_again_s < RESUMED_S


async def test_a_cluster_that_loses_the_leader_of_its_queues(tmp_path: Path) -> None:
    async with cluster_laboratory(tmp_path) as (lab, cluster, line):
        figures = await leader_killed(lab, cluster, line, rate=100, before_s=4, after_s=15)

    assert figures["problems"] == []
    assert figures["given_up"] == 0
    led = figures["queues_led_by_the_killed"]
    assert isinstance(led, int) and led > 0
    resumed_s = figures["posted_again_after_s"]
    assert isinstance(resumed_s, float) and resumed_s < RESUMED_S
