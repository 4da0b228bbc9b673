"""Hints on the change feed: after each committed change, its revision."""

from typing import Protocol

import msgspec

from portcall.schemas.topology import WEBHOOKS

VERSION = 1


class Announcer(Protocol):
    """Publishes what may be lost."""

    async def announce(self, body: bytes, *, exchange: str) -> None:
        """Publish once, without a promise; never raises because of the broker."""


async def announce(announcer: Announcer, revision: int) -> None:
    """Notify router and deliverers that *revision* is committed.

    It is only a hint: they fetch the change from the store, and ask it once a second without a
    hint. So an answer need not wait for the broker, and never fails because of it.
    """
    body = msgspec.json.encode({"v": VERSION, "revision": revision})
    await announcer.announce(body, exchange=WEBHOOKS)
