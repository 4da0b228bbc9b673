"""The management role over real sockets and a real broker."""

import asyncio
import gzip
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aiohttp import ClientSession, ClientTimeout
from structlog.testing import capture_logs
from structlog.typing import EventDict

from portcall.management.__main__ import serve
from portcall.management.events import routes as eventroutes
from portcall.management.http import calls
from portcall.management.settings import ManagementSettings
from portcall.runtime.broker import declaring as broker
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.process import Process
from portcall.schemas.deliveries import shard_of
from portcall.schemas.events import ping_event
from portcall.schemas.frames import decode_deliveries, encode_records
from portcall.schemas.records import Answer, Detail, Outcome, Record, Sent
from portcall.schemas.topology import LOG, WEBHOOKS, deliver_queue, topology
from portcall.schemas.webhooks import Sku
from portcall.store.engine import Store, open_store
from tests import keys
from tests.patience import SLOWEST

TOKEN = "0123456789abcdef"  # noqa: S105 (of the tests alone)
AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}
VERSION = {"api-version": "2025-11-01"}
NOBODY = "amqp://guest:guest@127.0.0.1:1/"
"""A port that nothing listens on."""


@dataclass
class Served:
    """A management role that runs in this process."""

    url: str
    port: int
    client: ClientSession
    store: Store
    process: Process
    logs: list[EventDict]

    @property
    def registry(self) -> str:
        installation = self.store.installation.get()
        return (
            f"/subscriptions/{installation.subscription}/resourceGroups/portcall"
            "/providers/Microsoft.ContainerRegistry/registries/Alpha"
        )

    @property
    def webhook(self) -> str:
        return f"{self.registry}/webhooks/webhook01"

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        async with self.client.request(method, path, params=VERSION, json=body) as answer:
            return answer.status, await answer.json() if answer.content_length else None

    async def put_webhook(self) -> int:
        body = {
            "location": "westus",
            "properties": {"serviceUri": "http://x.io", "actions": ["push"]},
        }
        status, webhook = await self.ask("PUT", self.webhook, body)
        assert status == 200, webhook
        return int(webhook["properties"]["portcall"]["id"])

    async def raw(self, request: bytes) -> bytes:
        """Send bytes and read until the server closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        try:
            async with asyncio.timeout(15):
                return await reader.read()
        finally:
            writer.close()


def settings_for(amqp_url: str, sqlite_url: str, run_file: Path) -> dict[str, str]:
    return {
        "PORTCALL_AMQP_URL": amqp_url,
        "PORTCALL_DATABASE_URL": sqlite_url,
        "PORTCALL_TOKEN": TOKEN,
        "PORTCALL_HOME": str(run_file.parent),
        "PORTCALL_ENCRYPTION_KEY": keys.KEY_TEXT,
        "PORTCALL_MANAGEMENT_BIND": "127.0.0.1:0",
        "PORTCALL_MANAGEMENT_TLS_BIND": "127.0.0.1:0",
        "PORTCALL_RUN_FILE": str(run_file),
        "PORTCALL_LOG_FORMAT": "json",
    }


def url_in(run_file: Path) -> str:
    """Where the role says that it serves; empty before it does."""
    if not run_file.exists():
        return ""
    url: str = json.loads(run_file.read_text())["urls"].get("management", "")
    return url


async def poll(ask: Callable[[], Awaitable[bool]], *, within_s: float = 15.0) -> None:
    """Wait until the answer is yes."""
    async with asyncio.timeout(SLOWEST * within_s):
        while True:
            if await ask():
                return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def served(amqp_url: str, sqlite_url: str, run_file: Path) -> AsyncIterator[Served]:
    settings = ManagementSettings.from_environment(settings_for(amqp_url, sqlite_url, run_file))
    store = open_store(sqlite_url, keys.vault())
    store.registries.put(
        "Alpha", location="westus", sku=Sku.PREMIUM, tags={}, resource_group="portcall"
    )
    process = Process("management", settings)
    with capture_logs() as logs:
        task = asyncio.create_task(serve(process, settings, store))

        async def is_up() -> bool:
            return bool(url_in(run_file)) or task.done()

        await poll(is_up)
        url = url_in(run_file)
        timeout = ClientTimeout(total=20)
        try:
            async with ClientSession(url, headers=AUTHORIZATION, timeout=timeout) as client:
                port = int(url.rpartition(":")[2])
                yield Served(url, port, client, store, process, logs)
        finally:
            process.stop()
            await task
            await process.close()
            store.close()


@pytest.fixture
async def alone(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """A role whose broker is away."""
    async with served(NOBODY, sqlite_url, tmp_path / "run.json") as management:
        yield management


@pytest.fixture
async def management(amqp_url: str, sqlite_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    """A role with its broker, connected."""
    await broker.apply(amqp_url, topology(shards=2, rungs_ms=(1000,)))
    async with served(amqp_url, sqlite_url, tmp_path / "run.json") as management:

        async def is_ready() -> bool:
            async with management.client.get("/ready") as answer:
                return answer.status == 200

        await poll(is_ready)
        yield management


@pytest.fixture
async def channel(amqp_url: str) -> AsyncIterator[aio_pika.abc.AbstractChannel]:
    connection = await aio_pika.connect(amqp_url)
    async with connection:
        yield await connection.channel()


# -- with its broker


async def test_a_ping_is_in_the_queue_of_its_shard_when_it_is_answered(
    management: Served, channel: aio_pika.abc.AbstractChannel
) -> None:
    webhook_id = await management.put_webhook()
    status, answer = await management.ask("POST", f"{management.webhook}/ping")
    assert status == 200
    queue = await channel.get_queue(deliver_queue(shard_of(webhook_id, 2)))
    message = await queue.get(timeout=5)
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    frame = decode_deliveries(message.body)
    assert [event.id for event in frame.events] == [answer["id"]]
    assert [delivery.webhook_id for delivery in frame.deliveries] == [webhook_id]
    await message.ack()


async def test_a_change_is_hinted_at_when_it_is_answered(
    management: Served, channel: aio_pika.abc.AbstractChannel
) -> None:
    queue = await channel.declare_queue(exclusive=True)
    await queue.bind(WEBHOOKS)
    await management.put_webhook()
    message = await queue.get(timeout=5)
    assert json.loads(message.body) == {"v": 1, "revision": management.store.webhooks.revision()}
    await message.ack()


def record_frame(frame_id: str, webhook_id: int) -> bytes:
    event = ping_event(
        registry="alpha", event_id=frame_id, now_ms=0, now="2026-01-01T00:00:00.0000000Z"
    )
    record = Record(
        event=0,
        webhook_id=webhook_id,
        attempt=1,
        outcome=Outcome.DELIVERED,
        status=200,
        started_ms=0,
        duration_us=1500,
        detail=Detail(
            sent=Sent(uri="http://x.io/", headers={}),
            answer=Answer(status=200, reason="OK", headers={}),
        ),
    )
    return encode_records(frame_id, [event], [record])


@asynccontextmanager
async def publisher_of(amqp_url: str) -> AsyncIterator[Publisher]:
    """A connection that publishes, once it is up."""
    publisher = Publisher(amqp_url, name="test")
    task = asyncio.create_task(publisher.run())

    async def is_up() -> bool:
        return publisher.problem is None

    await poll(is_up)
    try:
        yield publisher
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_who_follows_sees_what_happens_from_then_on_until_the_server_stops(
    management: Served, amqp_url: str
) -> None:
    webhook_id = await management.put_webhook()
    async with publisher_of(amqp_url) as publisher:
        await publisher.publish_surely(record_frame("before", webhook_id), exchange=LOG)
        path = f"{management.webhook}/followEvents"
        async with management.client.get(path, params=VERSION) as answer:
            assert answer.status == 200
            assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            assert answer.headers["x-ms-request-id"]
            assert await answer.content.readuntil(b"\n\n") == b": following\n\n"
            await publisher.publish_surely(record_frame("other", webhook_id + 1), exchange=LOG)
            for name in ("one", "two"):
                await publisher.publish_surely(record_frame(name, webhook_id), exchange=LOG)
                line = await answer.content.readuntil(b"\n\n")
                assert line.startswith(b"data: ")
                event = json.loads(line[6:])
                assert event["id"] == event["eventRequestMessage"]["content"]["id"] == name
                assert event["eventResponseMessage"]["statusCode"] == "200"
                assert event["portcall"]["durationMs"] == 1.5
            management.process.stop()
            closing = asyncio.create_task(management.process.close())
            assert await answer.content.read() == b": stopping\n\n"
        await closing


async def test_the_stream_is_read_again_for_the_next_follower(
    management: Served, amqp_url: str
) -> None:
    webhook_id = await management.put_webhook()
    path = f"{management.webhook}/followEvents"
    async with publisher_of(amqp_url) as publisher:
        for name in ("first", "second"):
            async with management.client.get(path, params=VERSION) as answer:
                assert await answer.content.readuntil(b"\n\n") == b": following\n\n"
                await publisher.publish_surely(record_frame(name, webhook_id), exchange=LOG)
                event = json.loads((await answer.content.readuntil(b"\n\n"))[6:])
                assert event["id"] == name


async def test_a_silent_stream_is_kept_alive(
    management: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    await management.put_webhook()
    monkeypatch.setattr(eventroutes, "KEEP_ALIVE_S", 0.05)
    async with management.client.get(
        f"{management.webhook}/followEvents", params=VERSION
    ) as answer:
        assert await answer.content.readuntil(b"\n\n") == b": following\n\n"
        for _ in range(2):
            assert await answer.content.readuntil(b"\n\n") == b": keep-alive\n\n"


async def test_a_follower_that_reads_nothing_is_thrown_out(
    management: Served, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook_id = await management.put_webhook()
    monkeypatch.setattr(eventroutes, "WRITE_TIMEOUT_S", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", management.port, limit=1024)
    request = (
        f"GET {management.webhook}/followEvents?api-version=2025-11-01 HTTP/1.1\r\nHost: x\r\n"
    )
    writer.write(f"{request}Authorization: Bearer {TOKEN}\r\n\r\n".encode())
    await reader.readuntil(b": following\n\n")

    def is_out() -> bool:
        lines = [line for line in management.logs if line["event"] == "request.served"]
        return any(line["path"].endswith("/followEvents") for line in lines)

    async with publisher_of(amqp_url) as publisher, asyncio.timeout(30):
        number = 0
        while not is_out():
            number += 1
            big = record_frame(f"{number}", webhook_id).replace(
                b'"OK"', b'"' + b"x" * 50_000 + b'"'
            )
            await publisher.publish_surely(big, exchange=LOG)
    writer.close()


# -- without it


async def test_without_the_broker_all_goes_on_but_pings_and_following(alone: Served) -> None:
    await alone.put_webhook()
    assert (await alone.ask("PATCH", alone.webhook, {"tags": {"a": "b"}}))[0] == 200
    assert (await alone.ask("GET", alone.webhook))[0] == 200
    assert (await alone.ask("POST", f"{alone.webhook}/listEvents"))[1] == {"value": []}
    for method, action in (("POST", "ping"), ("GET", "followEvents")):
        async with asyncio.timeout(5):
            status, answer = await alone.ask(method, f"{alone.webhook}/{action}")
        assert (status, answer["error"]["code"]) == (503, "ServiceUnavailable")
    assert (await alone.ask("DELETE", alone.webhook))[0] == 200
    async with ClientSession(alone.url) as stranger:
        async with stranger.get("/ready") as answer:
            assert answer.status == 503
            assert "broker" in (await answer.json())["problems"]
        async with stranger.get("/live") as answer:
            assert answer.status == 200


# -- bad input on the wire


def head(alone: Served, *lines: str, method: str = "PUT") -> bytes:
    request = [
        f"{method} {alone.webhook}?api-version=2025-11-01 HTTP/1.1",
        "Host: management.test",
        f"Authorization: Bearer {TOKEN}",
        "Content-Type: application/json",
        *lines,
    ]
    return "\r\n".join([*request, "", ""]).encode()


def refusal(answer: bytes) -> tuple[int, dict[str, str]]:
    """The status and the error of a raw answer."""
    lines, _, body = answer.partition(b"\r\n\r\n")
    assert b"retry-after" not in lines.lower()
    assert b"application/json; charset=utf-8" in lines
    error: dict[str, str] = json.loads(body)["error"]
    return int(lines.split()[1]), error


async def test_a_body_that_does_not_come_is_not_waited_for(
    alone: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "BODY_TIMEOUT_S", 0.1)
    answer = await alone.raw(head(alone, "Content-Length: 100") + b'{"location":')
    assert refusal(answer) == (
        408,
        {"code": "RequestTimeout", "message": "body: was not complete within 0.1 s"},
    )


async def test_a_body_that_is_announced_as_too_large_is_refused_at_once(alone: Served) -> None:
    status, error = refusal(await alone.raw(head(alone, "Content-Length: 1048577")))
    assert (status, error["code"], error["target"]) == (413, "RequestEntityTooLarge", "body")


async def test_a_body_in_chunks_is_refused_when_it_is_too_large(alone: Served) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answer = await alone.raw(head(alone, "Transfer-Encoding: chunked") + chunk * 17)
    assert refusal(answer)[0] == 413


async def test_a_compressed_body_is_bounded_by_what_it_unpacks_to(alone: Served) -> None:
    bomb = gzip.compress(bytes(32 * 1024 * 1024))
    async with alone.client.put(
        alone.webhook,
        params=VERSION,
        data=bomb,
        headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
    ) as answer:
        assert answer.status == 413
        assert (await answer.json())["error"]["target"] == "body"


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (["Content-Encoding: gzip", "Content-Length: 5"], b"nogzi"),
        (["Transfer-Encoding: chunked"], b"zz\r\n{}\r\n0\r\n\r\n"),
    ],
    ids=["no gzip", "no chunks"],
)
async def test_a_body_that_cannot_be_unpacked_is_a_400(
    alone: Served, lines: list[str], body: bytes
) -> None:
    answer = await alone.raw(head(alone, *lines, "Connection: close") + body)
    assert answer.split()[1] == b"400"
    assert not failures(alone)


def failures(alone: Served) -> list[EventDict]:
    return [line for line in alone.logs if line["event"] == "request.failed"]


async def test_a_client_that_leaves_in_the_middle_is_no_failure_of_ours(alone: Served) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", alone.port)
    writer.write(head(alone, "Content-Length: 100") + b'{"location":')
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    async def is_said() -> bool:
        return any(line["event"] == "request.served" for line in alone.logs)

    await poll(is_said)
    assert not failures(alone)


async def test_a_token_and_a_query_that_are_long_get_the_envelope(alone: Served) -> None:
    long = "x" * 40_000
    async with alone.client.get(
        alone.webhook, params=VERSION, headers={"Authorization": f"Bearer {long}"}
    ) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (
            401,
            "InvalidAuthenticationToken",
        )
    async with alone.client.get(
        f"{alone.registry}/webhooks", params=VERSION | {"$skipToken": long}
    ) as answer:
        assert (await answer.json())["error"]["target"] == "$skipToken"


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA\x00B: c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    ],
    ids=["TLS", "version", "blank", "NUL", "header too long", "negative length"],
)
async def test_what_is_no_http_is_refused_and_the_server_goes_on(
    alone: Served, request_: bytes
) -> None:
    assert (await alone.raw(request_)).startswith((b"HTTP/1.0 400 ", b"HTTP/1.1 400 "))
    assert (await alone.ask("GET", alone.registry))[0] == 200


async def test_a_path_that_is_none_is_a_404(alone: Served) -> None:
    request = b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert refusal(await alone.raw(request))[0] in {401, 404}


async def test_a_client_that_asks_first_is_told_to_go_on(alone: Served) -> None:
    body = b"[]"
    request = head(alone, "Expect: 100-continue", "Content-Length: 2", "Connection: close")
    answer = await alone.raw(request + body)
    first, _, rest = answer.partition(b"\r\n\r\n")
    assert first == b"HTTP/1.1 100 Continue"
    assert refusal(rest)[1]["message"] == "body: must be an object"


async def test_a_client_that_expects_more_is_refused(alone: Served) -> None:
    answer = await alone.raw(head(alone, "Expect: tea", "Content-Length: 0", "Connection: close"))
    assert refusal(answer)[0] == 417


# -- as a process


async def test_the_process_serves_until_sigterm_and_leaves_in_order(
    sqlite_url: str, tmp_path: Path
) -> None:
    run_file = tmp_path / "run.json"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "portcall.management",
        env=os.environ | settings_for(NOBODY, sqlite_url, run_file),
        stderr=asyncio.subprocess.PIPE,
    )

    async def is_up() -> bool:
        return bool(url_in(run_file))

    try:
        await poll(is_up, within_s=30)
        async with ClientSession(url_in(run_file), headers=AUTHORIZATION) as client:
            async with client.get("/subscriptions", params=VERSION) as answer:
                assert answer.status == 200
                assert len((await answer.json())["value"]) == 1
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                _, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    told = errors.decode().splitlines()
    lines = [json.loads(line) for line in told if line.startswith("{")]  # libraries write, too
    (line,) = [line for line in lines if line["event"] == "request.served"]
    assert (line["role"], line["path"], line["status"]) == ("management", "/subscriptions", 200)
    assert TOKEN not in errors.decode()
    assert not run_file.exists()


async def test_without_settings_the_process_says_what_is_missing(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "portcall.management",
        env={"PATH": os.environ["PATH"]},
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert b"PORTCALL_TOKEN: must be set" in errors
