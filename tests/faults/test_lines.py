"""Lines to the broker and to the consumers that are cut, go deaf, are slow: nothing is lost."""

from pathlib import Path

import pytest

from portcall.cli.up.broker import PrivateBroker
from tests.faults.scenarios.lines import broker_line_laboratory, lines, sink_line_laboratory


async def test_a_bad_line_to_the_broker(tmp_path: Path, private_broker: PrivateBroker) -> None:
    async with broker_line_laboratory(tmp_path, private_broker) as (lab, line):
        figures = await lines(lab, line, "broker line", for_s=1.5)

    assert figures["problems"] == []
    assert figures["roles_that_died"] == []
    assert figures["given_up"] == 0


@pytest.mark.long
async def test_a_bad_line_to_the_consumers(tmp_path: Path) -> None:
    async with sink_line_laboratory(tmp_path) as (lab, line):
        figures = await lines(lab, line, "sink line", for_s=2.0)

    assert figures["problems"] == []
    assert figures["roles_that_died"] == []
    assert figures["given_up"] == 0
