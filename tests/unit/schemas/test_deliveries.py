"""Ids and shards: the same today, tomorrow and in every process."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.schemas.deliveries import delivery_id, home_of, is_delivery_id, shard_of

EVENT = "0b6f3a52-6a2e-4a56-9d0f-5b8f6d1f7a01"
EVENT_IDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=128)
WEBHOOK_IDS = st.integers(0, 2**63 - 1)


@pytest.mark.parametrize(
    ("event_id", "webhook_id", "expected"),
    [
        pytest.param(EVENT, 1, "msg_e77756d35f1eff6f89484633433fb64d", id="an event and a webhook"),
        pytest.param(EVENT, 2, "msg_4d1099dde16462385391aa2d537fa77a", id="another webhook"),
        pytest.param(
            "x", 1937768448000000, "msg_c24fe86e9dcabf99335e899e26e3eb79", id="a real number"
        ),
        pytest.param("x", 11, "msg_e8acc4f0f1cd770cb679b22dc68c498e", id="digits side by side"),
        pytest.param(
            "1|x", 1, "msg_503dbd54128dec7153f5617e49e20a52", id="a bar in the event's id"
        ),
    ],
)
def test_a_delivery_id_never_changes(event_id: str, webhook_id: int, expected: str) -> None:
    assert delivery_id(event_id, webhook_id) == expected


@given(EVENT_IDS, WEBHOOK_IDS)
def test_a_delivery_id_is_safe_in_a_header_and_in_a_signed_text(
    event_id: str, webhook_id: int
) -> None:
    assert re.fullmatch(r"msg_[0-9a-f]{32}", delivery_id(event_id, webhook_id))


@given(st.lists(st.tuples(EVENT_IDS, WEBHOOK_IDS), unique=True, max_size=20))
def test_deliveries_have_ids_of_their_own(pairs: list[tuple[str, int]]) -> None:
    assert len({delivery_id(*pair) for pair in pairs}) == len(pairs)


@pytest.mark.parametrize(
    ("webhook_id", "shards", "shard"),
    [
        pytest.param(1, 1, 0, id="one shard"),
        pytest.param(1, 2, 1, id="two shards"),
        pytest.param(1, 8, 7, id="eight shards"),
        pytest.param(2, 8, 5, id="another webhook"),
        pytest.param(2**63 - 1, 2, 0, id="the largest"),
    ],
)
def test_a_webhooks_shard_never_changes(webhook_id: int, shards: int, shard: int) -> None:
    assert shard_of(webhook_id, shards) == shard


@pytest.mark.parametrize(
    ("registry", "shards", "home"), [("myregistry", 4, 3), ("other", 4, 0), ("myregistry", 1, 0)]
)
def test_a_registry_has_the_same_home_in_every_build(registry: str, shards: int, home: int) -> None:
    assert home_of(registry, shards) == home


def test_webhooks_are_spread_evenly() -> None:
    counts = [0, 0, 0, 0]
    for webhook_id in range(1 << 50, (1 << 50) + 4000):
        counts[shard_of(webhook_id, 4)] += 1
    assert min(counts) > 900


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        (delivery_id("e-1", 7), True),
        ("msg_08beddbc3090fec8131bd91c12cef515", True),
        ("msg_08beddbc3090fec8131bd91c12cef51", False),
        ("msg_08BEDDBC3090FEC8131BD91C12CEF515", False),
        ("0b6f3a52-6a2e-4a56-9d0f-2f3b6d1c8e47", False),
        ("", False),
    ],
)
def test_the_id_of_a_delivery_is_known_by_its_form(text: str, *, is_one: bool) -> None:
    assert is_delivery_id(text) is is_one
