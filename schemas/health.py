"""Endpoint health: news that an endpoint is to be left alone for a while, or no longer.

Best effort: whoever misses it finds out by itself. Nothing depends on it for correctness.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

VERSION = 1
STALE_MS = 10_000
"""Older news say how it was: their sender or their reader was stopped, or cut off, meanwhile."""


class HealthNews(Struct, frozen=True):
    """The body of a message on ``portcall.health``.

    Attributes:
        webhooks: Until when each is to be left alone, by webhook id; milliseconds since the epoch,
            0: no longer.
        at_ms: When the first of it was found out, milliseconds since the epoch; 0: not said.
    """

    webhooks: dict[int, int]
    v: int = VERSION
    at_ms: int = 0


def encode_news(webhooks: Mapping[int, int], at_ms: int = 0) -> bytes:
    """Write news of this time."""
    return msgspec.json.encode(HealthNews(dict(webhooks), at_ms=at_ms))


def decode_news(body: bytes, now_ms: int) -> dict[int, int]:
    """Read news as far as they still say something.

    A time that has passed is no news: it does not end what was found out since. That an endpoint
    is no longer to be left alone holds only shortly after it was found out.

    Returns:
        Until when each is to be left alone, or 0; empty for what cannot be read, as from a later
        version.
    """
    try:
        news = msgspec.json.decode(body, type=HealthNews)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    if news.v != VERSION:
        return {}
    stale = bool(news.at_ms) and now_ms - news.at_ms > STALE_MS
    return {
        webhook_id: until_ms
        for webhook_id, until_ms in news.webhooks.items()
        if until_ms > now_ms or not (until_ms or stale)
    }
