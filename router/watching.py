"""Watching tags for webhooks with the filter `changedOnly`: ask the store, send, and remember.

An event is remembered as told only after the broker has confirmed its delivery. A crash in between
makes the next router send it again, under the same id. An event that is held back is remembered
before it is noted. While the store is away, events for such webhooks wait for it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from portcall.router.changes import SKEW_MS, Step, deleted, pushed
from portcall.router.outbox import Matched, Outbox
from portcall.router.sieve import count
from portcall.router.store_retry import Pause, answered
from portcall.runtime.latch import Latch
from portcall.schemas.events import Action, Event
from portcall.schemas.filters import CHANGED_ONLY
from portcall.schemas.journal import digest_of, manifest_of
from portcall.store.intake.told_tags import TagKey, ToldTag

NOBODY = 0
"""In the place of a webhook: the row says when a digest or a tag was deleted last. No tag looks
like a digest."""


class Table(Protocol):
    """The store's told tags. Its methods block; each may raise `StoreUnavailableError`."""

    def find(self, keys: Sequence[TagKey]) -> Mapping[TagKey, ToldTag]:
        """The known ones of these tags."""
        ...

    def naming(self, registry: str, repository: str, what: str) -> Sequence[ToldTag]:
        """Those of a registry and a repository that name a digest, or are of a tag."""
        ...

    def change(self, rows: Iterable[ToldTag], *, durable: bool) -> set[TagKey]:
        """Store rows that are as they were read; the keys of the others."""
        ...


class Watched(NamedTuple):
    """A push whose webhooks may know its digest, or a delete of a digest or a tag.

    Attributes:
        event: The event.
        webhook_ids: Webhooks with the filter, whose other filters let a push pass; of a delete
            none.
    """

    event: Event
    webhook_ids: Sequence[int] = ()


def is_watched(event: Event) -> bool:
    """Whether the filter says something of an event: a push of a tag, with a digest."""
    return event.action == Action.PUSH and bool(event.tag) and bool(manifest_of(event))


class Watching:
    """Decides for webhooks with the filter.

    Args:
        table: The store's told tags.
        outbox: Where deliveries go.
        pause: Waits for so many seconds.
    """

    def __init__(
        self,
        table: Table,
        outbox: Outbox,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self._table = table
        self._outbox = outbox
        self._pause = pause

    async def route(
        self, watched: Sequence[Watched], watchers: Collection[int], *, again: bool
    ) -> list[Matched]:
        """Send what is a change; returns what was sent and held back, also of earlier events.

        Events of one repository are decided one after the other, in their order.

        Args:
            watched: The events.
            watchers: All webhooks with the filter.
            again: They may have been routed before.
        """
        groups: dict[tuple[str, str], list[Watched]] = defaultdict(list)
        for each in watched:
            groups[each.event.registry, each.event.repository].append(each)
        found = await asyncio.gather(
            *(self._route_all(group, watchers, again=again) for group in groups.values())
        )
        return [each for group in found for each in group]

    async def _route_all(
        self, group: Sequence[Watched], watchers: Collection[int], *, again: bool
    ) -> list[Matched]:
        matched: list[Matched] = []
        for event, webhook_ids in group:
            if event.action == Action.DELETE:
                # A delete without a digest is that of a tag: a source may send these.
                matched += await self._gone(event, manifest_of(event) or event.tag, watchers)
            elif event.action == Action.UNTAG:
                matched += await self._gone(event, event.tag, watchers)
            else:
                matched += await self._pushed(event, webhook_ids, again=again)
        return matched

    async def _pushed(
        self, event: Event, webhook_ids: Sequence[int], *, again: bool
    ) -> list[Matched]:
        """Decide one push for each webhook, until the store agrees with every decision."""
        open_ids, sent, held = list(webhook_ids), set[int](), list[int]()
        released: list[Matched] = []
        graves = [(NOBODY, event.repository, what) for what in (manifest_of(event), event.tag)]
        while open_ids:
            keys = [(each, event.repository, event.tag) for each in open_ids]
            known = await answered(self._pause, self._table.find, [*keys, *graves])
            gone_ms = max((known[each].told_ms for each in graves if each in known), default=0)
            steps = {
                key: unless_deleted(pushed(known.get(key), event, key[0]), gone_ms) for key in keys
            }
            new = [key[0] for key, step in steps.items() if step.sends and key[0] not in sent]
            await self._send(event, new, again=again)
            sent |= set(new)
            released += await self._release(steps)
            refused = await self._remember(steps)
            held += [
                key[0]
                for key, step in steps.items()
                if key not in refused and not step.sends and key[0] not in sent
            ]
            open_ids = [key[0] for key in refused]
        if held:
            count({CHANGED_ONLY: held})
        return [Matched(event, sorted(sent), {CHANGED_ONLY: held} if held else None), *released]

    async def _gone(self, event: Event, what: str, watchers: Collection[int]) -> list[Matched]:
        """Forget a digest that is deleted, for every tag that names it; or a tag.

        Args:
            event: The delete.
            what: The digest, or the tag.
            watchers: All webhooks with the filter.
        """
        if not what:
            return []
        await self._bury(event, what)
        released: list[Matched] = []
        rows = await answered(
            self._pause, self._table.naming, event.registry, event.repository, what
        )
        while rows:
            steps = {row.key: deleted(row, event) for row in rows}
            released += await self._release(
                {key: step for key, step in steps.items() if key[0] in watchers}
            )
            refused = await self._remember(steps)
            found = (
                await answered(self._pause, self._table.find, sorted(refused)) if refused else {}
            )
            rows = [row for row in found.values() if what in (row.digest, row.tag)]
        return released

    async def _bury(self, event: Event, what: str) -> None:
        """Remember when it was deleted: the push before may be decided later."""
        key, refused = (NOBODY, event.repository, what), True
        while refused:
            known = (await answered(self._pause, self._table.find, [key])).get(key)
            if known is not None and known.told_ms >= event.accepted_ms:
                return
            row = ToldTag(*key, event.registry, "", event.accepted_ms, digest_of(event))
            row = replace(row, version=known.version if known else 0)
            refused = bool(await answered(self._pause, self._table.change, [row], durable=True))

    async def _send(self, event: Event, webhook_ids: Sequence[int], *, again: bool) -> None:
        latch = Latch()
        await self._outbox.put(event, webhook_ids, latch, again=again)
        latch.count_down()
        await latch.wait()

    async def _release(self, steps: Mapping[TagKey, Step]) -> list[Matched]:
        """Send what was held back, because of a change that came before it."""
        released = []
        for key, step in steps.items():
            if step.released is not None:
                await self._send(step.released, [key[0]], again=True)
                released.append(Matched(step.released, [key[0]]))
        return released

    async def _remember(self, steps: Mapping[TagKey, Step]) -> set[TagKey]:
        """Store the steps' rows; returns the keys of those that changed in between.

        What is held back need not survive a power cut: it is kept only for a change that is late.
        """
        refused: set[TagKey] = set()
        for durable in (True, False):
            rows = [step.after for step in steps.values() if step.sends == durable and step.after]
            if rows:
                refused |= await answered(self._pause, self._table.change, rows, durable=durable)
        return refused


def unless_deleted(step: Step, gone_ms: int) -> Step:
    """The step of a push, without its digest if that, or the tag, was deleted later.

    Args:
        step: The step.
        gone_ms: When it was deleted last; 0: never.
    """
    after = step.after
    if after is None or gone_ms < after.told_ms - SKEW_MS:
        return step
    return step._replace(after=replace(after, digest=""))
