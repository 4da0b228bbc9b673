"""Admission: how many attempts an endpoint may have under way, and who waits."""

from collections import Counter

import pytest

from portcall.deliverer.endpoints.lane import FIRST_CAP
from tests.unit.deliverer.endpoints.lanes.samples import (
    PARK,
    START,
    WAIT,
    admissions,
    finish,
    lanes,
)


@pytest.mark.parametrize(
    ("max_cap", "max_in_flight", "started"),
    [(16, 100, 4), (4, 100, 4), (3, 100, 3), (1, 100, 1), (16, 2, 2), (16, 1, 1)],
)
def test_a_new_endpoint_starts_with_a_few(max_cap: int, max_in_flight: int, started: int) -> None:
    held = lanes(max_cap, max_in_flight)
    assert admissions(held, 7, 6) == [START] * started + [WAIT] * (6 - started)
    assert held.in_flight == started


def test_endpoints_do_not_share_a_cap() -> None:
    held = lanes()
    for webhook_id in range(10):
        assert admissions(held, webhook_id, FIRST_CAP) == [START] * FIRST_CAP


def test_nobody_overtakes_a_line() -> None:
    held = lanes(max_cap=1)
    assert admissions(held, 7, 2) == [START, WAIT]
    assert finish(held, 7, started=0.0, now=0.1, healthy=True) == ["7.1"]
    assert held.admit(7, "late", 0.2) is WAIT


@pytest.mark.parametrize(
    ("latency_s", "waiting"),
    [(0.1, 10), (0.3, 3), (0.5, 2), (0.99, 1), (1.0, 1), (1.1, 0), (15.0, 0)],
)
def test_a_line_is_as_long_as_can_be_gone_in_a_second(latency_s: float, waiting: int) -> None:
    held = lanes(max_cap=1)
    held.admit(7, "first", 0.0)
    finish(held, 7, started=0.0, now=latency_s)
    expected = [START] + [WAIT] * waiting + [PARK] * 3
    assert admissions(held, 7, 4 + waiting, now=latency_s) == expected


def test_a_larger_cap_has_a_longer_line() -> None:
    held = lanes(max_cap=4)
    held.admit(7, "first", 0.0)
    finish(held, 7, started=0.0, now=0.5)
    assert Counter(admissions(held, 7, 20, now=0.5)) == {START: 4, WAIT: 8, PARK: 8}


def test_a_hanging_endpoint_is_found_out_before_its_first_timeout() -> None:
    held = lanes()
    assert admissions(held, 7, 4) == [START] * 4
    assert held.admit(7, "soon", 0.5) is WAIT
    assert held.admit(7, "later", 5.0) is PARK
    assert held.look(5.0)[0] == ["soon"]
    assert held.admit(8, "another", 5.0) is START


def test_a_hanging_endpoint_comes_down_to_one_attempt_at_a_time() -> None:
    held = lanes()
    admissions(held, 7, 4)
    for _ in range(4):
        assert finish(held, 7, started=0.0, now=15.0, healthy=False) == []
    assert admissions(held, 7, 3, now=15.0) == [START, PARK, PARK]


def test_a_healthy_endpoint_comes_up_to_its_full_cap() -> None:
    held = lanes(max_cap=16)
    for n in range(20):
        held.admit(7, "item", float(n))
        finish(held, 7, started=float(n), now=n + 0.01)
    assert admissions(held, 7, 17, now=30.0) == [START] * 16 + [WAIT]


def test_an_endpoint_that_recovers_is_trusted_again() -> None:
    held = lanes(max_cap=8)
    for n in range(3):
        held.admit(7, "item", n * 20.0)
        finish(held, 7, started=n * 20.0, now=n * 20.0 + 15, healthy=False)
    for n in range(100, 130):
        held.admit(7, "item", n * 20.0)
        finish(held, 7, started=n * 20.0, now=n * 20.0 + 0.01)
    assert Counter(admissions(held, 7, 20, now=10_000.0)) == {START: 8, WAIT: 12}


@pytest.mark.parametrize(
    ("outcomes", "cap"),
    [
        ([], 4),
        ([True], 5),
        ([True] * 20, 16),
        ([False], 2),
        ([False, False], 1),
        ([False] * 9, 1),
        ([False, True, True], 4),
        ([None] * 9, 4),
        ([False, None, False], 1),
    ],
    ids=str,
)
def test_the_cap_grows_by_one_and_is_halved(outcomes: list[bool | None], cap: int) -> None:
    held = lanes(max_cap=16)
    for n, healthy in enumerate(outcomes):
        held.admit(7, "item", float(n))
        finish(held, 7, started=float(n), now=float(n), healthy=healthy)
    assert admissions(held, 7, 20, now=99.0).count(START) == cap


def test_what_was_not_sent_says_nothing_of_the_endpoint() -> None:
    held = lanes(max_cap=1)
    held.admit(7, "first", 0.0)
    finish(held, 7, started=0.0, now=60.0, healthy=None)
    assert admissions(held, 7, 3, now=60.0) == [START, WAIT, WAIT]
