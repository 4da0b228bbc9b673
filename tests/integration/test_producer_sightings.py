"""What producers know of digests, by way of a real store that may be locked."""

import json
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, closing
from typing import Any

import pytest

from portcall.producer.digests.blobs import BLOB_TYPE
from portcall.producer.digests.keeper import DigestKeeper
from portcall.producer.rounds import PATIENCE_S
from portcall.schemas.extras import NONE
from portcall.store.engine import Store, open_store
from tests.integration.producing import Served, Sink, served
from tests.sink import eventually
from tests.unit.producer.samples import DIGEST, MANIFEST, envelope, notification

NOTIFICATIONS = "/registries/myregistry/notifications"
EVENTS = "/registries/myregistry/events"
V2 = {"Content-Type": "application/vnd.docker.distribution.events.v2+json"}
OTHER = "sha256:" + "cd" * 32


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    opened = open_store(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
async def producers(store: Store) -> AsyncIterator[list[tuple[Served, Sink]]]:
    """Two producers on one store, each with what it published."""
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(2):
            sink = Sink()
            serving = served(sink.publish, keeper=DigestKeeper(store.digests))
            found.append((await stack.enter_async_context(serving), sink))
        yield found


async def send(producer: Served, *notifications: object) -> dict[str, int]:
    body = envelope(*notifications)
    async with producer.client.post(NOTIFICATIONS, data=body, headers=V2) as answer:
        assert answer.status == 202
        told: dict[str, int] = await answer.json()
        return told


def target(sink: Sink) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(bytes(sink.events[-1].body))["target"]
    assert isinstance(body, dict)
    return body


async def test_one_producer_knows_what_another_saw(producers: list[tuple[Served, Sink]]) -> None:
    (first, _), (second, sink) = producers
    await send(first, notification(mediaType=MANIFEST))
    await send(first, notification(digest=OTHER, mediaType=BLOB_TYPE))
    assert await send(second, notification("delete")) == {"accepted": 1, "ignored": 0}
    assert target(sink) == {"mediaType": MANIFEST, "digest": DIGEST, "repository": "team/app"}
    blob = notification("delete", digest=OTHER)
    assert await send(second, blob) == {"accepted": 0, "ignored": 1}


async def test_a_locked_store_refuses_nothing_and_is_told_afterwards(
    producers: list[tuple[Served, Sink]], store: Store, sqlite_url: str
) -> None:
    (first, sink), (second, other) = producers
    path = sqlite_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        await send(first, notification(mediaType=MANIFEST))
        await send(first, notification(digest=OTHER, mediaType=BLOB_TYPE))
        await send(first, notification("delete"))
        assert target(sink)["mediaType"] == MANIFEST
        assert await send(first, notification("delete", digest=OTHER)) == {
            "accepted": 0,
            "ignored": 1,
        }
        assert time.monotonic() - began < 5 * PATIENCE_S
        lock.execute("ROLLBACK")

    async def known_to_the_other() -> bool:
        await send(second, notification("delete"))
        return "mediaType" in target(other)

    await eventually(known_to_the_other, within_s=20, what="the store was told")


async def test_one_producer_knows_the_referrers_among_events_that_another_got(
    producers: list[tuple[Served, Sink]],
) -> None:
    (first, _), (second, sink) = producers
    for producer, action, tag in (
        (first, "push", f"sha256-{'ab' * 32}"),
        (second, "delete", None),
        (first, "push", "v1"),
        (first, "delete", None),
    ):
        target = {"repository": "team/app", "tag": tag, "digest": DIGEST}
        event = {"action": action, "target": target}
        async with producer.client.post(EVENTS, json=event) as answer:
            assert answer.status == 202
    (delete,) = sink.events
    assert (delete.extras or NONE).referrer
    assert not (producers[0][1].events[-1].extras or NONE).referrer
