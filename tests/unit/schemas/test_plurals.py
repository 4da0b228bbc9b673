"""Counts in texts."""

import pytest

from portcall.schemas.plurals import counted


@pytest.mark.parametrize(
    ("count", "noun", "told"),
    [
        (0, "webhook", "0 webhooks"),
        (1, "webhook", "1 webhook"),
        (1, "delivery", "1 delivery"),
        (2, "delivery", "2 deliveries"),
    ],
)
def test_a_count_has_the_plural_of_its_noun(count: int, noun: str, told: str) -> None:
    assert counted(count, noun) == told
