"""A stopped deliverer continues on preloaded frames: the CPU of its process for a delivery."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import aiohttp

from benchmarks.harness.deliveries import frames
from benchmarks.harness.lab import Lab
from benchmarks.harness.processes import ProgramError, run_s
from benchmarks.harness.roles import Role, Site
from benchmarks.measurements.our_step import SLOWEST_PER_S, WARM_UP_S, Tally
from portcall.schemas.topology import DELIVER, deliver_key

SETTLE_S = 0.5
"""From the last POST until every frame is acked; to ask the deliverer would cost it more."""
TRIES = 3


class Bench:
    """One deliverer, warm and alone, and the webhooks that it may deliver to.

    Args:
        lab: Where.
        deliverer: The process.
        tally: Counts the preloaded deliveries and frames.
        webhook_ids: The webhooks of a run, by its name; its deliveries take turns over them.
    """

    def __init__(
        self, lab: Lab, deliverer: Role, tally: Tally, webhook_ids: Mapping[str, Sequence[int]]
    ) -> None:
        self._lab = lab
        self._program = deliverer.program
        self._tally = tally
        self._webhook_ids = webhook_ids
        self._events = 0

    async def cpu_us(self, name: str, fan_out: int, deliveries: int) -> float:
        """The CPU for a delivery, microseconds.

        Args:
            name: Of the webhooks.
            fan_out: Webhooks that each event goes to.
            deliveries: How many.

        Raises:
            ProgramError: The machine had no time for it, or the deliverer ended.
        """
        for _ in range(TRIES):
            self._program.hold()
            await self._preload(name, fan_out, deliveries // fan_out)
            await self._lab.calm()
            before = run_s(self._program.pids)
            self._program.let_go()
            await self._tally.until_posted(10 + deliveries / SLOWEST_PER_S)
            await asyncio.sleep(SETTLE_S)
            used = run_s(self._program.pids) - before
            if await self._tally.is_settled():
                return round(used / deliveries * 1e6, 2)
            await self._tally.until_reached(WARM_UP_S)
        raise ProgramError(f"frames were not acked within {SETTLE_S} s of the last POST")

    async def _preload(self, name: str, fan_out: int, events: int) -> None:
        packed = frames(self._events, events, self._webhook_ids[name], fan_out=fan_out)
        for shard, messages in packed.items():
            await self._lab.broker.publish(messages, exchange=DELIVER, key=deliver_key(shard))
            self._tally.frames += len(messages)
        self._tally.deliveries += events * fan_out
        self._events += events


@asynccontextmanager
async def bench(site: Site, webhook_ids: Mapping[str, Sequence[int]]) -> AsyncIterator[Bench]:
    """A deliverer on a site; its queues are gone afterwards."""
    lab = site.lab
    await site.apply_topology()
    try:
        async with site.roles("deliverer", 1) as deliverers, aiohttp.ClientSession() as http:
            tally = Tally(lab, deliverers, http, await lab.sink.requests())
            yield Bench(lab, deliverers[0], tally, webhook_ids)
    finally:
        await site.clear()
