"""Sick endpoints and an outage of all of them: what the healthy and the fresh notice."""

from pathlib import Path

import pytest

from tests.faults.harness.lab import laboratory
from tests.faults.scenarios.isolation import isolation, pause
from tests.faults.scenarios.outage import outage

pytestmark = [pytest.mark.timeout(600), pytest.mark.long]


async def test_healthy_endpoints_hardly_notice_that_a_fifth_hangs(tmp_path: Path) -> None:
    async with laboratory(tmp_path) as lab:
        figures = await isolation(lab, endpoints=20, sick=4, rate=60, for_s=8, burst=2000)

    assert figures["problems"] == []
    # Short runs on shared cores: the figures proper are made by run.py.
    p99_ratio, throughput_ratio = figures["p99_ratio"], figures["throughput_ratio"]
    assert isinstance(p99_ratio, float) and p99_ratio < 10
    assert isinstance(throughput_ratio, float) and throughput_ratio > 0.4


async def test_an_endpoint_that_asks_for_a_pause_holds_up_nobody(tmp_path: Path) -> None:
    async with laboratory(tmp_path, {"PORTCALL_RETRY_SCHEDULE": "1s,2s,4s,8s,16s"}) as lab:
        figures = await pause(lab, endpoints=5, events=40, rate=50)

    assert figures["problems"] == []
    assert figures["given_up"] == 0


async def test_an_outage_of_everybody_drains(tmp_path: Path) -> None:
    async with laboratory(tmp_path, {"PORTCALL_RETRY_SCHEDULE": "1s,2s,4s,8s,16s,30s"}) as lab:
        figures = await outage(lab, rate=60, before_s=5, down_s=15, after_s=15)

    assert figures["problems"] == []
    assert figures["given_up"] == 0
