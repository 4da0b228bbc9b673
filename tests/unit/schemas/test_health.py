"""News of endpoints: read as they were written, and anything else is none."""

import pytest

from schemas.health import decode_news, encode_news


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'{"v":2,"webhooks":{"1":2}}', b"\xff"])
def test_what_cannot_be_read_is_no_news(body: bytes) -> None:
    assert decode_news(body) == {}


def test_news_are_read_as_they_were_written() -> None:
    assert decode_news(encode_news({1 << 40: 5, 2: 0})) == {1 << 40: 5, 2: 0}
