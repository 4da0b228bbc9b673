"""Disabling a webhook whose endpoint answered 410, and enabling one that answered a probe."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from portcall.deliverer.store_retry import answered
from portcall.runtime.broker.publishing import Announcer
from portcall.runtime.clock import now_ms
from portcall.runtime.disabled import say_disabled
from portcall.runtime.logs import get_logger
from portcall.schemas.changes import encode_hint
from portcall.schemas.topology import WEBHOOKS
from portcall.schemas.webhooks import Cause
from portcall.store.webhooks.summaries import KnownWebhook


class WebhookSwitch(Protocol):
    """Stores webhooks: `store.webhooks`."""

    def disable(self, webhook_id: int, reason: str, now_ms: int) -> bool:
        """Disable it; False when it was not enabled."""

    def enable(self, webhook_id: int, now_ms: int) -> bool:
        """Enable it; False unless Portcall had disabled it."""

    def revision(self) -> int:
        """The newest revision."""


class Names(Protocol):
    """Knows webhooks by name: `store.known`."""

    def by_ids(self, ids: Sequence[int]) -> Mapping[int, KnownWebhook]:
        """Those that exist, by id."""


class Disabling:
    """Disables webhooks in the store, and enables them.

    Args:
        source: The store; its methods block and are called in a thread.
        announcer: Publishes the hint that something changed.
        names: Knows their names; blocks, too.
    """

    def __init__(self, source: WebhookSwitch, announcer: Announcer, names: Names) -> None:
        self._source = source
        self._names = names
        self._announcer = announcer
        self._log = get_logger()

    async def disable(self, webhook_id: int, reason: str) -> None:
        """Disable a webhook; waits for as long as the store does not answer."""
        at_ms = now_ms()
        if await answered(self._source.disable, webhook_id, reason, at_ms):
            await self._tell()
            known = (await answered(self._names.by_ids, [webhook_id])).get(webhook_id)
            say_disabled(
                webhook_id=webhook_id,
                registry=known.registry if known else "",
                name=known.name if known else "",
                cause=Cause.GONE.value,
                reason=reason,
            )

    async def enable(self, webhook_id: int) -> None:
        """Enable a webhook whose endpoint answered a probe; waits for the store as above."""
        at_ms = now_ms()
        if await answered(self._source.enable, webhook_id, at_ms):
            self._log.info("webhook.enabled", webhook_id=webhook_id)
            await self._tell()

    async def _tell(self) -> None:
        revision = await answered(self._source.revision)
        await self._announcer.announce(encode_hint(revision), exchange=WEBHOOKS)
