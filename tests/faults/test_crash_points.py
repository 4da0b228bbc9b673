"""A role that dies between two of its effects loses nothing and makes nothing up."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.harness.crash_table import FAILS, REFUSES, SLOWISH, TABLE, Case
from tests.faults.harness.crashing import environment
from tests.faults.harness.lab import Lab, laboratory
from tests.faults.scenarios.crashes import DIRECT, EVENTS, crash

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def order_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where roles look for the order to die."""
    return tmp_path_factory.mktemp("crash") / "order"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(tmp_path_factory: pytest.TempPathFactory, order_file: Path) -> AsyncIterator[Lab]:
    """An installation whose roles have crash points."""
    folder = tmp_path_factory.mktemp("crashes")
    async with laboratory(folder, environment(order_file) | DIRECT) as lab:
        yield lab


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=[] if case.quick else [pytest.mark.long])
        for case in TABLE
    ],
)
async def test_a_death_between_two_effects(lab: Lab, order_file: Path, case: Case) -> None:
    verdict = await crash(lab, order_file, case)

    assert verdict.problems == []
    assert verdict.accepted == EVENTS * case.fan_out
    if case.script in (FAILS, SLOWISH):
        assert verdict.given_up == (verdict.accepted if case.script is FAILS else 0)
    if case.script is REFUSES:
        assert (verdict.refused, verdict.given_up) == (verdict.accepted, 0)
        assert verdict.posts < 2 * verdict.accepted  # repeated by the crash, not by the schedule
        registry = lab.endpoints[0].registry
        code, out, told = await lab.installation.portcall(
            "audit", "-r", registry, "--wait", "20s", "-o", "json"
        )
        assert code == 0, f"{out}\n{told}"
        (account,) = json.loads(out)["registries"]
        assert (account["accepted"], account["refused"]) == (verdict.accepted, verdict.accepted)
        assert (account["missing"], account["unexpected"]) == (0, 0)
    if not case.repeats:
        assert verdict.duplicates == []
    # A frame has at most 64 deliveries, and at most all of them were in the dead role's hands.
    assert len(verdict.duplicates) <= EVENTS * case.fan_out
