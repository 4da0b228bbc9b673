"""What a sync publishes, against the producer's real HTTP."""

from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest

from portcall.cli.errors import NotFoundError, ServiceError
from portcall.cli.sync import publish
from portcall.cli.sync.comparison import Missed
from portcall.cli.sync.known import KnownTags
from portcall.cli.sync.progress_file import ProgressFile
from portcall.cli.sync.publish import Destination, Publishing, Tally
from portcall.cli.sync.registry.catalogue import Found
from portcall.runtime.errors import RefusedError
from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from tests.integration.producing import TOKEN, served
from tests.unit.cli.sync.test_scan import FakeCatalogue, FakeManagement

A = "sha256:" + "a" * 64
NOW = "2026-05-02T09:04:05.0000000Z"
MISSED = [
    Missed("push", "team/app", f"v{n}", A, media_type="application/x", size=7, at=NOW)
    for n in range(120)
]


async def published(url: str, path: Path, registry: str = "MyRegistry") -> Tally:
    tally = Tally()
    catalogue = FakeCatalogue({"team/app": {each.tag: Found(A) for each in MISSED}})
    address = f"{url}/registries/{registry}/events"

    async def pause(_seconds: float) -> None:
        return

    async with aiohttp.ClientSession() as http:
        with ProgressFile(path, {}, 1) as file:
            await Publishing(
                http=http,
                destination=Destination(address, TOKEN, registry, "registry.test"),
                catalogue=catalogue,
                known=KnownTags(FakeManagement(), "/r"),
                progress=file,
                rate=0,
                advance=lambda _count: None,
                pause=pause,
            ).run(MISSED, tally)
    return tally


async def test_events_are_accepted_with_their_mark_and_repeated_after_503_under_the_same_ids(
    tmp_path: Path,
) -> None:
    events: list[Event] = []
    asked = 0

    async def unsteady(given: Sequence[Event]) -> None:
        nonlocal asked
        asked += 1
        if asked % 2:
            raise RefusedError("a queue is full")
        events.extend(given)

    async with served(unsteady) as producer:
        tally = await published(producer.url, tmp_path / "progress")
    assert (tally.accepted, asked) == (120, 6)
    assert [event.tag for event in events] == [each.tag for each in MISSED]
    assert len({event.id for event in events}) == 120
    assert {event.extras for event in events} == {Extras(backfilled=True)}
    assert not any(b"portcall" in bytes(event.body) for event in events)


async def test_an_unknown_registry_and_an_absent_producer_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def take(_events: Sequence[Event]) -> None:
        return

    monkeypatch.setattr(publish, "TRIES", 2)
    async with served(take) as producer:
        with pytest.raises(NotFoundError, match="nowhere"):
            await published(producer.url, tmp_path / "progress", "nowhere")
    with pytest.raises(ServiceError, match="does not answer"):
        await published(producer.url, tmp_path / "progress")
