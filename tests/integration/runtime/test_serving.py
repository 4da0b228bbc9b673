"""What is not HTTP gets an answer in JSON all the same, and the server goes on."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from runtime.serving import JsonRunner


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
