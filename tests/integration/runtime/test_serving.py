"""What is not HTTP gets an answer in JSON all the same, and the server goes on."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

import portcall.runtime.http.serving
from portcall.runtime.http.serving import UNREAD, JsonRunner, Site, Unread
from tests.integration.deliverer.certificates import server_context


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def greet(_request: web.Request) -> web.Response:
        return web.json_response({"hello": "there"})

    app = web.Application()
    app.router.add_get("/", greet)
    runner = JsonRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def answer_to(port: int, sent: bytes) -> tuple[bytes, bytes]:
    """The head and the content that come back, until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    async with asyncio.timeout(5):
        head, _, content = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head, content


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"garbage\r\n\r\n", id="garbage"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", id="a TLS greeting"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", id="a long header"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", id="a broken chunk"),
        pytest.param(b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", id="another version"),
    ],
)  # fmt: skip
async def test_what_is_not_http_is_told_so_in_json(port: int, sent: bytes) -> None:
    head, content = await answer_to(port, sent)

    assert head.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
    assert b"application/json" in head
    assert json.loads(content)["error"]["code"] == "BadRequest"


async def test_a_good_request_is_served_as_before(port: int) -> None:
    await answer_to(port, b"garbage\r\n\r\n")
    head, content = await answer_to(port, b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200")
    assert json.loads(content) == {"hello": "there"}


# -- what repeats a header, and what is told of the unread


@dataclass
class Told:
    """A server whose application says which types it saw, and what was refused before it."""

    port: int
    unread: list[Unread]


@pytest.fixture
async def told() -> AsyncIterator[Told]:
    async def types(request: web.Request) -> web.Response:
        body = await request.text()
        return web.json_response([request.headers.getall("Content-Type", []), body])

    unread: list[Unread] = []
    app = web.Application()
    app.router.add_post("/{path:.*}", types)
    app[UNREAD] = unread.append
    runner = JsonRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield Told(runner.addresses[0][1], unread)
    await runner.cleanup()


TYPED = b"POST /a/b HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n"
TWICE = (
    b"Content-Type: a/b\r\nX: 1\r\ncontent-type: c/d\r\nUser-Agent: 1\r\nUser-Agent: 1\r\n\r\nhi"
)


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
async def test_a_second_content_type_is_joined_however_it_arrives(told: Told, size: int) -> None:
    sent = TYPED + TWICE
    reader, writer = await asyncio.open_connection("127.0.0.1", told.port)
    for at in range(0, len(sent), size):
        writer.write(sent[at : at + size])
        await asyncio.sleep(0.001 if size < 100 else 0.05)
    async with asyncio.timeout(5):
        _, _, content = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert json.loads(content) == [["a/b, c/d"], "hi"]
    assert told.unread == []


async def test_a_second_content_type_is_joined_on_a_connection_that_goes_on(told: Told) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", told.port)
    for number in range(3):
        writer.write(TYPED.replace(b"close", b"keep-alive") + TWICE)
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
            content = await reader.readexactly(len(b'[["a/b, c/d"], "hi"]'))
        assert head.startswith(b"HTTP/1.1 200"), number
        assert json.loads(content) == [["a/b, c/d"], "hi"]
    writer.close()


UNREADS = {
    "two lengths": (
        TYPED + b"Content-Length: 2\r\n\r\nhi", 400, "/a/b", "not well-formed HTTP/1.1",
    ),
    "two hosts": (TYPED + b"Host: b\r\n\r\nhi", 400, "/a/b", "Duplicate 'Host' header found"),
    "a folded header beside a second type": (
        TYPED + b"X: 1\r\n 2\r\n" + TWICE, 400, "/a/b", "not well-formed HTTP/1.1",
    ),
    "a long header": (
        TYPED + b"Authorization: Bearer " + b"secret" * 3000 + b"\r\n\r\nhi", 400, "/a/b", "is too long",
    ),
    "many headers": (TYPED + b"X: secret\r\n" * 200 + b"\r\nhi", 400, "/a/b", "Too many headers received"),
    "garbage": (b"garbage\r\n\r\n", 400, "", "not well-formed HTTP/1.1"),
    "NUL in a header": (TYPED + b"X: secret\0\r\n\r\nhi", 400, "/a/b", "not well-formed HTTP/1.1"),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "status", "target", "problem"), UNREADS.values(), ids=UNREADS)
async def test_an_application_is_told_what_its_server_refused_and_no_secret(
    told: Told, sent: bytes, status: int, target: str, problem: str
) -> None:
    await answer_to(told.port, sent)
    (unread,) = told.unread
    assert (unread.status, unread.target) == (status, target)
    assert problem in unread.problem and "secret" not in unread.problem


async def test_an_application_is_told_of_heads_that_are_late_or_endless(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portcall.runtime.http.serving, "HEAD_TIMEOUT_S", 0.3)
    await answer_to(told.port, b"POST /registries/a/events HTTP/1.1\r\nHost: ")
    monkeypatch.setattr(portcall.runtime.http.serving, "MAX_HEAD_BYTES", 1000)
    await answer_to(told.port, b"POST /endless HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 2000)
    assert [(unread.status, unread.target) for unread in told.unread] == [
        (408, "/registries/a/events"),
        (431, "/endless"),
    ]


# -- who is slow, large, or many


HEAD_TIMEOUT_S = 0.4
GOOD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
async def strict(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A server with short times and few connections, that can answer much and slowly."""
    monkeypatch.setattr(portcall.runtime.http.serving, "HEAD_TIMEOUT_S", HEAD_TIMEOUT_S)
    monkeypatch.setattr(portcall.runtime.http.serving, "STALL_TIMEOUT_S", 0.4)
    monkeypatch.setattr(portcall.runtime.http.serving, "max_connections", lambda: 8)

    async def greet(request: web.Request) -> web.Response:
        return web.json_response({"got": len(await request.read())})

    async def flood(_request: web.Request) -> web.Response:
        return web.Response(body=b"x" * 50_000_000)

    async def think(_request: web.Request) -> web.Response:
        await asyncio.sleep(3 * HEAD_TIMEOUT_S)
        return web.json_response({"thought": True})

    app = web.Application(handler_args={"keepalive_timeout": 2.0})
    app.router.add_route("*", "/", greet)
    app.router.add_get("/flood", flood)
    app.router.add_get("/think", think)
    runner = JsonRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def is_served(port: int) -> bool:
    head, _ = await answer_to(port, GOOD.replace(b"Host: a", b"Host: a\r\nConnection: close"))
    return head.startswith(b"HTTP/1.1 200")


async def drip(writer: asyncio.StreamWriter, every_s: float) -> None:
    """A header that never ends."""
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n")
    for number in range(10_000):
        writer.write(f"X-{number}: y\r\n".encode())
        await asyncio.sleep(every_s)


async def test_headers_that_drip_are_408_in_bounded_time_and_others_are_served(strict: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", strict)
    began = asyncio.get_running_loop().time()
    dripping = asyncio.create_task(drip(writer, 0.02))
    assert await is_served(strict)
    async with asyncio.timeout(5):
        head, _, content = (await reader.read()).partition(b"\r\n\r\n")
    took_s = asyncio.get_running_loop().time() - began
    dripping.cancel()
    assert head.startswith(b"HTTP/1.1 408 ")
    assert json.loads(content)["error"]["code"] == "RequestTimeout"
    assert HEAD_TIMEOUT_S * 0.9 < took_s < HEAD_TIMEOUT_S + 1
    writer.close()


async def test_who_says_nothing_is_hung_up_on(strict: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", strict)
    async with asyncio.timeout(3):
        assert await reader.read() == b""
    writer.close()


async def test_the_headers_of_a_second_request_have_the_same_time(strict: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", strict)
    writer.write(GOOD)
    await reader.readuntil(b"}")
    writer.write(b"GET / HT")
    async with asyncio.timeout(1.5):  # less than the time that an idle connection has
        assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
    writer.close()


async def test_a_connection_may_be_idle_between_requests(strict: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", strict)
    for _ in range(2):
        writer.write(GOOD)
        assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
        await asyncio.sleep(1.5 * HEAD_TIMEOUT_S)
    writer.close()


async def test_a_body_is_no_part_of_the_headers(strict: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", strict)
    writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n")
    for _ in range(4):
        await asyncio.sleep(HEAD_TIMEOUT_S / 2)
        writer.write(b"x")
    async with asyncio.timeout(3):
        assert (await reader.readuntil(b"}")).endswith(b'{"got": 4}')
    await asyncio.sleep(1.5 * HEAD_TIMEOUT_S)  # idle after it, as after any other
    size = 3 * portcall.runtime.http.serving.MAX_HEAD_BYTES
    writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.write(b"x" * size)
    async with asyncio.timeout(3):
        assert (await reader.readuntil(b"}")).endswith(b'{"got": %d}' % size)
    writer.close()


async def test_who_waits_for_a_long_answer_and_begins_another_request_gets_both(
    strict: int,
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", strict)
    writer.write(b"GET /think HTTP/1.1\r\nHost: a\r\n\r\n")
    await asyncio.sleep(HEAD_TIMEOUT_S / 2)
    writer.write(GOOD[:8])
    async with asyncio.timeout(5):
        assert (await reader.readuntil(b"}")).endswith(b'{"thought": true}')
        writer.write(GOOD[8:])
        assert (await reader.readuntil(b"}")).endswith(b'{"got": 0}')
    writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", id="200 headers"),
        pytest.param(b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", id="a long path"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: " % n + b"y" * 8_000 + b"\r\n" for n in range(90)), id="500 KiB of headers"),
        pytest.param(b"GET / HTTP/1.1\r\nX: " + b"y" * 1_000_000, id="one endless header"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"".join(b"etag: %d\r\n" % n for n in range(5_000)) + b"\r\n", id="5,000 ETags"),
    ],
)  # fmt: skip
async def test_headers_that_are_too_many_or_too_large(strict: int, sent: bytes) -> None:
    try:
        head, content = await answer_to(strict, sent)
    except ConnectionError:
        pass  # hung up on before everything was sent: the answer can be lost
    else:
        assert head.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
        assert json.loads(content)["error"]["code"]
    assert await is_served(strict)


async def test_who_does_not_read_the_answer_is_hung_up_on(strict: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", strict, limit=1024)
    writer.write(b"GET /flood HTTP/1.1\r\nHost: a\r\n\r\n")
    await asyncio.sleep(2)  # nothing is read meanwhile
    got = 0
    with suppress(ConnectionError):
        while chunk := await reader.read(2**20):
            got += len(chunk)
    assert got < 50_000_000
    assert await is_served(strict)
    writer.close()


async def test_one_client_has_half_of_the_connections(strict: int) -> None:
    kept = [await asyncio.open_connection("127.0.0.1", strict) for _ in range(4)]
    for reader, writer in kept:
        writer.write(GOOD)
        await reader.readuntil(b"}")
    reader, writer = await asyncio.open_connection("127.0.0.1", strict)
    writer.write(GOOD)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    kept[0][1].close()
    writer.close()
    async with asyncio.timeout(5):
        while not await _is_let_in(strict):  # noqa: ASYNC110 (the server's event, not ours)
            await asyncio.sleep(0.02)
    for _, writer in kept:
        writer.close()


async def _is_let_in(port: int) -> bool:
    try:
        return await is_served(port)
    except ConnectionError:
        return False


async def test_a_tls_handshake_has_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portcall.runtime.http.serving, "HEAD_TIMEOUT_S", HEAD_TIMEOUT_S)

    async def greet(_request: web.Request) -> web.Response:
        return web.json_response({"hello": "there"})

    app = web.Application()
    app.router.add_get("/", greet)
    runner = JsonRunner(app, access_log=None)
    await runner.setup()
    await Site(runner, "127.0.0.1", 0, ssl_context=server_context(tmp_path)).start()
    port = runner.addresses[0][1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\x16\x03\x01")  # the beginning of a greeting
    trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    async with (
        ClientSession() as client,
        client.get(f"https://127.0.0.1:{port}/", ssl=trusting) as answer,
    ):
        assert await answer.json() == {"hello": "there"}
    async with asyncio.timeout(5):
        with suppress(ConnectionError):
            assert await reader.read() == b""
    writer.close()
    await runner.cleanup()
