"""Parking: which webhooks' deliveries go to the ladder at once, because their endpoint is paused.

A deliverer would only park them there, after they had waited in its queue among others.
"""

import random
from collections.abc import Callable

from portcall.runtime.clock import now_ms
from portcall.schemas.deliveries import Delivery
from portcall.schemas.health import decode_news
from portcall.schemas.topology import BASE_RUNGS_MS

MAX_WEBHOOKS = 100_000
MAX_MS = 300_000
"""A deliverer pauses for five minutes at most; more would be a wrong clock."""
SPREAD = 0.1
"""The random part by which a delivery may be due later than the end of the pause."""


class Parking:
    """Until when each endpoint is paused, by the deliverers' news."""

    def __init__(
        self,
        clock_ms: Callable[[], int] = now_ms,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock_ms = clock_ms
        self._chance = chance
        self._until: dict[int, int] = {}

    def hear(self, body: bytes) -> None:
        """Handle a message of the deliverers."""
        now_ms = self._clock_ms()
        for webhook_id, told_ms in decode_news(body, now_ms).items():
            until_ms = min(told_ms, now_ms + MAX_MS)
            self._until.pop(webhook_id, None)
            if len(self._until) >= MAX_WEBHOOKS:
                self._until = {each: end for each, end in self._until.items() if end > now_ms}
            if until_ms > now_ms and len(self._until) < MAX_WEBHOOKS:
                self._until[webhook_id] = until_ms

    def rung_ms(self, webhook_id: int) -> int:
        """The rung for a delivery to this webhook; 0: none, it takes the normal way."""
        until_ms = self._until.get(webhook_id)
        if until_ms is None:
            return 0
        left_ms = until_ms - self._clock_ms()
        if left_ms < BASE_RUNGS_MS[0]:
            del self._until[webhook_id]
            return 0
        return max(rung for rung in BASE_RUNGS_MS if rung <= left_ms)

    def delivery(self, place: int, webhook_id: int) -> Delivery:
        """A delivery that is parked until its endpoint's pause ends."""
        now_ms = self._clock_ms()
        until_ms = self._until.get(webhook_id, now_ms)
        due_ms = until_ms + int((until_ms - now_ms) * SPREAD * self._chance())
        return Delivery(place, webhook_id, not_before_ms=until_ms, due_ms=due_ms, parks=1)
