"""`portcall drain`, a new broker folder, and what `portcall audit --republish` brings back."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.installation import Client, Document, Installation, push_event
from tests.sink import Sink, eventually


@pytest.fixture
async def installation(tmp_path: Path, rabbitmq_installed: None) -> AsyncIterator[Installation]:
    """With a retry that nobody waits for: what failed twice stays on its rung."""
    started = Installation(tmp_path / "home", {"PORTCALL_RETRY_SCHEDULE": "1s,1h"})
    await asyncio.to_thread(started.start)
    yield started
    await asyncio.to_thread(started.clean_up)


async def drain(installation: Installation, *arguments: str) -> tuple[int, Document, str]:
    code, out, err = await installation.portcall("drain", "-o", "json", *arguments)
    assert out, err
    return code, json.loads(out), err


async def test_a_drain_refuses_what_comes_and_ends_when_nothing_is_pending(
    installation: Installation, http: aiohttp.ClientSession, sink: Sink
) -> None:
    client = Client(installation, http)
    registry = await client.new_registry()
    await client.new_webhook(registry, f"{sink.url}/{registry}")
    assert (await client.publish(registry, [push_event() for _ in range(50)]))[0] == 202

    code, said, err = await drain(installation, "--timeout", "60s")
    assert code == 0, (said, err)
    assert said["drained"] is True
    assert said["pending"] == 0
    assert said["stoppedAt"]
    status, refused = await client.publish(registry, [push_event()])
    assert status == 503
    assert "the intake has been stopped since" in refused["error"]["message"]
    code, out, _ = await installation.portcall("doctor", "-o", "json")
    told = [each for each in json.loads(out)["checks"] if each["check"] == "role producer-1"]
    assert code == 1
    assert "portcall drain --end" in told[0]["found"]

    # It holds over a restart.
    assert await asyncio.to_thread(installation.stop) == 0
    await asyncio.to_thread(installation.start)
    assert (await client.publish(registry, [push_event()]))[0] == 503

    code, said, _ = await drain(installation, "--end")
    assert (code, said["intake"]) == (0, "started")

    async def taken() -> bool:
        return (await client.publish(registry, [push_event()]))[0] == 202

    await eventually(taken, within_s=5, what="events are taken again")


async def test_what_was_pending_when_the_folder_went_is_published_again(
    installation: Installation, http: aiohttp.ClientSession, sink: Sink
) -> None:
    client = Client(installation, http)
    registry = await client.new_registry()
    path = f"/{registry}/fails"
    sink.always(path, 500)
    await client.new_webhook(registry, f"{sink.url}{path}")
    assert (await client.publish(registry, [push_event(), push_event()]))[0] == 202
    await sink.until(4, path=path)  # two attempts of both; the next one is in an hour

    code, said, err = await drain(installation, "--timeout", "9s")
    assert code == 1, (said, err)
    assert said["pendingBecause"] == {"notRetried": 2}
    assert "portcall drain --end" in err

    assert await asyncio.to_thread(installation.stop) == 0
    broker = installation.home / "rabbitmq"
    broker.rename(broker.with_name("rabbitmq-old"))
    sink.always(path, 200)
    await asyncio.to_thread(installation.start)
    code, _, err = await drain(installation, "--end")
    assert code == 0, err

    again = ("audit", "-r", registry, "--patience", "3s", "-o", "json")
    code, out, err = await installation.portcall(*again, "--republish")
    assert code == 0, (out, err)
    assert json.loads(out)["republished"]["published"] == 2
    await sink.until(6, path=path)
    ids = [each.delivery_id for each in sink.at(path)]
    assert set(ids[4:]) == set(ids[:4])
    code, out, err = await installation.portcall(*again, "--wait", "30s")
    assert code == 0, (out, err)
    (account,) = json.loads(out)["registries"]
    assert (account["delivered"], account["pending"], account["missing"]) == (2, 0, 0)
