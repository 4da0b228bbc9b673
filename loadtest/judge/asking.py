"""Ask a consumer that may still be working, until nothing that it accepted is missing."""

import asyncio
import time
from collections.abc import Iterable, Mapping

from portcall.loadtest.faults.kinds import Times
from portcall.loadtest.judge.oracle import Processed
from portcall.loadtest.judge.processed import ask
from portcall.loadtest.measure.ledger import LedgerEntry

SETTLE_S = 10.0
"""How long a consumer that works after its response may take."""
STEP_S = 0.5


async def until_settled(
    where: str,
    entries: Iterable[LedgerEntry],
    *,
    settle_s: float = SETTLE_S,
    names: Mapping[str, str] | None = None,
) -> list[Processed]:
    """Return what the consumer processed; ask again while an accepted delivery is missing.

    Args:
        where: As `loadtest.judge.processed.ask` takes it.
        entries: The sent deliveries.
        settle_s: How long to keep asking; if nothing new appears for a third of that, the
            rest is lost.
        names: The ids of deliveries in *entries*, if the consumer knows other ids.

    Raises:
        ProcessedError: It could not be asked.
    """
    owed = {each.delivery_id for each in entries if each.taken and each.expected is Times.ONCE}
    began = changed = time.monotonic()
    missing = len(owed)
    while True:
        processed = [_renamed(each, names or {}) for each in await ask(where)]
        left = len(owed.difference(each.delivery_id for each in processed))
        now = time.monotonic()
        if left < missing:
            missing, changed = left, now
        if not left or now - began > settle_s or now - changed > settle_s / 3:
            return processed
        await asyncio.sleep(STEP_S)


def _renamed(each: Processed, names: Mapping[str, str]) -> Processed:
    return Processed(names.get(each.delivery_id, each.delivery_id), each.stale)
