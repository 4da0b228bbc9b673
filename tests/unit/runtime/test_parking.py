"""Aside: deliveries to endpoints that are left alone go to the ladder at once."""

import pytest

from portcall.runtime import parking as parking_module
from portcall.runtime.parking import Parking
from portcall.schemas.health import encode_news

NOW_MS = 1_772_619_630_123


class Clock:
    def __init__(self) -> None:
        self.ms = NOW_MS

    def __call__(self) -> int:
        return self.ms


def parking(webhooks: dict[int, int], clock: Clock | None = None) -> Parking:
    made = Parking(clock or Clock(), chance=lambda: 1.0)
    made.hear(encode_news(webhooks))
    return made


@pytest.mark.parametrize(
    ("left_ms", "rung_ms"),
    [(499, 0), (500, 500), (1_999, 500), (2_000, 2_000), (59_999, 10_000), (300_000, 300_000)],
)
def test_the_rung_ends_before_the_endpoint_may_be_asked(left_ms: int, rung_ms: int) -> None:
    assert parking({7: NOW_MS + left_ms}).rung_ms(7) == rung_ms


def test_a_delivery_is_due_when_the_endpoint_may_be_asked_or_a_little_later() -> None:
    made = parking({7: NOW_MS + 10_000}).delivery(3, 7)
    assert (made.event, made.webhook_id, made.attempt, made.parks) == (3, 7, 1, 1)
    assert (made.not_before_ms, made.due_ms) == (NOW_MS + 10_000, NOW_MS + 11_000)


def test_others_go_the_usual_way() -> None:
    assert parking({7: NOW_MS + 10_000}).rung_ms(8) == 0


def test_an_endpoint_that_is_well_again_is_told_so() -> None:
    found = parking({7: NOW_MS + 10_000})
    found.hear(encode_news({7: 0}))
    assert found.rung_ms(7) == 0


def test_news_end_by_themselves() -> None:
    clock = Clock()
    found = parking({7: NOW_MS + 10_000}, clock)
    clock.ms += 10_001
    assert found.rung_ms(7) == 0
    assert not found._until


def test_news_that_are_over_end_nothing() -> None:
    """A deliverer that was stopped for a minute once ended what was found out meanwhile."""
    found = parking({7: NOW_MS + 10_000})
    found.hear(encode_news({7: NOW_MS - 30_000}, NOW_MS - 60_000))
    assert found.rung_ms(7) == 10_000
    found.hear(encode_news({7: 0}, NOW_MS - 60_000))
    assert found.rung_ms(7) == 10_000
    found.hear(encode_news({7: 0}, NOW_MS - 1_000))
    assert found.rung_ms(7) == 0


def test_a_deliverer_whose_clock_is_wrong_puts_nothing_aside_for_a_day() -> None:
    found = parking({7: NOW_MS + 86_400_000})
    assert found.rung_ms(7) == parking_module.MAX_MS
    assert found.delivery(0, 7).not_before_ms == NOW_MS + parking_module.MAX_MS


def test_garbage_is_no_news() -> None:
    found = parking({7: NOW_MS + 10_000})
    found.hear(b"garbage")
    assert found.rung_ms(7) == 10_000


def test_what_is_over_makes_room_for_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking_module, "MAX_WEBHOOKS", 2)
    clock = Clock()
    found = parking({1: NOW_MS + 10_000, 2: NOW_MS + 60_000, 3: NOW_MS + 60_000}, clock)
    assert found.rung_ms(3) == 0
    clock.ms += 11_000
    found.hear(encode_news({3: NOW_MS + 60_000}))
    assert [found.rung_ms(each) for each in (1, 2, 3)] == [0, 10_000, 10_000]
