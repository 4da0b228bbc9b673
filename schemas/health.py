"""Endpoint health: news that an endpoint is to be left alone for a while, or no longer.

Best effort: whoever misses it finds out by itself. Nothing depends on it for correctness.
"""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

VERSION = 1


class HealthNews(Struct, frozen=True):
    """The body of a message on ``portcall.health``.

    Attributes:
        webhooks: Until when each is to be left alone, by webhook id; milliseconds since the epoch,
            0: no longer.
    """

    webhooks: dict[int, int]
    v: int = VERSION


def encode_news(webhooks: Mapping[int, int]) -> bytes:
    """Write news."""
    return msgspec.json.encode(HealthNews(dict(webhooks)))


def decode_news(body: bytes) -> dict[int, int]:
    """Read news; empty for what cannot be read, as from a later version."""
    try:
        news = msgspec.json.decode(body, type=HealthNews)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return news.webhooks if news.v == VERSION else {}
