"""Hints on the change feed: after each committed change, its revision."""

from portcall.runtime.broker.publishing import Announcer
from portcall.schemas.changes import encode_hint
from portcall.schemas.topology import WEBHOOKS


async def announce(announcer: Announcer, revision: int) -> None:
    """Notify router and deliverers that *revision* is committed.

    It is only a hint: they fetch the change from the store, and ask it once a second without a
    hint. So an answer need not wait for the broker, and never fails because of it.
    """
    await announcer.announce(encode_hint(revision), exchange=WEBHOOKS)
