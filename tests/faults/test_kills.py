"""Every role and the broker die again and again, under load: nothing is lost or made up."""

import signal
from pathlib import Path

import pytest

from tests.faults.harness.injector import BROKER, ROLES
from tests.faults.harness.lab import laboratory
from tests.faults.scenarios.crashes import DIRECT
from tests.faults.scenarios.kills import kills


async def test_nothing_is_lost_however_often_everybody_is_killed(tmp_path: Path) -> None:
    async with laboratory(tmp_path) as lab:
        figures = await kills(lab, deliveries=1500, rate=100, every_s=1.5)

    assert figures["problems"] == []
    assert figures["deliveries"] == 1500
    assert figures["given_up"] == figures["cancelled"] == 0
    signals = figures["signals"]
    assert isinstance(signals, dict)
    assert set(signals) == {f"SIGKILL {whom}" for whom in (*ROLES, BROKER)}


async def test_nothing_of_what_takes_no_router_is_lost_either(tmp_path: Path) -> None:
    async with laboratory(tmp_path, DIRECT) as lab:
        figures = await kills(lab, deliveries=1800, rate=40, every_s=1.5, fan_out=3, batch=1)

    assert figures["problems"] == []
    assert figures["deliveries"] == 1800
    assert figures["given_up"] == figures["cancelled"] == 0


@pytest.mark.long
async def test_two_of_each_lose_nothing_either(tmp_path: Path) -> None:
    async with laboratory(tmp_path, {}, ("--routers", "2", "--deliverers", "2")) as lab:
        figures = await kills(
            lab, deliveries=3000, rate=200, every_s=1.5, roles=("router", "deliverer", "recorder")
        )

    assert figures["problems"] == []
    assert figures["deliveries"] == 3000


@pytest.mark.long
async def test_an_orderly_end_makes_no_duplicate(tmp_path: Path) -> None:
    async with laboratory(tmp_path) as lab:
        figures = await kills(
            lab, deliveries=3000, rate=150, every_s=1.5, number=signal.SIGTERM, roles=ROLES
        )

    assert figures["problems"] == []
    by_cause = figures["duplicates_by_cause"]
    # The producer may go between the broker's confirm and its own answer's last byte.
    assert set(by_cause) <= {"it was published again"}  # type: ignore[call-overload]
