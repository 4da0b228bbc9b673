"""Long work on one body in short turns, so that other requests can run in between."""

import asyncio
from collections.abc import Iterable

from portcall.producer.formats.skimming import Skimmed, Skimmer

SKIMMED_AT_ONCE = 8 * 1024
"""About 20 ms at worst, if it contains only empty objects or names."""
READ_AT_ONCE = 256
"""Notifications; about 5 ms."""


async def feed(skimmer: Skimmer, piece: bytes) -> None:
    """Feed a piece of any size."""
    for at in range(0, len(piece), SKIMMED_AT_ONCE):
        skimmer.feed(piece[at : at + SKIMMED_AT_ONCE])
        await asyncio.sleep(0)


async def skim(body: bytes) -> Skimmed:
    """Skim a whole body; errors are those of `Skimmer.finish`."""
    skimmer = Skimmer()
    await feed(skimmer, body)
    return skimmer.finish()


async def exhaust(steps: Iterable[object]) -> None:
    """Run all steps of some work, `READ_AT_ONCE` in a turn."""
    for count, _ in enumerate(steps, 1):
        if count % READ_AT_ONCE == 0:
            await asyncio.sleep(0)
