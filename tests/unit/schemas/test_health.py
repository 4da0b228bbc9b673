"""News of endpoints: read as they were written for as long as they say something."""

import msgspec
import pytest

from portcall.schemas.health import STALE_MS, decode_news, encode_news

NOW_MS = 1_772_619_630_123


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'{"v":2,"webhooks":{"1":2}}', b"\xff"])
def test_what_cannot_be_read_is_no_news(body: bytes) -> None:
    assert decode_news(body, 0) == {}


def test_news_are_read_as_they_were_written() -> None:
    assert decode_news(encode_news({1 << 40: 5, 2: 0}), 0) == {1 << 40: 5, 2: 0}


@pytest.mark.parametrize(
    ("webhooks", "found_ms_ago", "left"),
    [
        pytest.param({7: NOW_MS + 1}, 0, {7: NOW_MS + 1}, id="to be left alone"),
        pytest.param({7: NOW_MS + 1}, 3 * STALE_MS, {7: NOW_MS + 1}, id="still to be left alone"),
        pytest.param({7: NOW_MS}, 0, {}, id="over now"),
        pytest.param({7: NOW_MS - 40_000}, 60_000, {}, id="over long ago"),
        pytest.param({7: 0}, 0, {7: 0}, id="well"),
        pytest.param({7: 0}, STALE_MS, {7: 0}, id="well a moment ago"),
        pytest.param({7: 0}, STALE_MS + 1, {}, id="was well before somebody was stopped"),
        pytest.param({7: 0}, -60_000, {7: 0}, id="well, by a clock that is ahead"),
        pytest.param({7: 0, 8: NOW_MS + 5}, STALE_MS + 1, {8: NOW_MS + 5}, id="both"),
    ],
)
def test_news_of_a_process_that_was_stopped_end_nothing(
    webhooks: dict[int, int], found_ms_ago: int, left: dict[int, int]
) -> None:
    assert decode_news(encode_news(webhooks, NOW_MS - found_ms_ago), NOW_MS) == left


def test_an_older_version_does_not_say_when() -> None:
    assert decode_news(msgspec.json.encode({"webhooks": {"7": 0}, "v": 1}), NOW_MS) == {7: 0}
