"""Gossip: what this process found out about endpoints, told to the others, best effort."""

import asyncio
from collections.abc import Callable

from portcall.runtime.broker.publishing import Announcer
from portcall.runtime.clock import now_ms
from portcall.schemas.health import encode_news
from portcall.schemas.topology import HEALTH

GATHER_S = 0.1
"""How long news are gathered into one message."""
LEAST_MS = 1_000
"""A shorter time is over before it is known everywhere."""


class HealthBroadcast:
    """Tells which endpoints are to be left alone."""

    def __init__(
        self,
        announcer: Announcer,
        clock_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._announcer = announcer
        self._clock_ms = clock_ms
        self._news: dict[int, int] = {}
        self._since_ms = 0
        self._sending: asyncio.Task[None] | None = None

    def tell(self, webhook_id: int, for_s: float) -> None:
        """Tell that a webhook's endpoint is to be left alone for so long; 0: no longer."""
        for_ms = int(for_s * 1000)
        if 0 < for_ms < LEAST_MS:
            return
        now_ms = self._clock_ms()
        self._news[webhook_id] = now_ms + for_ms if for_ms else 0
        if self._sending is None:
            self._since_ms = now_ms
            self._sending = asyncio.get_running_loop().create_task(self._send())

    async def _send(self) -> None:
        await asyncio.sleep(GATHER_S)
        news, self._news, self._sending = self._news, {}, None
        await self._announcer.announce(encode_news(news, self._since_ms), exchange=HEALTH)
