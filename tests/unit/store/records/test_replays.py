"""Replays and the standing of webhooks on SQLite."""

from itertools import pairwise

from portcall.store.webhooks.health import DAY_MS, HOUR_MS, next_probe_ms
from tests.unit.store.contract.replays import (
    SelectingContract,
    StandingContract,
    WorkingContract,
)


class TestSelecting(SelectingContract):
    """On SQLite."""


class TestWorking(WorkingContract):
    """On SQLite."""


class TestStanding(StandingContract):
    """On SQLite."""


def test_the_pause_between_probes_doubles_up_to_a_day() -> None:
    at = [0]
    for _ in range(8):
        at.append(next_probe_ms(0, at[-1]))
    pauses = [after - before for before, after in pairwise(at)]
    assert [pause / HOUR_MS for pause in pauses] == [1, 2, 4, 8, 16, 24, 24, 24]
    assert pauses[-1] == DAY_MS


def test_the_first_pause_may_be_another() -> None:
    assert next_probe_ms(1_000, 0, 2_000) == 3_000
    assert next_probe_ms(1_000, 3_000, 2_000) == 7_000
    assert next_probe_ms(1_000, 0, 2 * DAY_MS) == 1_000 + 2 * DAY_MS
