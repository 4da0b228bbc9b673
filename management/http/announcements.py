"""The change feed's hint: after each committed change, "there is a revision N"."""

from portcall.runtime.broker.publishing import Announcer
from portcall.schemas.changes import encode_hint
from portcall.schemas.topology import WEBHOOKS


async def announce(announcer: Announcer, revision: int) -> None:
    """Tell router and deliverers that *revision* is committed.

    A hint alone: whoever misses it asks the store once a second, and whoever gets it fetches the
    change from there. So an answer need not wait for the broker, and never fails because of it.
    """
    await announcer.announce(encode_hint(revision), exchange=WEBHOOKS)
