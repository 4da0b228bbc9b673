"""Coalescing: one POST for an index and what it lists, for webhooks with the filter `coalesce`.

The manifests of an index are pushed before it, each without a tag. Such a push waits on a rung of
the ladder, where the broker keeps it, and comes back to a router by the queue `COALESCE`. By then
the store knows what the webhook was told: it is held back if that is an index that lists it, and
sent if not. An index never waits.

No process remembers anything in between:

* A push waits before its frame is acknowledged, and its note says so: it counts as a delivery that
  is expected.
* What an index lists is stored after the broker has confirmed the delivery of its push. So a
  manifest is held back only where the webhook gets the index, or has it already (`changedOnly`).
* The frame of a router that dies in between is routed again. A push may then wait twice; the
  deliverer skips the second one if the first was attempted.

docs/decisions/0065 says why it is done here.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from portcall.router.outbox import Matched, Outbox
from portcall.router.sieve import count
from portcall.router.store_retry import Pause, answered
from portcall.runtime.broker.routed_notes import Routed
from portcall.runtime.clock import now_ms
from portcall.runtime.latch import Latch
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import Action, Event
from portcall.schemas.extras import NONE
from portcall.schemas.filters import CHANGED_ONLY, COALESCE, facts_of
from portcall.schemas.journal import manifest_of
from portcall.store.intake.told_children import ChildKey

Waits = Mapping[int, int]
"""How long a push waits for its index, milliseconds, by the webhook's id."""


class Table(Protocol):
    """The store's told children. Its methods block; each may raise `StoreUnavailableError`."""

    def find(self, keys: Sequence[ChildKey]) -> Mapping[ChildKey, int]:
        """When the newest index that lists it was accepted, of those that were told."""

    def tell(self, told: Mapping[ChildKey, int]) -> None:
        """Remember what indexes list that were accepted at these times."""


class Waiting(NamedTuple):
    """A push that waits for its index.

    Attributes:
        event: The push.
        waits: The webhooks for which it waits, and how long.
    """

    event: Event
    waits: Waits


def is_child(event: Event) -> bool:
    """Whether an index may list what an event pushes: a manifest without a tag, and no index."""
    return (
        event.action == Action.PUSH
        and not event.tag
        and bool(manifest_of(event))
        and not (event.extras or NONE).children
        and facts_of(event).artifact_type != "index"
    )


class Coalescing:
    """Lets pushes wait, and decides them.

    Args:
        table: The store's told children.
        outbox: Where pushes wait, and where deliveries go.
        rungs_ms: The ladder, ascending.
        clock_ms: The time, milliseconds since the epoch.
        pause: Waits for so many seconds.
    """

    def __init__(
        self,
        table: Table,
        outbox: Outbox,
        *,
        rungs_ms: Sequence[int],
        clock_ms: Callable[[], int] = now_ms,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._table = table
        self._outbox = outbox
        self._rungs_ms = rungs_ms
        self._clock_ms = clock_ms
        self._pause = pause

    async def hold(self, waiting: Sequence[Waiting], *, again: bool) -> None:
        """Let pushes wait for their index; returns when the broker has them.

        Args:
            waiting: The pushes.
            again: They may wait already.
        """
        now_ms = self._clock_ms()
        events = [each.event for each in waiting]
        deliveries = [
            Delivery(place, webhook_id, not_before_ms=now_ms + wait_ms)
            for place, each in enumerate(waiting)
            for webhook_id, wait_ms in each.waits.items()
        ]
        await self._hold(events, deliveries, now_ms, again=again)

    async def _hold(
        self, events: Sequence[Event], deliveries: Sequence[Delivery], now_ms: int, *, again: bool
    ) -> None:
        by_rung: dict[int, list[Delivery]] = {}
        for each in deliveries:
            by_rung.setdefault(self._rung_ms(each.not_before_ms - now_ms), []).append(each)
        for rung_ms, some in by_rung.items():
            await self._outbox.hold(events, some, rung_ms, again=again)

    def _rung_ms(self, left_ms: int) -> int:
        """The longest rung that is not longer than what is left, or else the shortest."""
        return max((each for each in self._rungs_ms if each <= left_ms), default=self._rungs_ms[0])

    async def decide(
        self, events: Sequence[Event], deliveries: Sequence[Delivery], waits: Waits, *, again: bool
    ) -> list[Matched]:
        """Decide pushes that have waited; returns which were sent, and which were held back.

        Those that must wait longer go to the ladder again. A webhook without the filter gets its
        delivery; if it was deleted or disabled meanwhile, the deliverer cancels that.

        Args:
            events: The events of the frame; not all of them need to be pushes.
            deliveries: Which of them waited, and for which webhooks.
            waits: How long each webhook waits.
            again: They may have been decided before.
        """
        now_ms = self._clock_ms()
        later: list[Delivery] = []
        due: dict[int, list[int]] = {}
        for each in deliveries:
            if each.webhook_id in waits and each.not_before_ms > now_ms:
                later.append(each)
            else:
                due.setdefault(each.event, []).append(each.webhook_id)
        await self._hold(events, later, now_ms, again=again)
        return await self._decide(
            [(events[place], webhook_ids) for place, webhook_ids in due.items()],
            waits,
            again=again,
        )

    async def _decide(
        self, due: Sequence[tuple[Event, Sequence[int]]], waits: Waits, *, again: bool
    ) -> list[Matched]:
        """Decide pushes whose wait is over, each for its webhooks."""
        keys = [
            _key(event, webhook_id)
            for event, webhook_ids in due
            for webhook_id in webhook_ids
            if webhook_id in waits
        ]
        told = await answered(self._pause, self._table.find, keys) if keys else {}
        matched: list[Matched] = []
        latch = Latch()
        for event, webhook_ids in due:
            held = [
                each
                for each in webhook_ids
                if each in waits
                and told.get(_key(event, each), -1) >= event.accepted_ms - waits[each]
            ]
            sent = sorted({*webhook_ids} - {*held})
            await self._outbox.put(event, sent, latch, again=again)
            if held:
                count({COALESCE: held})
            matched.append(Matched(event, sent, {COALESCE: held} if held else None))
        latch.count_down()
        await latch.wait()
        return matched

    async def tell(self, matched: Iterable[Routed], waits: Waits) -> None:
        """Remember what indexes list, for the webhooks that get their push or have them already.

        Args:
            matched: Events whose deliveries the broker has confirmed.
            waits: How long each webhook waits; those without the filter are not among them.
        """
        told: dict[ChildKey, int] = {}
        for event, webhook_ids, held in matched:
            children = (event.extras or NONE).children
            if not children or event.action != Action.PUSH:
                continue
            for webhook_id in (*webhook_ids, *(held or {}).get(CHANGED_ONLY, ())):
                if webhook_id in waits:
                    keys = ((webhook_id, event.repository, each.digest) for each in children)
                    told |= {key: max(told.get(key, 0), event.accepted_ms) for key in keys}
        if told:
            await answered(self._pause, self._table.tell, told)


def _key(event: Event, webhook_id: int) -> ChildKey:
    return webhook_id, event.repository, manifest_of(event)
