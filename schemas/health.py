"""Endpoint health: news that deliverers should pause an endpoint for a while, or no longer.

Best effort: a process that misses the news finds out by itself. Correctness does not depend on it.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

VERSION = 1
STALE_MS = 10_000
"""Older news is out of date: the sender or the reader was stopped or disconnected meanwhile."""


class HealthNews(Struct, frozen=True):
    """The body of a message on ``portcall.health``.

    Attributes:
        webhooks: Until when each endpoint is paused, by webhook id; milliseconds since the epoch,
            0: no longer.
        at_ms: When the first of these changes was noticed, milliseconds since the epoch; 0:
            unknown.
    """

    webhooks: dict[int, int]
    v: int = VERSION
    at_ms: int = 0


def encode_news(webhooks: Mapping[int, int], at_ms: int = 0) -> bytes:
    """Encode the news of this moment."""
    return msgspec.json.encode(HealthNews(dict(webhooks), at_ms=at_ms))


def decode_news(body: bytes, now_ms: int) -> dict[int, int]:
    """Read the parts of the news that are still valid.

    A pause that is over is ignored, because the endpoint may have been paused again since. The end
    of a pause is valid only for a short time after it was noticed.

    Returns:
        Until when each endpoint is paused, or 0; empty for a message that this version cannot read.
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
