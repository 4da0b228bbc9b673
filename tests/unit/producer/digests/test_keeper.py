"""Sightings and the store: what is kept when, and what happens while the store is away."""

import asyncio
import threading
import time
from collections.abc import Iterable, Mapping, Sequence

import pytest

from portcall.producer.digests import keeper
from portcall.producer.digests.blobs import BLOB_TYPE
from portcall.producer.digests.digests import KnownDigests, full_name
from portcall.producer.digests.keeper import REFRESH_MS, DigestKeeper
from portcall.producer.formats import distribution
from portcall.producer.formats.acceptance import Translation
from portcall.producer.rounds import PATIENCE_S, RETRY_S
from portcall.runtime.metrics import REGISTRY
from portcall.store.errors import StoreUnavailableError
from portcall.store.intake.digests import KnownDigest
from tests.sink import eventually
from tests.unit.producer.samples import DIGEST, MANIFEST, acceptance, envelope, notification

NAME = full_name("myregistry", "team/app", DIGEST)
PUSH = notification(mediaType=MANIFEST)
BLOB = notification(mediaType=BLOB_TYPE)
DELETE = notification("delete")


class FakeTable:
    """A store's table, which fails or hangs as told; what it has is in `rows`."""

    def __init__(self) -> None:
        self.rows: dict[bytes, KnownDigest] = {}
        self.writes: list[int] = []
        self.reads: list[int] = []
        self.away = False
        self.gate = threading.Event()
        self.gate.set()

    def keep(self, seen: Iterable[KnownDigest]) -> None:
        rows = list(seen)
        self.writes.append(len(rows))
        self._answer()
        for each in rows:
            before = self.rows.get(each.name, each)
            self.rows[each.name] = KnownDigest(
                each.name,
                each.is_manifest or before.is_manifest,
                each.media_type or before.media_type,
                each.seen_ms,
            )

    def find(self, names: Sequence[bytes]) -> Mapping[bytes, KnownDigest]:
        self.reads.append(len(names))
        self._answer()
        return {name: self.rows[name] for name in names if name in self.rows}

    def _answer(self) -> None:
        assert self.gate.wait(30)
        if self.away:
            raise StoreUnavailableError("away")


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1_000

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def table() -> FakeTable:
    return FakeTable()


async def take(kept: DigestKeeper, *notifications: object) -> Translation:
    """Take an envelope as `producer.ingest` does."""
    glance = kept.glance()
    body = envelope(*notifications)
    translation = distribution.read(glance, body, acceptance())
    if await kept.recall(glance):
        translation = distribution.read(glance, body, acceptance())
    await kept.settled(kept.begin(glance.learnt))
    return translation


def media_type(translation: Translation) -> str | None:
    (event,) = translation.events
    body = bytes(event.body).decode()
    return body.partition('"mediaType":"')[2].partition('"')[0] or None


def count(name: str) -> float:
    return REGISTRY.get_sample_value(f"{name}_total") or 0.0


async def settled(table: FakeTable, rows: int) -> None:
    await eventually(lambda: len(table.rows) >= rows, within_s=10, what="it is in the store")


async def test_what_was_seen_is_in_the_store_when_the_request_is_answered(table: FakeTable) -> None:
    await take(DigestKeeper(table, Clock()), PUSH)
    assert table.rows == {
        NAME: KnownDigest(NAME, is_manifest=True, media_type=MANIFEST, seen_ms=1_000)
    }


async def test_another_producer_finds_it(table: FakeTable) -> None:
    await take(DigestKeeper(table), PUSH)
    assert media_type(await take(DigestKeeper(table), DELETE)) == MANIFEST


@pytest.mark.parametrize("action", ["push", "pull", "mount"])
async def test_another_producer_ignores_the_delete_of_a_blob(action: str, table: FakeTable) -> None:
    await take(DigestKeeper(table), notification(action, mediaType=BLOB_TYPE))
    assert (await take(DigestKeeper(table), DELETE)).ignored == {"blob_delete": 1}


async def test_a_manifest_that_another_producer_saw_is_no_blob(table: FakeTable) -> None:
    mine = DigestKeeper(table)
    await take(mine, BLOB)
    await take(DigestKeeper(table), PUSH)
    assert media_type(await take(mine, DELETE)) == MANIFEST


async def test_an_unknown_digest_is_deleted_as_a_manifest(table: FakeTable) -> None:
    assert media_type(await take(DigestKeeper(table), DELETE)) is None


async def test_a_manifest_in_memory_is_not_asked_for(table: FakeTable) -> None:
    kept = DigestKeeper(table)
    await take(kept, PUSH)
    await take(kept, DELETE)
    assert table.reads == []


async def test_an_envelope_of_many_deletes_asks_once(table: FakeTable) -> None:
    await take(
        DigestKeeper(table),
        *(notification(digest=f"sha256:{n}", mediaType=BLOB_TYPE) for n in range(300)),
    )
    deletes = [notification("delete", digest=f"sha256:{n}") for n in range(300)]
    assert (await take(DigestKeeper(table), *deletes)).ignored == {"blob_delete": 300}
    assert table.reads == [600]  # of each also whether it was a referrer


async def test_pulls_and_pushes_of_the_same_are_written_once_a_day(table: FakeTable) -> None:
    clock = Clock()
    kept = DigestKeeper(table, clock)
    for _ in range(3):
        await take(kept, PUSH)
        await take(kept, notification("pull", mediaType=MANIFEST))
    assert table.writes == [1]
    clock.now_ms += REFRESH_MS
    await take(kept, PUSH)
    assert table.writes == [1, 1]
    assert table.rows[NAME].seen_ms == 1_000 + REFRESH_MS


async def test_a_blob_that_turns_out_a_manifest_is_written_again_and_not_the_other_way_round(
    table: FakeTable,
) -> None:
    kept = DigestKeeper(table)
    for sent in (BLOB, PUSH, BLOB, PUSH):
        await take(kept, sent)
    assert table.writes == [1, 1]


async def test_requests_that_come_together_share_a_transaction(table: FakeTable) -> None:
    kept = DigestKeeper(table)
    table.gate.clear()
    first = asyncio.ensure_future(take(kept, PUSH))
    await asyncio.sleep(0.05)
    others = [
        asyncio.ensure_future(take(kept, notification(digest=f"sha256:{n}", mediaType=MANIFEST)))
        for n in range(20)
    ]
    await asyncio.sleep(0.05)
    table.gate.set()
    await asyncio.gather(first, *others)
    assert table.writes == [1, 20]


async def test_a_store_that_is_away_delays_nothing_and_gets_it_later(table: FakeTable) -> None:
    kept = DigestKeeper(table)
    table.away = True
    began = time.monotonic()
    for number in range(50):
        await take(kept, notification(digest=f"sha256:{number}", mediaType=MANIFEST))
    assert time.monotonic() - began < RETRY_S
    assert table.rows == {}
    table.away = False
    await settled(table, 50)


async def test_without_the_store_deletes_go_by_memory(table: FakeTable) -> None:
    kept = DigestKeeper(table)
    table.away = True
    before = count("portcall_producer_deletes_by_memory")
    await take(kept, PUSH, notification(digest="sha256:b", mediaType=BLOB_TYPE))
    assert media_type(await take(kept, DELETE)) == MANIFEST
    assert (await take(kept, notification("delete", digest="sha256:b"))).ignored == {
        "blob_delete": 1
    }
    assert media_type(await take(kept, notification("delete", digest="sha256:c"))) is None
    assert count("portcall_producer_deletes_by_memory") == before + 2


async def test_a_store_that_hangs_is_waited_for_once(table: FakeTable) -> None:
    kept = DigestKeeper(table)
    table.gate.clear()
    began = time.monotonic()
    await take(kept, PUSH)
    assert PATIENCE_S <= time.monotonic() - began < 3 * PATIENCE_S
    for number in range(50):
        await take(kept, notification(digest=f"sha256:{number}", mediaType=MANIFEST))
    await take(kept, notification("delete", digest="sha256:z"))
    for _ in range(20):
        await take(kept, notification("delete", digest="sha256:z"))
    assert time.monotonic() - began < 5 * PATIENCE_S
    table.gate.set()
    await settled(table, 51)


async def test_what_waits_for_the_store_is_bounded(
    table: FakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "MAX_WAITING", 3)
    kept = DigestKeeper(table)
    table.away = True
    before = count("portcall_producer_sightings_dropped")
    for number in range(10):
        await take(kept, notification(digest=f"sha256:{number}", mediaType=MANIFEST))
    assert count("portcall_producer_sightings_dropped") >= before + 6
    table.away = False
    await settled(table, 3)
    assert len(table.rows) == 3


async def test_what_was_dropped_is_written_when_it_is_seen_again(
    table: FakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "MAX_WAITING", 0)
    kept = DigestKeeper(table)
    await take(kept, PUSH)
    assert table.rows == {}
    monkeypatch.undo()
    await take(kept, PUSH)
    assert set(table.rows) == {NAME}


async def test_what_waits_is_written_at_the_end(table: FakeTable) -> None:
    kept = DigestKeeper(table)
    table.away = True
    await take(kept, PUSH)
    table.away = False
    await kept.drained(5)
    assert set(table.rows) == {NAME}
    await kept.drained(5)
    assert len(table.writes) == 2


async def test_the_end_does_not_wait_for_a_store_that_hangs(table: FakeTable) -> None:
    kept = DigestKeeper(table)
    table.gate.clear()
    await take(kept, PUSH)
    began = time.monotonic()
    await take(kept, notification(digest="sha256:b", mediaType=MANIFEST))
    await kept.drained(0.2)
    assert time.monotonic() - began < 2
    table.gate.set()
    await settled(table, 2)


@pytest.mark.parametrize(
    "media_type",
    [
        pytest.param("m" * 300, id="longer than any"),
        pytest.param("a/b\0", id="NUL"),
        pytest.param("a/ü", id="beyond ASCII"),
        pytest.param("a/b\n", id="a line break"),
    ],
)
async def test_a_text_that_is_no_media_type_is_not_kept(media_type: str, table: FakeTable) -> None:
    glance = DigestKeeper(table).glance()
    glance.saw_manifest(NAME, media_type)
    assert glance.learnt == {NAME: ""}
    assert glance.media_type(NAME) is None
    assert not glance.only_blob(NAME)
    memory = KnownDigests()
    memory.saw_manifest(NAME, media_type)
    assert memory.media_type(NAME) is None
