"""Disabling a webhook because its endpoint answered 410, enabling one that answers a probe."""

import time
from typing import Protocol

from deliverer.patience import answered
from runtime.feed import encode_hint
from runtime.logs import get_logger
from schemas.topology import WEBHOOKS


class Source(Protocol):
    """Where webhooks are kept: `store.webhooks`."""

    def disable(self, webhook_id: int, reason: str, now_ms: int) -> bool:
        """Disable it; False when it was not enabled."""

    def enable(self, webhook_id: int, now_ms: int) -> bool:
        """Enable it; False unless it was disabled by itself."""

    def revision(self) -> int:
        """The newest revision."""


class Announcer(Protocol):
    """What tells the other processes: a Publisher."""

    async def announce(self, body: bytes, *, exchange: str) -> None:
        """Publish, best effort."""


class Disabling:
    """Disables webhooks in the store, and enables them.

    Args:
        source: The store; its methods block and are called in a thread.
        announcer: Publishes the hint that something changed.
    """

    def __init__(self, source: Source, announcer: Announcer) -> None:
        self._source = source
        self._announcer = announcer
        self._log = get_logger()

    async def disable(self, webhook_id: int, reason: str) -> None:
        """Disable a webhook; waits for as long as the store does not answer."""
        now_ms = time.time_ns() // 1_000_000
        if await answered(self._source.disable, webhook_id, reason, now_ms):
            self._log.warning("webhook.disabled", webhook_id=webhook_id, reason=reason)
            await self._tell()

    async def enable(self, webhook_id: int) -> None:
        """Enable a webhook whose endpoint answered a probe; waits for the store as above."""
        now_ms = time.time_ns() // 1_000_000
        if await answered(self._source.enable, webhook_id, now_ms):
            self._log.info("webhook.enabled", webhook_id=webhook_id)
            await self._tell()

    async def _tell(self) -> None:
        revision = await answered(self._source.revision)
        await self._announcer.announce(encode_hint(revision), exchange=WEBHOOKS)
