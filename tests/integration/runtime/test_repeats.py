"""Requests with a repeated head: the same answers, in the same order, without parsing."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import pytest
from aiohttp import web

import portcall.runtime.http.repeats
import portcall.runtime.http.serving
from portcall.runtime.http.repeats import REPETITION, Plain
from portcall.runtime.http.serving import JsonRunner, Site

HEAD = b"POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nContent-Length: %d\r\n\r\n"
READ_S = 5.0


@dataclass
class Echo:
    """An application that echoes bodies, and says which requests it got parsed."""

    parsed: list[bytes] = field(default_factory=list)
    repeated: list[bytes] = field(default_factory=list)
    clients: list[str] = field(default_factory=list)
    is_open: bool = True
    hold: "asyncio.Event | None" = None
    answer_with: "web.Response | Exception | None" = None
    port: int = 0
    runner: "web.AppRunner | None" = None

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.parsed.append(body)
        status = 400 if body.upper() in (b"BAD", b"") else 200
        response = web.Response(body=body, status=status, content_type="application/json")
        response.charset = "utf-8"
        if body not in (b"bad", b""):
            response[REPETITION] = self
        return response

    def admits(self, client: str) -> bool:
        self.clients.append(client)
        return self.is_open

    async def answer(self, body: bytes, peer: str) -> Plain | web.Response:
        assert peer == "127.0.0.1"
        self.repeated.append(body)
        if self.hold is not None:
            await self.hold.wait()
        if isinstance(self.answer_with, Exception):
            raise self.answer_with
        return self.answer_with or Plain(200, body)


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    served = Echo()
    app = web.Application(handler_args={"keepalive_timeout": 0.5})
    app.router.add_post("/a", served.take)
    served.runner = JsonRunner(app, access_log=None, shutdown_timeout=0.5)
    await served.runner.setup()
    await Site(served.runner, "127.0.0.1", 0).start()
    served.port = served.runner.addresses[0][1]
    yield served
    if served.hold is not None:
        served.hold.set()
    await served.runner.cleanup()


def of(body: bytes) -> bytes:
    return HEAD % len(body) + body


class Caller:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def read(self) -> tuple[bytes, bytes]:
        """The head and the body of the next answer."""
        async with asyncio.timeout(READ_S):
            head = await self.reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"HTTP/1.1 100 "):
                head = await self.reader.readuntil(b"\r\n\r\n")
            size = re.search(rb"Content-Length: (\d+)", head)
            assert size is not None
            return head, await self.reader.readexactly(int(size[1]))

    async def ask(self, sent: bytes) -> tuple[bytes, bytes]:
        self.writer.write(sent)
        return await self.read()

    async def is_closed(self) -> bool:
        async with asyncio.timeout(READ_S):
            return await self.reader.read() == b""


@asynccontextmanager
async def caller(echo: Echo) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_connection("127.0.0.1", echo.port)
    try:
        yield Caller(reader, writer)
    finally:
        writer.close()


async def taught(echo: Echo, *bodies: bytes) -> None:
    """Let the server see the heads of these bodies, as often as it takes."""
    async with caller(echo) as one:
        await asyncio.sleep(0.01)
        for body in (*bodies, *bodies, *bodies):
            await one.ask(of(body))
    echo.parsed.clear()
    echo.repeated.clear()


async def until(count: int, seen: list[bytes]) -> None:
    async with asyncio.timeout(READ_S):
        while len(seen) < count:  # noqa: ASYNC110 (a list has no event)
            await asyncio.sleep(0.001)


async def begun(echo: Echo, one: Caller, body: bytes) -> None:
    """Send a request with a known head, until it is in work."""
    await asyncio.sleep(0.01)
    one.writer.write(of(body))
    await until(1, echo.repeated)


async def test_a_head_is_parsed_until_it_is_known(echo: Echo) -> None:
    async with caller(echo) as one:
        answers = [await one.ask(of(body)) for body in (b"1111", b"2222", b"3333", b"4444")]
    assert [body for _, body in answers] == [b"1111", b"2222", b"3333", b"4444"]
    assert echo.parsed + echo.repeated == [b"1111", b"2222", b"3333", b"4444"]
    assert echo.repeated[-1] == b"4444"
    assert set(echo.clients) == {"127.0.0.1"}


async def test_the_answers_have_the_same_headers(echo: Echo) -> None:
    async with caller(echo) as one:
        parsed, _ = await one.ask(of(b"1111"))
        repeated = b""
        while not echo.repeated:
            repeated, _ = await one.ask(of(b"2222"))

    def headers(head: bytes) -> set[bytes]:
        return {re.sub(rb"(Date: ).*", rb"\1", line) for line in head.split(b"\r\n")}

    assert headers(repeated) == headers(parsed)


async def test_it_is_known_on_every_connection(echo: Echo) -> None:
    await taught(echo, b"1111")
    for _ in range(2):
        async with caller(echo) as one:
            await one.ask(of(b"1111"))
            assert (await one.ask(of(b"2222")))[1] == b"2222"
    assert b"2222" in echo.repeated


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(HEAD % 5 + b"55555", id="another size"),
        pytest.param((HEAD % 4).replace(b"Bearer x", b"Bearer y") + b"5555", id="another token"),
        pytest.param((HEAD % 4).replace(b"Host", b"host") + b"5555", id="another case"),
    ],
)
async def test_another_head_is_parsed(echo: Echo, sent: bytes) -> None:
    await taught(echo, b"1111")
    async with caller(echo) as one:
        await one.ask(of(b"1111"))
        await one.ask(sent)
    assert echo.parsed[-1].startswith(b"5555")


@pytest.mark.parametrize("size", [1, 10, len(HEAD % 4), len(HEAD % 4) + 2])
async def test_what_comes_in_pieces_is_parsed(echo: Echo, size: int) -> None:
    await taught(echo, b"1111")
    async with caller(echo) as one:
        for body in (b"2222", b"3333"):
            sent = of(body)
            for at in range(0, len(sent), size):
                one.writer.write(sent[at : at + size])
                await asyncio.sleep(0.002)
            assert (await one.read())[1] == body
        assert (await one.ask(of(b"4444")))[1] == b"4444"
    assert echo.parsed == [b"2222", b"3333"]
    assert echo.repeated == [b"4444"]


async def test_pipelined_requests_are_answered_in_order(echo: Echo) -> None:
    await taught(echo, b"1111", b"22222")
    bodies = [b"1111", b"22222", b"3333", b"44444", b"5555"]
    async with caller(echo) as one:
        one.writer.write(b"".join(map(of, bodies)))
        assert [(await one.read())[1] for _ in bodies] == bodies


@pytest.mark.parametrize("gap_s", [0.0, 0.002])
async def test_what_comes_before_the_answer_waits_for_it(echo: Echo, gap_s: float) -> None:
    await taught(echo, b"1111")
    echo.hold = asyncio.Event()
    bodies = [b"%04d" % number for number in range(20)]
    async with caller(echo) as one:
        await begun(echo, one, bodies[0])
        for body in bodies[1:]:
            one.writer.write(of(body))
            await asyncio.sleep(gap_s)
        await asyncio.sleep(0.01)
        assert (echo.repeated, echo.parsed) == ([b"0000"], [])
        echo.hold.set()
        assert [(await one.read())[1] for _ in bodies] == bodies


async def test_much_that_comes_before_the_answer_is_left_with_the_client(echo: Echo) -> None:
    body = b"x" * 60_000
    await taught(echo, body)
    echo.hold = asyncio.Event()
    async with caller(echo) as one:
        await begun(echo, one, body)
        for _ in range(199):
            one.writer.write(of(body))
        await asyncio.sleep(0.2)
        transport = one.writer.transport
        assert transport.get_write_buffer_size() > 1_000_000  # the server reads no more
        echo.hold.set()
        for _ in range(200):
            assert (await one.read())[1] == body


async def test_heads_that_come_once_push_no_other_out(
    echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portcall.runtime.http.repeats, "MAX_HEADS", 3)
    await taught(echo, b"1111")
    async with caller(echo) as one:
        await asyncio.sleep(0.01)
        for size in range(10, 30):
            await one.ask(of(b"x" * size))
        await one.ask(of(b"2222"))
    assert echo.repeated == [b"2222"]


@pytest.mark.parametrize("at", [1, 30, len(HEAD % 4) - 6, len(HEAD % 4) - 2, len(HEAD % 4) + 1])
async def test_a_part_of_a_head_is_never_taken_for_a_head(echo: Echo, at: int) -> None:
    """A second request, cut by the network, follows the first one in its piece."""
    first, second = of(b"1111"), of(b"22222")
    for _ in range(4):
        async with caller(echo) as one:
            await asyncio.sleep(0.01)
            one.writer.write(first + second[:at])
            assert (await one.read())[1] == b"1111"
            one.writer.write(second[at:])
            assert (await one.read())[1] == b"22222"
            assert (await one.ask(of(b"3333")))[1] == b"3333"
    assert echo.repeated == []
    async with caller(echo) as stranger:
        await asyncio.sleep(0.01)
        stranger.writer.write(second[at:])
        stranger.writer.write_eof()
        async with asyncio.timeout(READ_S):
            assert b"22222" not in await stranger.reader.read()
    assert echo.repeated == []


@pytest.mark.parametrize("at", [1, 30, len(HEAD % 4) - 2])
async def test_a_known_request_inside_of_another_head_is_no_request(echo: Echo, at: int) -> None:
    await taught(echo, b"1111")
    async with caller(echo) as one:
        await asyncio.sleep(0.01)
        one.writer.write(of(b"22222") + of(b"333333")[:at])
        assert (await one.read())[1] == b"22222"
        one.writer.write(of(b"1111"))
        one.writer.write_eof()
        async with asyncio.timeout(READ_S):
            await one.reader.read()
    assert echo.repeated == []


@pytest.mark.parametrize("lines", [b"\r\n", b"\r\n\r\n", b"\r\n\r\n\r\n"])
async def test_empty_lines_before_a_request_are_no_head(echo: Echo, lines: bytes) -> None:
    async with caller(echo) as one:
        await asyncio.sleep(0.01)
        for body in (b"1111", b"2222", b"3333"):
            assert (await one.ask(lines + of(body)))[1] == body
    echo.repeated.clear()
    async with caller(echo) as stranger:
        await asyncio.sleep(0.01)
        stranger.writer.write(lines + b"4444")
        stranger.writer.write_eof()
        async with asyncio.timeout(READ_S):
            assert b"200 OK" not in await stranger.reader.read()
    assert echo.repeated == []


async def test_the_rights_of_one_request_are_not_those_of_another_in_its_piece(echo: Echo) -> None:
    """The first one is refused, and its head asks for another protocol: its rest is read later."""
    refused = (
        b"POST /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    for _ in range(4):
        async with caller(echo) as one:
            await asyncio.sleep(0.01)
            one.writer.write(refused + of(b"1111"))
            assert (await one.read())[0].startswith(b"HTTP/1.1 400 ")
            assert (await one.read())[1] == b"1111"
    async with caller(echo) as stranger:
        await asyncio.sleep(0.01)
        stranger.writer.write(refused + b"2222")
        await asyncio.sleep(0.05)
    assert echo.repeated == []


BETWEEN: dict[bytes, bytes | None] = {
    b"": None,
    b"\r\n": None,
    HEAD % 3 + b"bad": b"bad",
    b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n": b"404: Not Found",
    b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n77\r\n0\r\n\r\n": b"77",
}
"""What may come between requests, and how it is answered."""


@pytest.mark.parametrize("seed", range(20))
async def test_however_requests_are_cut_only_whole_heads_are_known(echo: Echo, seed: int) -> None:
    random, sizes = Random(seed), (1, 4, 5, 60)  # noqa: S311 (no secret)
    await taught(echo, *(b"x" * size for size in sizes[:2]))
    for _ in range(6):
        sent, expected = [], []
        for _ in range(8):
            more = random.choice([*BETWEEN, *[b""] * 8])
            body = b"%d" % random.randrange(10) * random.choice(sizes)
            sent += [more, of(body)]
            expected += [each for each in (BETWEEN[more], body) if each is not None]
        async with caller(echo) as one:
            await asyncio.sleep(0.005)
            rest = b""
            for part in sent:  # a piece is a whole one, a part of it, or that and more
                rest += part
                cut = random.choice([len(rest), len(rest), random.randrange(len(rest) + 1)])
                one.writer.write(rest[:cut])
                rest = rest[cut:]
                await asyncio.sleep(random.choice([0, 0.001, 0.003]))
            one.writer.write(rest)
            assert [(await one.read())[1] for _ in expected] == expected
    assert echo.runner is not None
    repeats = echo.runner.server.repeats  # type: ignore[union-attr]
    heads = {
        (repeats._hash(lines + HEAD % size), size) for size in sizes for lines in (b"", b"\r\n")
    }
    assert {*repeats._found, *repeats._seen} <= heads
    async with caller(echo) as one:  # and they still are
        await asyncio.sleep(0.005)
        assert (await one.ask(of(b"9")))[1] == echo.repeated[-1] == b"9"


async def test_a_connection_whose_requests_came_in_pieces_is_known_again(echo: Echo) -> None:
    await taught(echo, b"1111")
    async with caller(echo) as one:
        await asyncio.sleep(0.01)
        sent = of(b"2222")
        for part in (sent[:20], sent[20:-2], sent[-2:]):
            one.writer.write(part)
            await asyncio.sleep(0.01)
        assert (await one.read())[1] == b"2222"
        assert (await one.ask(of(b"3333")))[1] == b"3333"
        assert (await one.ask(b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n"))[0].startswith(
            b"HTTP/1.1 404"
        )
        assert (await one.ask(of(b"4444")))[1] == b"4444"
    assert echo.parsed == [b"2222"]
    assert echo.repeated == [b"3333", b"4444"]


async def test_what_may_have_changed_is_asked_each_time(echo: Echo) -> None:
    await taught(echo, b"1111")
    echo.is_open = False
    async with caller(echo) as one:
        await one.ask(of(b"1111"))
        await one.ask(of(b"2222"))
    assert (echo.parsed, echo.repeated) == ([b"1111", b"2222"], [])


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1111\r\n0\r\n\r\n", id="chunks"),
        pytest.param(b"POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n1111", id="expects"),
        pytest.param(b"POST /a HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nContent-Length: 4\r\n\r\n1111", id="an upgrade"),
        pytest.param(b"POST /a HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 5_000 + b"\r\nContent-Length: 4\r\n\r\n1111", id="a long head"),
        pytest.param(b"POST /a HTTP/1.1\r\nHost: a\r\n\r\n", id="no size"),
        pytest.param(HEAD % 3 + b"bad", id="a refusal"),
        pytest.param(HEAD % 3 + b"BAD", id="a refusal with an offer"),
    ],
)  # fmt: skip
async def test_these_are_always_parsed(echo: Echo, sent: bytes) -> None:
    async with caller(echo) as one:
        for _ in range(4):
            await one.ask(sent)
    assert (len(echo.parsed), echo.repeated) == (4, [])


@pytest.mark.parametrize("line", [b"POST /a HTTP/1.0", b"POST /a HTTP/1.1\r\nConnection: close"])
async def test_a_request_that_ends_its_connection_is_parsed(echo: Echo, line: bytes) -> None:
    for _ in range(3):
        async with caller(echo) as one:
            await asyncio.sleep(0.01)
            await one.ask(line + b"\r\nHost: a\r\nContent-Length: 4\r\n\r\n1111")
            assert await one.is_closed()
    assert (len(echo.parsed), echo.repeated) == (3, [])


async def test_heads_are_forgotten_when_there_are_too_many(
    echo: Echo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portcall.runtime.http.repeats, "MAX_HEADS", 3)
    for size in range(1, 11):
        await taught(echo, b"x" * size)
    async with caller(echo) as one:
        await asyncio.sleep(0.01)
        for size in (10, 9, 8, 1):
            await one.ask(of(b"x" * size))
    assert [len(body) for body in echo.repeated] == [10, 9, 8]
    assert [len(body) for body in echo.parsed] == [1]


async def test_an_answer_may_end_the_connection(echo: Echo) -> None:
    await taught(echo, b"1111")
    echo.answer_with = web.json_response(
        {"error": "later"}, status=503, headers={"Retry-After": "1"}
    )
    echo.answer_with.force_close()
    async with caller(echo) as one:
        await asyncio.sleep(0.01)
        head, body = await one.ask(of(b"1111"))
        assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"\r\nConnection: close\r\n" in head
        assert b"\r\nRetry-After: 1\r\n" in head
        assert body == b'{"error": "later"}'
        assert await one.is_closed()


async def test_an_answer_that_is_no_success_leaves_the_connection_open(echo: Echo) -> None:
    await taught(echo, b"1111")
    echo.answer_with = web.json_response({"error": "no"}, status=400)
    async with caller(echo) as one:
        await asyncio.sleep(0.01)
        assert (await one.ask(of(b"1111")))[0].startswith(b"HTTP/1.1 400 Bad Request\r\n")
        echo.answer_with = None
        assert (await one.ask(of(b"2222")))[1] == b"2222"


async def test_a_fault_of_ours_ends_that_connection_only(echo: Echo) -> None:
    await taught(echo, b"1111")
    echo.answer_with = LookupError("a fault")
    async with caller(echo) as one:
        await asyncio.sleep(0.01)
        one.writer.write(of(b"1111"))
        assert await one.is_closed()
    echo.answer_with = None
    async with caller(echo) as one:
        assert (await one.ask(of(b"2222")))[1] == b"2222"


async def test_a_client_that_leaves_before_the_answer_does_no_harm(echo: Echo) -> None:
    await taught(echo, b"1111")
    echo.hold = asyncio.Event()
    async with caller(echo) as one:
        await begun(echo, one, b"1111")
        one.writer.transport.abort()
    await asyncio.sleep(0.02)
    echo.hold.set()
    await asyncio.sleep(0.02)
    async with caller(echo) as one:
        await asyncio.sleep(0.01)
        assert (await one.ask(of(b"2222")))[1] == b"2222"
    assert echo.repeated == [b"1111", b"2222"]


async def test_an_idle_connection_is_closed_and_one_that_waits_is_not(echo: Echo) -> None:
    await taught(echo, b"1111")
    echo.hold = asyncio.Event()
    async with caller(echo) as one:
        await asyncio.sleep(0.01)
        one.writer.write(of(b"1111"))
        await asyncio.sleep(1.2)  # over twice the time for which a connection may be idle
        echo.hold.set()
        assert (await one.read())[1] == b"1111"
        assert await one.is_closed()


async def test_the_time_of_a_head_ends_with_it(echo: Echo, monkeypatch: pytest.MonkeyPatch) -> None:
    await taught(echo, b"1111")
    monkeypatch.setattr(portcall.runtime.http.serving, "HEAD_TIMEOUT_S", 0.1)
    async with caller(echo) as one:
        await asyncio.sleep(0.01)
        await one.ask(of(b"1111"))
        await asyncio.sleep(0.25)
        assert (await one.ask(of(b"2222")))[1] == b"2222"
        one.writer.write(of(b"3333")[:20])
        head, _ = await one.read()
        assert head.startswith(b"HTTP/1.1 408 ")


async def test_an_orderly_end_still_answers(echo: Echo) -> None:
    await taught(echo, b"1111")
    echo.hold = asyncio.Event()
    assert echo.runner is not None
    async with caller(echo) as one:
        await begun(echo, one, b"1111")
        one.writer.write(of(b"2222"))
        await asyncio.sleep(0.01)
        ending = asyncio.create_task(echo.runner.cleanup())
        await asyncio.sleep(0.05)
        echo.hold.set()
        assert (await one.read())[1] == b"1111"
        assert await one.is_closed()
        await ending


async def test_an_end_waits_for_a_limited_time(echo: Echo) -> None:
    await taught(echo, b"1111")
    echo.hold = asyncio.Event()
    assert echo.runner is not None
    async with caller(echo) as one:
        await begun(echo, one, b"1111")
        async with asyncio.timeout(READ_S):
            await echo.runner.cleanup()
        assert await one.is_closed()
