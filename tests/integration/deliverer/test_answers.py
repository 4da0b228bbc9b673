"""Answers in every form that RFC 9110 and 9112 allow, on real sockets, however they are cut."""

import asyncio
import gzip
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable

import pytest

from portcall.deliverer.post.redaction import redacted, secrets_of
from portcall.deliverer.post.sender import Sender
from portcall.loadtest.plan import Outcome, Planned
from portcall.loadtest.send.poster import Poster
from portcall.loadtest.send.target import ConsumerTarget
from portcall.schemas.records import MAX_RESPONSE_CHARACTERS, Failure
from tests.canary import Canary
from tests.integration.deliverer.conftest import LOOPBACK
from tests.integration.deliverer.endpoints import OK, Connection, Script, endpoint
from tests.integration.deliverer.test_sender import posted, request_to
from tests.unit.deliverer.samples import webhook

TIMEOUT_S = 1.5
STATUS = b"HTTP/1.1 200 OK\r\n"
TWO = b"Content-Length: 2\r\n\r\nok"


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    async with Sender(timeout_s=TIMEOUT_S, allowed=LOOPBACK) as made:
        yield made


def saying(data: bytes, *, by: int = 0) -> Script:
    """Answer one request with *data*, in packets of *by* bytes, and wait for the end."""

    async def script(connection: Connection) -> None:
        await connection.request()
        for start in range(0, len(data), by or len(data)):
            await connection.write(data[start : start + (by or len(data))])
            if by:
                await asyncio.sleep(0)
        await connection.reader.read()

    return script


VALID = {
    "100": (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200),
    "102": (b"HTTP/1.1 102 Processing\r\n\r\n" + OK, 200),
    "103": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK, 200),
    "104": (b"HTTP/1.1 104 Upload Resumption Supported\r\nA: b\r\n\r\n" + OK, 200),
    "110": (b"HTTP/1.1 110 X\r\n\r\n" + OK, 200),
    "199": (b"HTTP/1.1 199 Miscellaneous\r\n\r\n" + OK, 200),
    "several-1xx": (b"HTTP/1.1 199 A\r\n\r\nHTTP/1.1 104 B\r\nA: b\r\n\r\n" * 20 + OK, 200),
    "1xx-without-reason": (b"HTTP/1.1 104\r\n\r\n" + OK, 200),
    "1xx-of-1.0": (b"HTTP/1.0 100 Continue\r\n\r\n" + OK, 200),
    "1xx-close": (b"HTTP/1.1 104 X\r\nConnection: close\r\n\r\n" + OK, 200),
    "1xx-upgrade": (b"HTTP/1.1 104 X\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n" + OK, 200),
    "1xx-length": (b"HTTP/1.1 104 X\r\nContent-Length: 7\r\n\r\n" + OK, 200),
    "1xx-folded": (b"HTTP/1.1 104 X\r\nA: b\r\n c\r\n\r\n" + OK, 200),
    "1xx-before-a-refusal": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\nRetry-After: 7\r\n" + TWO, 503
    ),
    "folded": (STATUS + b"X-A: one\r\n two\r\n\tthree\r\n" + TWO, 200),
    "folded-at-once": (STATUS + b"X-A:\r\n one\r\n" + TWO, 200),
    "folded-around-nothing": (STATUS + b"X-A: one\r\n \r\n two\r\n" + TWO, 200),
    "bare-lf": (b"HTTP/1.1 200 OK\nX-A: b\nContent-Length: 2\n\nok", 200),
    "mixed-line-ends": (b"HTTP/1.1 200 OK\nX-A: b\r\nContent-Length: 2\r\n\nok", 200),
    "no-reason": (b"HTTP/1.1 200\r\n" + TWO, 200),
    "empty-reason": (b"HTTP/1.1 200 \r\n" + TWO, 200),
    "reason-with-blanks": (b"HTTP/1.1 200 All is well: yes\r\n" + TWO, 200),
    "1.0-keep-alive": (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + TWO, 200),
    "1.2": (b"HTTP/1.2 200 OK\r\n" + TWO, 200),
    "equal-lengths": (STATUS + b"Content-Length: 2\r\n" + TWO, 200),
    "list-of-equal-lengths": (STATUS + b"Content-Length: 2, 2\r\n\r\nok", 200),
    "length-beside-chunked": (
        STATUS + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        200,
    ),
    "upper-case": (STATUS + b"TRANSFER-ENCODING: CHUNKED\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200),
    "trailers": (
        STATUS + b"Trailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2;a=b\r\nok\r\n0\r\nX-T: v\r\n\r\n",
        200,
    ),
    "blank-before-colon": (STATUS + b"X-A : b\r\n" + TWO, 200),
    "no-value": (STATUS + b"X-A:\r\n" + TWO, 200),
    "no-blank": (STATUS + b"X-A:b\r\n" + TWO.replace(b": ", b":"), 200),
    "tabs": (STATUS + b"X-A:\t b \t\r\n" + TWO, 200),
    "empty-lines-first": (b"\r\n\r\n" + OK, 200),
    "status-999": (b"HTTP/1.1 999 X\r\n" + TWO, 999),
    "upgrade-offered": (STATUS + b"Upgrade: h2c\r\nConnection: Upgrade\r\n" + TWO, 200),
}  # fmt: skip
WITHOUT_CONTENT = {
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
    "204-with-length": (b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204),
    "204-with-content": (b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", 204),
    "204-chunked": (
        b"HTTP/1.1 204 N\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 204
    ),
    "205": (b"HTTP/1.1 205 Reset\r\nContent-Length: 0\r\n\r\n", 205),
    "304": (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", 304),
    "200-empty": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200),
}  # fmt: skip


@pytest.mark.parametrize("by", [0, 1, 7], ids=["whole", "bytes", "sevens"])
@pytest.mark.parametrize(("data", "status"), VALID.values(), ids=VALID)
async def test_valid_answers_are_read(sender: Sender, data: bytes, status: int, by: int) -> None:
    async with endpoint(saying(data, by=by)) as target:
        attempt = await posted(sender, target.url, within_s=TIMEOUT_S)
    assert attempt.answer is not None, attempt.message
    assert attempt.status == status
    assert attempt.succeeded is (status == 200)
    assert attempt.answer.content == "ok"
    assert attempt.duration_us < 1_000_000
    shown = attempt.answer.headers
    if "X-A" in shown:
        assert shown["X-A"] in ("b", "", "one", "one two", "one two three")
    assert "X-T" not in shown
    if status == 503:
        assert attempt.retry_after == "7"


@pytest.mark.parametrize("by", [0, 1], ids=["whole", "bytes"])
@pytest.mark.parametrize(("data", "status"), WITHOUT_CONTENT.values(), ids=WITHOUT_CONTENT)
async def test_statuses_without_a_content(
    sender: Sender, data: bytes, status: int, by: int
) -> None:
    async with endpoint(saying(data, by=by)) as target:
        attempt = await posted(sender, target.url, within_s=TIMEOUT_S)
    assert (attempt.status, attempt.answer and attempt.answer.content) == (status, "")


@pytest.mark.parametrize("size", [3_000, 60_000, 1_000_000])
async def test_an_answer_before_the_whole_request_is_read(sender: Sender, size: int) -> None:
    """A server may refuse a body that is still on its way, and close."""

    async def early(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        await connection.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")

    async with endpoint(early) as server:
        attempt = await sender.send(request_to(server.url, body=b"x" * size))
    assert attempt.answer is not None, attempt.message
    assert attempt.answer.status == 413


@pytest.mark.parametrize(
    ("data", "status"), (VALID | WITHOUT_CONTENT).values(), ids=VALID | WITHOUT_CONTENT
)
async def test_the_answer_after_a_valid_one_is_its_own(
    sender: Sender, data: bytes, status: int
) -> None:
    """Whatever was left on a connection is not taken for the answer to the next request."""

    async def script(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.write(data)

    async with endpoint(script) as target:
        for _ in range(3):
            attempt = await posted(sender, target.url, within_s=TIMEOUT_S)
            assert attempt.status == status, attempt.message
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", "to the end"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end", "to the end"),
        (STATUS + b"Connection: close\r\n" + TWO + b"extra", "ok"),
        (OK + b"extra", "ok"),
        (OK + OK, "ok"),
        (STATUS + b"Transfer-Encoding: gzip\r\n\r\n" + gzip.compress(b"packed"), "packed"),
    ],
    ids=["1.0", "close", "more-than-its-length", "extra", "twice", "gzip-to-the-end"],
)
async def test_answers_that_end_their_connection(sender: Sender, data: bytes, content: str) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.write(data)

    async with endpoint(script) as target:
        attempt = await posted(sender, target.url, within_s=TIMEOUT_S)
    assert attempt.succeeded and attempt.answer is not None
    assert attempt.answer.content == content


@pytest.mark.parametrize("upgrade", [b"", b"Upgrade: x\r\nConnection: upgrade\r\n"])
@pytest.mark.parametrize("rest", [b"", OK], ids=["alone", "and-200"])
async def test_101_is_the_answer_and_a_failure(sender: Sender, upgrade: bytes, rest: bytes) -> None:
    data = b"HTTP/1.1 101 Switching Protocols\r\n" + upgrade + b"\r\n" + rest
    async with endpoint(saying(data)) as target:
        attempt = await posted(sender, target.url, within_s=TIMEOUT_S)
    assert (attempt.status, attempt.failure) == (101, Failure.STATUS)
    assert attempt.message == "the endpoint answered 101"


@pytest.mark.parametrize(
    "data",
    [
        STATUS + b" X-A: b\r\n" + TWO,
        STATUS + b"no colon\r\n" + TWO,
        STATUS + b"X A: b\r\n" + TWO,
        STATUS + b": b\r\n" + TWO,
        STATUS + b"X-A: one\r\n two\x00\r\n" + TWO,
        STATUS + b"X-A: one\rtwo\r\n" + TWO,
        STATUS + b"Content-Length: 3\r\n" + TWO,
        STATUS + b"Content-Length: +2\r\n\r\nok",
        b"HTTP/1.1 099 X\r\nBad\r\n" + TWO,
        b"HTTP/1.1 1000 X\r\n" + TWO,
        b"HTTP/2 200\r\n" + TWO,
        b"HTTP/3.0 200 OK\r\n" + TWO,
        b"ICY 200 OK\r\n" + TWO,
        b"HTTP/1.1 104 X\r\n\r\nSSH-2.0-OpenSSH\r\n",
    ],
    ids=ascii,
)
async def test_invalid_answers_are_none(sender: Sender, data: bytes) -> None:
    async with endpoint(saying(data)) as target:
        attempt = await posted(sender, target.url, within_s=TIMEOUT_S)
    assert (attempt.answer, attempt.failure) == (None, Failure.PROTOCOL)


async def test_endless_interim_answers_end_with_the_attempt_and_keep_no_memory(
    sender: Sender,
) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        while True:
            await connection.write(b"HTTP/1.1 199 X\r\nA: b\r\n\r\n" * 10)
            await asyncio.sleep(0.01)

    tracemalloc.start()
    try:
        async with endpoint(script) as target:
            attempt = await posted(sender, target.url, within_s=TIMEOUT_S)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (attempt.answer, attempt.failure) == (None, Failure.TIMEOUT)
    assert attempt.duration_us >= TIMEOUT_S * 1e6 * 0.95
    assert peak < 4 * 2**20


async def test_a_flood_of_interim_answers_ends_at_the_bound_of_all_heads(sender: Sender) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        while True:
            await connection.write(b"HTTP/1.1 199 X\r\nA: b\r\n\r\n" * 1000)

    async with endpoint(script) as target:
        attempt = await posted(sender, target.url, within_s=TIMEOUT_S)
    assert (attempt.answer, attempt.failure) == (None, Failure.PROTOCOL)
    assert attempt.message == "the answer is not HTTP: the headers are too long"


async def test_many_interim_answers_with_empty_lines_cost_little(sender: Sender) -> None:
    flood = b"HTTP/1.1 199 X\r\n\r\n\r\n" * 10_000 + OK
    began = time.process_time()
    async with endpoint(saying(flood)) as target:
        attempt = await posted(sender, target.url, within_s=TIMEOUT_S)
    assert attempt.succeeded, attempt.message
    assert time.process_time() - began < 0.5


async def test_an_endlessly_folded_header_is_bounded(sender: Sender) -> None:
    async with endpoint(saying(STATUS + b"A: b" + b"\r\n c" * 60_000 + b"\r\n" + TWO)) as target:
        attempt = await posted(sender, target.url, within_s=TIMEOUT_S)
    assert (attempt.answer, attempt.failure) == (None, Failure.PROTOCOL)


async def test_repeated_headers_are_all_recorded(sender: Sender) -> None:
    lines = (
        b"X-A: one\r\nx-a: two\r\nX-A: \r\nX-B: 1\r\nLink: </a>\r\nLink: </b>; rel=c\r\n"
        b"Set-Cookie: a=secret1\r\nSet-Cookie: b=secret2\r\nRetry-After: 3\r\nRetry-After: 9\r\n"
    )
    async with endpoint(saying(b"HTTP/1.1 503 No\r\n" + lines + TWO)) as target:
        attempt = await posted(sender, target.url, within_s=TIMEOUT_S)
    assert attempt.answer is not None
    assert attempt.answer.headers == {
        "X-A": "one, two, ", "X-B": "1", "Link": "</a>, </b>; rel=c", "Set-Cookie": "******",
        "Retry-After": "3, 9", "Content-Length": "2",
    }  # fmt: skip
    assert attempt.retry_after == "3"


async def test_one_header_repeated_is_cut(sender: Sender) -> None:
    lines = b"".join(b"X-A: %b\r\n" % (b"v" * 900) for _ in range(90))
    async with endpoint(saying(STATUS + lines + TWO)) as target:
        attempt = await posted(sender, target.url, within_s=TIMEOUT_S)
    assert attempt.answer is not None
    assert len(attempt.answer.headers["X-A"]) == 1024


WORDS = "Grüße aus Köln"
RAW = zlib.compressobj(wbits=-15)
PACKED = {
    "gzip": (b"Content-Encoding: gzip", gzip.compress(WORDS.encode())),
    "x-gzip": (b"Content-Encoding: X-GZip", gzip.compress(WORDS.encode())),
    "deflate": (b"Content-Encoding: deflate", zlib.compress(WORDS.encode())),
    "raw-deflate": (b"Content-Encoding: deflate", RAW.compress(WORDS.encode()) + RAW.flush()),
    "twice": (b"Content-Encoding: gzip, gzip", gzip.compress(gzip.compress(WORDS.encode()))),
    "two-lines": (
        b"Content-Encoding: deflate\r\nContent-Encoding: gzip",
        gzip.compress(zlib.compress(WORDS.encode())),
    ),
    "gzip-latin-1": (
        b"Content-Encoding: gzip\r\nContent-Type: text/plain; charset=iso-8859-1",
        gzip.compress(WORDS.encode("latin-1")),
    ),
    "latin-1": (b"Content-Type: text/html;charset=ISO-8859-1", WORDS.encode("latin-1")),
    "latin-1-unsaid": (b"Content-Type: text/html", WORDS.encode("latin-1")),
    "latin-1-unknown-charset": (b"Content-Type: text/html; charset=x", WORDS.encode("latin-1")),
    "utf-8-unsaid": (b"X-A: b", WORDS.encode()),
    "utf-16": (b"Content-Type: text/plain; charset=utf-16", WORDS.encode("utf-16")),
    "gzip-said-only": (b"Content-Encoding: gzip", WORDS.encode()),
}


@pytest.mark.parametrize(("line", "content"), PACKED.values(), ids=PACKED)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
async def test_contents_are_shown_readable(
    sender: Sender, line: bytes, content: bytes, *, chunked: bool
) -> None:
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(content)
    framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content) if chunked else content
    async with endpoint(saying(STATUS + line + b"\r\n" + framing + b"\r\n\r\n" + framed)) as target:
        attempt = await posted(sender, target.url, within_s=TIMEOUT_S)
    assert attempt.answer is not None
    assert attempt.answer.content == WORDS


async def test_a_known_head_is_decoded_as_well(sender: Sender) -> None:
    async def script(connection: Connection) -> None:
        for text in ("one", "two", "three"):
            await connection.request()
            packed = gzip.compress(text.encode() * 100, mtime=0).ljust(40, b"\0")
            await connection.write(
                STATUS + b"Content-Encoding: gzip\r\nContent-Length: 40\r\n\r\n" + packed
            )

    async with endpoint(script) as target:
        for text in ("one", "two", "three"):
            attempt = await posted(sender, target.url, within_s=TIMEOUT_S)
            assert attempt.answer is not None
            assert attempt.answer.content.startswith(text)
    assert target.connections == 1


async def test_a_coding_that_is_not_known_is_said(sender: Sender) -> None:
    line = b"Content-Encoding: br\r\nContent-Length: 4\r\n\r\n\x0b\x02\x80\xff"
    async with endpoint(saying(STATUS + line)) as target:
        attempt = await posted(sender, target.url, within_s=TIMEOUT_S)
    assert attempt.answer is not None
    assert attempt.answer.content == "(4 bytes, encoded as br, which cannot be shown)"


async def test_of_a_bomb_the_beginning_is_shown(sender: Sender) -> None:
    bomb = gzip.compress(b"a" * 10**7)
    head = STATUS + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with endpoint(saying(head + bomb)) as target:
        attempt = await posted(sender, target.url, within_s=TIMEOUT_S)
    assert attempt.answer is not None
    assert attempt.answer.content == "a" * MAX_RESPONSE_CHARACTERS


async def asked(url: str) -> Outcome:
    planned = Planned(0.0, "msg_A", "push", b"{}", sign=lambda _: ())
    async with Poster(ConsumerTarget.of(url, {}), timeout_s=TIMEOUT_S) as poster:
        return await poster.ask(planned)


@pytest.mark.parametrize("by", [0, 1], ids=["whole", "bytes"])
@pytest.mark.parametrize(
    ("data", "status"), (VALID | WITHOUT_CONTENT).values(), ids=VALID | WITHOUT_CONTENT
)
async def test_the_load_test_reads_the_same(data: bytes, status: int, by: int) -> None:
    async with endpoint(saying(data, by=by)) as target:
        outcome = await asked(target.url)
    assert outcome.status == status, outcome.message
    assert outcome.content in (b"ok", b"")
    if status == 503:
        assert outcome.retry_after_ms == 7000


def as_it_is(content: bytes) -> bytes:
    return content


@pytest.mark.parametrize(
    ("line", "charset", "pack"),
    [
        (b"Content-Encoding: gzip", "utf-8", gzip.compress),
        (b"Content-Encoding: deflate", "utf-8", zlib.compress),
        (b"Content-Type: text/plain; charset=utf-16", "utf-16", as_it_is),
    ],
    ids=["gzip", "deflate", "utf-16"],
)
async def test_a_secret_that_comes_back_encoded_is_masked(
    sender: Sender, line: bytes, charset: str, pack: Callable[[bytes], bytes]
) -> None:
    canary = Canary()
    mine = webhook(headers={"Authorization": f"Bearer {canary.mark('header')}"})
    packed = pack(f"you sent {mine.headers}".encode(charset))
    head = STATUS + line + b"\r\nContent-Length: %d\r\n\r\n" % len(packed)
    async with endpoint(saying(head + packed)) as target:
        attempt = await posted(sender, target.url, within_s=TIMEOUT_S)
    assert attempt.answer is not None and attempt.answer.content.startswith("you sent {")
    masked = redacted(attempt, secrets_of(mine))
    assert masked.answer is not None
    assert masked.answer.content.startswith("you sent {")
    assert canary.found({"record": attempt.answer.content.encode()})
    assert not canary.found({"record": masked.answer.content.encode()})
