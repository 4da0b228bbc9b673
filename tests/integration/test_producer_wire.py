"""What a client can do wrong below HTTP's requests: slow, broken, endless, gone."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from portcall.producer.http.bodies import MAX_BODY_BYTES, Bodies
from tests.integration.producing import TOKEN, Served, Sink, poll, served

PUSH = b'{"action":"push","target":{"repository":"team/app"}}'
HEAD = (
    "POST /registries/myregistry/events HTTP/1.1\r\nHost: producer\r\n"
    f"Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
)


class Wire:
    """A connection that says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, *parts: bytes | str) -> None:
        for part in parts:
            self.writer.write(part.encode() if isinstance(part, str) else part)

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer: status, headers in lower case, body."""
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.split("\r\n")
            headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
            body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return int(first.split()[1]), headers, body

    async def refusal(self) -> tuple[int, str]:
        """The status and the code of the next answer, which is an error."""
        status, _, body = await self.answer()
        return status, json.loads(body)["error"]["code"]

    async def until_closed(self) -> None:
        async with asyncio.timeout(10):
            await self.reader.read()


@asynccontextmanager
async def wired(producer: Served) -> AsyncIterator[Wire]:
    reader, writer = await asyncio.open_connection("127.0.0.1", producer.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
async def wire(sink: Sink) -> AsyncIterator[Wire]:
    async with served(sink.publish, bodies=Bodies(timeout_s=0.3)) as producer, wired(producer) as w:
        yield w


async def test_a_body_that_dribbles_is_408_in_bounded_time(wire: Wire, sink: Sink) -> None:
    wire.send(HEAD, "Content-Length: 100\r\n\r\n", b'{"action":')
    assert await wire.refusal() == (408, "RequestTimeout")
    await wire.until_closed()
    assert sink.events == []


async def test_a_chunked_body_without_end_is_408(wire: Wire) -> None:
    wire.send(HEAD, "Transfer-Encoding: chunked\r\n\r\n", b"4\r\n[   \r\n")
    assert await wire.refusal() == (408, "RequestTimeout")


async def test_a_chunked_body_is_taken(wire: Wire, sink: Sink) -> None:
    wire.send(HEAD, "Transfer-Encoding: chunked\r\n\r\n")
    for part in (PUSH[:20], PUSH[20:]):
        wire.send(f"{len(part):x}\r\n", part, "\r\n")
    wire.send("0\r\n\r\n")
    status, _, body = await wire.answer()
    assert (status, body) == (202, b'{"accepted": 1, "ignored": 0}')
    assert len(sink.events) == 1


async def test_a_chunked_body_is_bounded_before_its_end(wire: Wire, sink: Sink) -> None:
    wire.send(HEAD, "Transfer-Encoding: chunked\r\n\r\n")
    chunk = b" " * 65536
    for _ in range(MAX_BODY_BYTES // len(chunk) + 1):
        wire.send(f"{len(chunk):x}\r\n", chunk, "\r\n")
    assert await wire.refusal() == (413, "BodyTooLarge")
    await wire.until_closed()


async def test_an_announced_size_is_refused_before_a_byte_of_it(wire: Wire) -> None:
    wire.send(HEAD, f"Content-Length: {10**12}\r\n\r\n")
    assert await wire.refusal() == (413, "BodyTooLarge")


@pytest.mark.parametrize("chunks", [b"xyz\r\n", b"-1\r\n\r\n", b"5\r\nabc\r\n0\r\n\r\n"])
async def test_malformed_chunks_are_400(wire: Wire, chunks: bytes) -> None:
    wire.send(HEAD, "Transfer-Encoding: chunked\r\n\r\n", chunks)
    status, _, _ = await wire.answer()
    assert status == 400


async def test_a_body_that_breaks_off_is_never_published(wire: Wire, sink: Sink) -> None:
    wire.send(HEAD, f"Content-Length: {len(PUSH) + 1}\r\n\r\n", PUSH)
    wire.writer.write_eof()
    await wire.until_closed()
    assert sink.events == []


async def test_a_client_that_waits_is_told_to_go_on(wire: Wire, sink: Sink) -> None:
    wire.send(HEAD, f"Expect: 100-continue\r\nContent-Length: {len(PUSH)}\r\n\r\n")
    assert (await wire.answer())[0] == 100
    wire.send(PUSH)
    assert (await wire.answer())[0] == 202
    assert len(sink.events) == 1


@pytest.mark.parametrize(
    ("head", "refusal"),
    [
        (HEAD + f"Content-Length: {2 * MAX_BODY_BYTES}\r\n", (413, "BodyTooLarge")),
        (HEAD.replace(TOKEN, "x" * 16) + "Content-Length: 5\r\n", (401, "Unauthorized")),
        (
            HEAD.replace("myregistry", "nobody1") + "Content-Length: 5\r\n",
            (404, "RegistryNotFound"),
        ),
        (
            HEAD.replace("application/json", "a/b") + "Content-Length: 5\r\n",
            (415, "UnsupportedMediaType"),
        ),
    ],
)
async def test_a_client_that_waits_is_refused_before_it_sends(
    wire: Wire, head: str, refusal: tuple[int, str]
) -> None:
    wire.send(head, "Expect: 100-continue\r\n\r\n")
    assert await wire.refusal() == refusal


async def test_another_expectation_is_ignored(wire: Wire) -> None:
    wire.send(HEAD, f"Expect: a-pony\r\nContent-Length: {len(PUSH)}\r\n\r\n", PUSH)
    assert (await wire.answer())[0] == 202


async def test_a_refused_request_leaves_the_connection_usable(wire: Wire, sink: Sink) -> None:
    wire.send(HEAD, "Content-Length: 2\r\n\r\n", b"{}")
    assert await wire.refusal() == (400, "InvalidRequest")
    wire.send(HEAD, f"Content-Length: {len(PUSH)}\r\n\r\n", PUSH)
    assert (await wire.answer())[0] == 202
    assert len(sink.events) == 1


async def test_pipelined_requests_are_answered_in_their_order(wire: Wire, sink: Sink) -> None:
    good = f"{HEAD}Content-Length: {len(PUSH)}\r\n\r\n".encode() + PUSH
    bad = f"{HEAD}Content-Length: 2\r\n\r\n".encode() + b"{}"
    wire.send(good, bad, good)
    assert [(await wire.answer())[0] for _ in range(3)] == [202, 400, 202]
    assert len(sink.events) == 2


@pytest.mark.parametrize(
    "sent",
    [
        "garbage\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nX: " + "y" * 20_000 + "\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\n bad: header\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_400(wire: Wire, sent: str) -> None:
    wire.send(sent)
    status, _, _ = await wire.answer()
    assert status == 400


async def test_a_client_that_leaves_early_does_not_undo_its_events(wire: Wire, sink: Sink) -> None:
    sink.gate.clear()
    wire.send(HEAD, f"Content-Length: {len(PUSH)}\r\n\r\n", PUSH)
    await wire.writer.drain()
    await poll(sink.is_asked)
    wire.writer.close()
    sink.gate.set()
    await poll(sink.has_events)
    assert len(sink.events) == 1
