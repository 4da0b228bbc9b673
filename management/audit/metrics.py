"""The accounts as metrics, from regular audits; unmoved deliveries with empty queues are lost."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from prometheus_client import Gauge

from portcall.management.audit.look import BehindError, Look
from portcall.runtime.errors import BrokerError
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.store.errors import StoreUnavailableError
from portcall.store.journal.accounts import Account, Doubt

DELIVERIES = Gauge(
    "portcall_audit_deliveries",
    "Deliveries of accepted events, by what became of them; accepted is the sum of the others.",
    ["registry", "state"],
    registry=REGISTRY,
)
LOST = Gauge(
    "portcall_audit_unaccounted",
    "Deliveries that are missing or should not be, by why; anything but 0 is a fault.",
    ["registry", "doubt"],
    registry=REGISTRY,
)
LOOKED = Gauge(
    "portcall_audit_timestamp_seconds", "When the accounts were last read.", registry=REGISTRY
)
INTERVAL_S = 30.0
AT_LEAST_S = 300.0
"""How often to audit if nothing is open and the recorder has recorded nothing since: then the
accounts are the same, and an audit would only wake up the broker and the recorder."""
SHARE = 20
"""The pause is at least so many times the duration of an audit."""
PATIENCE_S = 300.0
"""A delivery is missing after so long without a change, with empty queues: five times the longest
that a process may hold it, because audits are rare."""


class Looking(Protocol):
    """Makes audits: an Auditor."""

    async def look(self, *, before_ms: int, registry: str | None = None) -> Look:
        """Audit once; raises `BrokerError`, `BehindError`, `StoreUnavailableError`."""


class AuditMetrics:
    """Updates the gauges.

    Args:
        auditor: Makes the audits.
        recorded: What the recorder has recorded, as a value that changes with it; it blocks.
        clock: The time, seconds since the epoch.
        pause: Waits for so many seconds.
    """

    def __init__(
        self,
        auditor: Looking,
        recorded: Callable[[], object] = object,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._auditor = auditor
        self._recorded = recorded
        self._settled: object = None
        """What was recorded when nothing was open; None: something is."""
        self._audited_at = 0.0
        self._clock = clock
        self._pause = pause
        self._quiet_since: dict[Doubt, float] = {}
        self._log = get_logger()

    async def run(self) -> None:
        """Audit every half minute, less often if it takes long or nothing happens; without end."""
        while True:
            await self._pause(INTERVAL_S)
            began = self._clock()
            try:
                if await self._is_due(began):
                    await self.look()
            except (BrokerError, BehindError, StoreUnavailableError) as error:
                self._quiet_since.clear()
                self._settled = None
                self._log.warning("accounts.unread", reason=str(error))
            await self._pause(max(0.0, SHARE * (self._clock() - began) - INTERVAL_S))

    async def _is_due(self, now: float) -> bool:
        if self._settled is None or now - self._audited_at >= AT_LEAST_S:
            return True
        return await asyncio.to_thread(self._recorded) != self._settled

    async def look(self) -> None:
        """Audit once, and set the gauges."""
        now = self._clock()
        self._settled = None
        look = await self._auditor.look(before_ms=int((now - PATIENCE_S) * 1000))
        for doubt, count in look.queued.items():
            if count:
                self._quiet_since.pop(doubt, None)
            else:
                self._quiet_since.setdefault(doubt, now)
        DELIVERIES.clear()
        LOST.clear()
        for account in look.accounts.registries:
            self._show(account, now)
        LOOKED.set(now)
        self._audited_at = now
        if not any(each.open.total() or each.unmoved.total() for each in look.accounts.registries):
            self._settled = await asyncio.to_thread(self._recorded)

    def _show(self, account: Account, now: float) -> None:
        states = {
            "accepted": account.accepted,
            "delivered": account.delivered,
            "given_up": account.given_up,
            "cancelled": account.cancelled,
            "filtered": account.filtered,
            "refused": account.refused,
            "no_match": account.no_match,
            "pending": account.open.total(),
        }
        for state, count in states.items():
            DELIVERIES.labels(account.registry, state).set(count)
        for doubt in Doubt:
            is_quiet = now - self._quiet_since.get(doubt, now) >= PATIENCE_S
            lost = account.unmoved[doubt] if is_quiet else 0
            LOST.labels(account.registry, doubt.value).set(lost)
            if lost:
                self._log.error(
                    "deliveries.unaccounted",
                    registry=account.registry,
                    doubt=doubt.value,
                    count=lost,
                )
