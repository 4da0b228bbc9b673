"""What the tests of the router share: events, and a publisher that is told when to confirm."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec

from portcall.schemas.deletes import (
    DeletedManifest,
    DeletedTag,
    manifest_in,
    with_tags,
)
from portcall.schemas.deliveries import shard_of
from portcall.schemas.events import Event
from portcall.schemas.frames import DeliveryFrame, decode_deliveries, decode_journal
from portcall.schemas.journal import Note, numbers
from portcall.schemas.topology import JOURNAL
from portcall.store.intake.told_children import ChildKey
from portcall.store.intake.told_tags import TagKey, ToldTag


def event(
    name: str = "e1",
    *,
    action: str = "push",
    registry: str = "registry",
    repository: str = "app",
    tag: str = "v1",
    body: bytes | None = None,
) -> Event:
    return Event(
        id=name,
        registry=registry,
        action=action,
        accepted_ms=1,
        body=msgspec.Raw(body or b'{"id":"%s"}' % name.encode()),
        repository=repository,
        tag=tag,
    )


def ids_of_shard(shard: int, shards: int, count: int) -> list[int]:
    """So many ids of webhooks whose deliveries go to this shard."""
    ids = (webhook_id for webhook_id in range(1, 10_000) if shard_of(webhook_id, shards) == shard)
    return [next(ids) for _ in range(count)]


def pairs(frame: DeliveryFrame) -> list[tuple[str, int]]:
    """The event and the webhook of each delivery of a frame."""
    return [(frame.events[one.event].id, one.webhook_id) for one in frame.deliveries]


class FakeTable:
    """The store's told tags, in memory; `before_change` is called before each change."""

    def __init__(self) -> None:
        self.rows: dict[TagKey, ToldTag] = {}
        self.errors: list[Exception] = []
        self.before_change: Callable[[], None] = lambda: None

    def find(self, keys: Sequence[TagKey]) -> dict[TagKey, ToldTag]:
        if self.errors:
            raise self.errors.pop(0)
        return {key: self.rows[key] for key in keys if key in self.rows}

    def naming(self, registry: str, repository: str, what: str) -> list[ToldTag]:
        return [
            row
            for row in self.rows.values()
            if (row.registry, row.repository) == (registry, repository)
            and row.webhook_id
            and what in (row.digest, row.tag)
        ]

    def change(self, rows: Iterable[ToldTag], *, durable: bool) -> set[TagKey]:
        before, self.before_change = self.before_change, lambda: None
        before()
        refused = set()
        for row in rows:
            known = self.rows.get(row.key)
            if row.version != (known.version if known else 0):
                refused.add(row.key)
            else:
                self.rows[row.key] = replace(row, version=row.version + 1)
        return refused


class FakeChildren:
    """The store's told children, in memory."""

    def __init__(self) -> None:
        self.rows: dict[ChildKey, int] = {}
        self.errors: list[Exception] = []
        self.before_tell: Callable[[], None] = lambda: None

    def find(self, keys: Sequence[ChildKey]) -> dict[ChildKey, int]:
        if self.errors:
            raise self.errors.pop(0)
        return {key: self.rows[key] for key in keys if key in self.rows}

    def tell(self, told: Mapping[ChildKey, int]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.before_tell()
        for key, told_ms in told.items():
            self.rows[key] = max(told_ms, self.rows.get(key, 0))


class FakeTags:
    """The store's deleted tags, in memory; `remembered` are known tags by their digest."""

    def __init__(self) -> None:
        self.told: list[DeletedTag] = []
        self.remembered: dict[str, list[str]] = {}
        self.errors: list[Exception] = []
        self.asked = 0

    def tell(self, tags: Sequence[DeletedTag]) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.told.extend(tags)

    def named(self, events: Sequence[Event]) -> list[Event]:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return [with_tags(each, self._tags(manifest_in(each))) for each in events]

    def _tags(self, manifest: DeletedManifest | None) -> list[str]:
        if manifest is None:
            return []
        told = [each.tag for each in self.told if each[:3] == manifest[:3]]
        return told or self.remembered.get(manifest.digest, [])


async def turns() -> None:
    """Let the loop go on without time passing."""
    for _ in range(10):
        await asyncio.sleep(0)


class Published(NamedTuple):
    """A frame that is under way."""

    exchange: str
    key: str
    frame: DeliveryFrame
    confirm: "asyncio.Future[None]"


class PublishedNotes(NamedTuple):
    """A frame of notes that is under way."""

    notes: list[Note]
    confirm: "asyncio.Future[None]"


class FakePublisher:
    """Confirms at once, or holds frames back until it is told to confirm."""

    def __init__(self, *, holding: bool = False) -> None:
        self.published: list[Published] = []
        self.noted: list[PublishedNotes] = []
        self.holding = holding

    async def publish_surely(
        self,
        body: bytes,
        *,
        exchange: str,
        key: str = "",
        headers: Mapping[str, str | int] | None = None,
    ) -> None:
        confirm: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if exchange == JOURNAL:
            self.noted.append(PublishedNotes(decode_journal(body).notes, confirm))
        else:
            self.published.append(Published(exchange, key, decode_deliveries(body), confirm))
        if self.holding:
            await confirm

    def let_go(self) -> None:
        """Confirm what is held back, and hold nothing back any more."""
        self.holding = False
        for confirm in [each.confirm for each in self.published] + [
            each.confirm for each in self.noted
        ]:
            if not confirm.done():
                confirm.set_result(None)

    @property
    def pairs(self) -> list[tuple[str, int]]:
        return [pair for published in self.published for pair in pairs(published.frame)]

    @property
    def routed(self) -> list[tuple[str, list[int]]]:
        """What was noted: events, and the webhooks of each."""
        return [
            (note.event_id, numbers(note.webhooks or ()))
            for published in self.noted
            for note in published.notes
        ]
