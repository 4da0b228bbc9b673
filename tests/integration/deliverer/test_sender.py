"""One POST against endpoints of every kind: it ends in a value, in time, whatever they do."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
import structlog.testing

import portcall.deliverer.post.connection
from portcall.deliverer.post.attempts import Attempt, ProtocolError
from portcall.deliverer.post.request import Request, Template
from portcall.deliverer.post.response import Response
from portcall.deliverer.post.sender import Sender
from portcall.schemas.formats.heads import USER_AGENT
from portcall.schemas.records import MAX_RESPONSE_CHARACTERS, Answer, Failure
from portcall.schemas.webhooks import MASK
from tests.integration.deliverer.conftest import LOOPBACK, TIMEOUT_S
from tests.integration.deliverer.endpoints import (
    OK,
    Connection,
    Endpoint,
    Received,
    Script,
    answering,
    endpoint,
    once,
    response,
)
from tests.sink import eventually
from tests.unit.deliverer.samples import webhook

BODY = b'{"id":"e1","timestamp":"2026-03-04T10:20:30.1234567Z","action":"ping"}'


def request_to(
    uri: str, *, body: bytes = BODY, headers: Mapping[str, str] | None = None
) -> Request:
    template = Template.of(webhook(uri=uri, headers=headers))
    return template.request(delivery_id="msg_A", body=body, now_s=1_772_619_630)


async def posted(sender: Sender, uri: str, within_s: float = TIMEOUT_S) -> Attempt:
    """POST, and hold the attempt to its bound."""
    began = time.monotonic()
    attempt = await sender.send(request_to(uri))
    took_s = time.monotonic() - began
    assert took_s < within_s + 0.5
    assert attempt.duration_us == pytest.approx(took_s * 1e6, abs=2_000_000)
    assert abs(attempt.started_ms - time.time() * 1000 + took_s * 1000) < 5000
    return attempt


@pytest.fixture
def short_content(monkeypatch: pytest.MonkeyPatch) -> None:
    """Content is waited for less long, so that the tests are short."""
    monkeypatch.setattr(portcall.deliverer.post.connection, "CONTENT_TIMEOUT_S", 0.2)


# -- what goes out -------------------------------------------------------------------------------


async def test_the_request_on_the_wire(sender: Sender) -> None:
    async with endpoint(answering(OK)) as target:
        request = request_to(target.url, headers={"X-Team": "registry", "x-a": "1"})
        attempt = await sender.send(request)
    assert attempt.succeeded
    (received,) = target.requests
    assert received.lines == [
        "POST /hook?key=value HTTP/1.1",
        f"Host: 127.0.0.1:{target.port}",
        "Content-Type: application/json; charset=utf-8",
        f"User-Agent: {USER_AGENT}",
        "X-Team: registry",
        "x-a: 1",
        "webhook-id: msg_A",
        "webhook-timestamp: 1772619630",
        f"Content-Length: {len(BODY)}",
        "",
        "",
    ]
    assert received.body == BODY


async def test_a_new_connection_is_timed_and_an_old_one_took_no_time(sender: Sender) -> None:
    async with endpoint(answering(OK)) as target:
        first, second = await posted(sender, target.url), await posted(sender, target.url)
    assert target.connections == 1
    assert 0 < first.connect_us <= first.duration_us
    assert second.connect_us == 0


async def test_custom_headers_that_a_client_would_set_are_sent_as_they_are(sender: Sender) -> None:
    custom = {"User-Agent": "mine/1", "Accept": "a/b", "Accept-Encoding": "gzip", "Cookie": "a=b"}
    async with endpoint(answering(OK)) as target:
        await sender.send(request_to(target.url, headers=custom))
    received = target.requests[0].headers
    assert {name: received[name.lower()] for name in custom} == custom
    names = [line.partition(":")[0].lower() for line in target.requests[0].lines]
    assert all(names.count(name.lower()) == 1 for name in custom)


async def test_a_large_body_goes_out_whole(sender: Sender) -> None:
    body = b'"' + b"x" * 1_000_000 + b'"'
    async with endpoint(answering(OK)) as target:
        attempt = await sender.send(request_to(target.url, body=body))
    assert attempt.succeeded
    assert target.requests[0].body == body


# -- statuses ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_2xx_is_success(sender: Sender, status: int) -> None:
    async with endpoint(once(response(status, "X-A: b"))) as target:
        attempt = await posted(sender, target.url)
    expected = Answer(status, "Reason", {"Content-Length": "0", "X-A": "b"})
    assert (attempt.answer, attempt.failure, attempt.message) == (expected, Failure.NONE, "")


@pytest.mark.parametrize("status", [300, 304, 400, 404, 410, 429, 500, 503, 599, 999])
async def test_any_other_status_is_a_failure_with_an_answer(sender: Sender, status: int) -> None:
    retry = "Retry-After: 120"
    async with endpoint(once(response(status, retry, content=b"why"))) as target:
        attempt = await posted(sender, target.url)
    assert (attempt.failure, attempt.status) == (Failure.STATUS, status)
    assert attempt.message == f"the endpoint answered {status}"
    assert attempt.retry_after == "120"
    assert attempt.answer is not None and attempt.answer.content in ("why", "")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(sender: Sender, status: int) -> None:
    async with (
        endpoint(answering(OK)) as other,
        endpoint(once(response(status, f"Location: {other.url}"))) as target,
    ):
        attempt = await posted(sender, target.url)
    assert (attempt.failure, attempt.status) == (Failure.STATUS, status)
    assert attempt.answer is not None and attempt.answer.headers["Location"] == other.url
    assert other.connections == 0


# -- endpoints that are slow ---------------------------------------------------------------------


async def hang(connection: Connection) -> None:
    await connection.request()
    await asyncio.sleep(60)


async def never_read(connection: Connection) -> None:
    await asyncio.sleep(60)


async def drip_the_head(connection: Connection) -> None:
    await connection.request()
    for byte in b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 1000:
        await connection.write(bytes([byte]))
        await asyncio.sleep(0.02)


async def flood_with_hints(connection: Connection) -> None:
    await connection.request()
    while True:
        await connection.write(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("script", [hang, never_read, drip_the_head, flood_with_hints])
async def test_an_attempt_is_bounded_as_a_whole(sender: Sender, script: Script) -> None:
    async with endpoint(script) as target:
        attempt = await posted(sender, target.url)
    assert (attempt.answer, attempt.failure) == (None, Failure.TIMEOUT)
    assert attempt.message == "no answer within the attempt timeout"
    assert attempt.duration_us >= TIMEOUT_S * 1e6 * 0.95


async def test_a_few_hints_before_the_answer_do_no_harm(sender: Sender) -> None:
    hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    async with endpoint(once(hints + OK)) as target:
        attempt = await posted(sender, target.url)
    assert attempt.succeeded and attempt.answer is not None
    assert attempt.answer.content == "ok"


@pytest.mark.usefixtures("short_content")
async def test_the_status_decides_although_the_content_is_slow(sender: Sender) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nso far")
        await asyncio.sleep(60)

    async with endpoint(script) as target:
        attempt = await posted(sender, target.url, within_s=0.3)
    assert attempt.succeeded and attempt.answer is not None
    assert attempt.answer.content == "so far"


async def test_the_content_is_not_waited_for_beyond_the_attempts_bound(sender: Sender) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await asyncio.sleep(TIMEOUT_S / 2)
        await connection.write(b"HTTP/1.1 500 No\r\nContent-Length: 100\r\n\r\nso far")
        await asyncio.sleep(60)

    async with endpoint(script) as target:
        attempt = await posted(sender, target.url)
    assert attempt.status == 500 and attempt.answer is not None
    assert attempt.answer.content == "so far"


# -- endpoints that say too much -----------------------------------------------------------------


@pytest.mark.parametrize(
    "framing", [b"", b"Transfer-Encoding: chunked\r\n"], ids=["raw", "chunked"]
)
async def test_an_endless_body_is_cut_and_the_connection_closed(
    sender: Sender, framing: bytes
) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n")
        while True:
            await connection.write(b"400\r\n" + b"x" * 1024 + b"\r\n")

    async with endpoint(script) as target:
        attempt = await posted(sender, target.url, within_s=0.1)
        async with asyncio.timeout(5):
            await target.closed.wait()
    assert attempt.succeeded and attempt.answer is not None
    assert len(attempt.answer.content) == MAX_RESPONSE_CHARACTERS


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"x" * 4095, "x" * 4095),
        (b"x" * 4096, "x" * 4096),
        (b"x" * 4097, "x" * 4096),
        (b"x" * 200_000, "x" * 4096),
        ("\u00e4".encode() * 5000, "\u00e4" * 4096),
        ("\U0001f40b".encode() * 5000, "\U0001f40b" * 4096),
        (b"a" + "\U0001f40b".encode() * 5000, "a" + "\U0001f40b" * 4095),
    ],
    ids=["4095", "4096", "4097", "200000", "two-bytes", "four-bytes", "odd"],
)
async def test_content_is_cut_to_4096_characters(sender: Sender, content: bytes, kept: str) -> None:
    async with endpoint(once(response(200, content=content))) as target:
        attempt = await posted(sender, target.url)
    assert attempt.answer is not None and attempt.answer.content == kept


async def test_a_gzip_bomb_is_unpacked_only_as_far_as_it_is_shown(sender: Sender) -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(b"a" * 2**20) for _ in range(50)) + packer.flush()
    async with endpoint(once(response(200, "Content-Encoding: gzip", content=bomb))) as target:
        attempt = await posted(sender, target.url, within_s=0.2)
    assert attempt.succeeded and attempt.answer is not None
    assert attempt.answer.content == "a" * MAX_RESPONSE_CHARACTERS
    assert attempt.answer.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 100_000,
        b"HTTP/1.1 200 OK\r\n" + b"a" * 100_000 + b": b",
        b"HTTP/1.1 200 " + b"a" * 100_000,
        b"HTTP/1.1 200 OK\r\n" + b"\r\n".join(b"X-%d: a" % n for n in range(1000)),
        b"HTTP/1.1 200 OK\r\n" + b"\r\n".join(b"X-%d: %b" % (n, b"a" * 8000) for n in range(500)),
    ],
    ids=["value", "name", "reason", "many", "many-long"],
)
async def test_huge_headers_are_no_answer(sender: Sender, head: bytes) -> None:
    async with endpoint(once(head + b"\r\nContent-Length: 0\r\n\r\n")) as target:
        attempt = await posted(sender, target.url)
    assert (attempt.answer, attempt.failure) == (None, Failure.PROTOCOL)
    assert len(attempt.message) < 300


async def test_of_many_headers_some_are_kept(sender: Sender) -> None:
    lines = [f"X-Header-{n}: {'v' * 2000}" for n in range(90)]
    async with endpoint(once(response(200, *lines))) as target:
        attempt = await posted(sender, target.url)
    assert attempt.answer is not None
    assert len(attempt.answer.headers) == 64
    assert attempt.answer.headers["X-Header-5"] == "v" * 1024


# -- endpoints that do not speak HTTP ------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00" * 500,
        b"\xff\xfe\x1b[31m\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: a\x00b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999999\r\n\r\n",
        b"<html>hello</html>",
    ],
    ids=ascii,
)
async def test_garbage_is_no_answer(sender: Sender, data: bytes) -> None:
    async with endpoint(once(data)) as target:
        attempt = await posted(sender, target.url)
    assert attempt.answer is None
    assert attempt.failure is Failure.PROTOCOL
    assert attempt.message.startswith("the answer is not HTTP: ")
    assert attempt.message.isprintable()
    assert len(attempt.message) < 300


@pytest.mark.parametrize("together", [True, False], ids=["one-packet", "two-packets"])
@pytest.mark.parametrize(
    ("head", "content", "kept"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 30", b"so far", "so far"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", b"3\r\nabc\r\nZZZ\r\n", "abc"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", b"ZZZ\r\n", ""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", b"3\r\nabc\r\n", "abc"),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5", b"hello", ""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2", b"ok and more", "ok"),
        (b"HTTP/1.1 200 OK", b"until the end", "until the end"),
    ],
    ids=["short", "bad-chunk", "bad-first-chunk", "cut", "none-allowed", "long", "to-the-end"],
)
async def test_the_status_decides_although_the_content_is_broken(
    sender: Sender, head: bytes, content: bytes, kept: str, *, together: bool
) -> None:
    """However the bytes are cut into packets: they once decided whether an attempt succeeded."""

    async def script(connection: Connection) -> None:
        await connection.request()
        if together:
            await connection.write(head + b"\r\n\r\n" + content)
        else:
            await connection.write(head + b"\r\n\r\n")
            await asyncio.sleep(0.05)
            await connection.write(content)

    async with endpoint(script) as target:
        attempt = await posted(sender, target.url, within_s=0.05)
    assert attempt.succeeded and attempt.answer is not None
    assert attempt.answer.content == kept


async def test_what_is_no_text_is_kept_as_far_as_a_database_takes_it(sender: Sender) -> None:
    data = (
        b"HTTP/1.1 200 \xe9\xff Good\r\nX-A: \xe9t\xe9\r\nX-B: a\tb\r\n"
        b"Content-Length: 16\r\n\r\nn\x00u\xff\x1b[1m\r\n\t\xc3\xa4\x7f\xc2\x9b"
    )
    async with endpoint(once(data)) as target:
        attempt = await posted(sender, target.url)
    assert attempt.answer is not None
    assert attempt.answer.content == "nu\ufffd[1m\r\n\t\u00e4"
    assert attempt.answer.reason == "\u00e9\u00ff Good"
    assert attempt.answer.headers["X-A"] == "\u00e9t\u00e9"
    assert attempt.answer.headers["X-B"] == "a\tb"


async def test_words_of_a_failure_are_fit_to_be_stored(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def post(*_: object) -> None:
        raise ProtocolError("a\x00b \x1b[31m \udcff")

    monkeypatch.setattr(sender, "_post", post)
    attempt = await posted(sender, "http://127.0.0.1:1/", within_s=0.1)
    assert attempt.message == "the answer is not HTTP: ab [31m ?"


async def test_secrets_in_an_answers_headers_are_masked(sender: Sender) -> None:
    secret = response(200, "Set-Cookie: session=abc", "X-Auth-Token: def", "X-Team: t")
    async with endpoint(once(secret)) as target:
        attempt = await posted(sender, target.url)
    assert attempt.answer is not None
    assert attempt.answer.headers == {
        "Content-Length": "0", "Set-Cookie": MASK, "X-Auth-Token": MASK, "X-Team": "t",
    }  # fmt: skip


# -- connections that end ------------------------------------------------------------------------


async def close_at_once(_: Connection) -> None:
    return


async def close_without_answer(connection: Connection) -> None:
    await connection.request()


async def close_in_the_head(connection: Connection) -> None:
    await connection.request()
    await connection.write(b"HTTP/1.1 200 OK\r\nX-A: b")


async def reset_in_the_head(connection: Connection) -> None:
    await connection.request()
    await connection.write(b"HTTP/1.1 200 OK\r\nX-A: b")
    await asyncio.sleep(0.02)
    connection.abort()


async def reset_without_answer(connection: Connection) -> None:
    await connection.reader.readexactly(1)
    connection.abort()


@pytest.mark.parametrize(
    "script",
    [
        close_at_once,
        close_without_answer,
        close_in_the_head,
        reset_in_the_head,
        reset_without_answer,
    ],
)
async def test_a_new_connection_that_ends_is_a_failed_attempt(
    sender: Sender, script: Script
) -> None:
    async with endpoint(script) as target:
        attempt = await posted(sender, target.url)
        assert target.connections == 1
    assert (attempt.answer, attempt.failure) == (None, Failure.RESET)


async def test_a_connection_is_kept_for_the_next_post(sender: Sender) -> None:
    async with endpoint(answering(OK)) as target:
        for _ in range(3):
            assert (await posted(sender, target.url)).succeeded
    assert (target.connections, len(target.requests)) == (1, 3)


async def test_a_connection_with_something_left_on_it_is_not_used_again(sender: Sender) -> None:
    async with endpoint(answering(OK + OK)) as target:
        for _ in range(3):
            assert (await posted(sender, target.url)).succeeded
    assert target.connections == 3


@asynccontextmanager
async def closing_when_idle(*, reset: bool, then: bytes = OK) -> AsyncIterator[Endpoint]:
    """An endpoint whose first connection ends just as its second request arrives."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.write(OK if connection.number == 1 else then)
        if connection.number == 1:
            await connection.request()
            if reset:
                connection.abort()

    async with endpoint(script) as target:
        yield target


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
async def test_a_kept_connection_that_ends_under_a_request_is_replaced_at_once(
    sender: Sender, *, reset: bool
) -> None:
    async with closing_when_idle(reset=reset) as target:
        assert (await posted(sender, target.url)).succeeded
        attempt = await posted(sender, target.url)
        assert attempt.succeeded
        assert (target.connections, len(target.requests)) == (2, 3)


async def test_it_is_repeated_once_and_not_more(sender: Sender) -> None:
    async with closing_when_idle(reset=False, then=b"") as target:
        assert (await posted(sender, target.url)).succeeded
        attempt = await posted(sender, target.url)
        assert attempt.failure is Failure.RESET
        assert (target.connections, len(target.requests)) == (2, 3)


async def test_it_is_repeated_on_a_new_connection_not_on_another_old_one(sender: Sender) -> None:
    """A server that is restarted closes all of its idle connections."""
    gate = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.request()
        if connection.number <= 3:
            await gate.wait()
            await connection.write(OK)
            await connection.request()
        else:
            await connection.write(OK)

    async with endpoint(script) as target:
        sending = [asyncio.ensure_future(posted(sender, target.url)) for _ in range(3)]
        await eventually(lambda: len(target.requests) == 3, within_s=5, what="three requests")
        gate.set()
        await asyncio.gather(*sending)
        attempt = await posted(sender, target.url)
        assert attempt.succeeded
        assert (target.connections, len(target.requests)) == (4, 5)


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
async def test_a_kept_connection_that_ends_within_an_answer_is_a_failed_attempt(
    sender: Sender, *, reset: bool
) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.write(OK)
        await connection.request()
        await connection.write(b"HTTP/1.1 200 OK\r\nX-A: ")
        await asyncio.sleep(0.02)
        if reset:
            connection.abort()

    async with endpoint(script) as target:
        await posted(sender, target.url)
        attempt = await posted(sender, target.url)
        assert attempt.failure is Failure.RESET
        assert (target.connections, len(target.requests)) == (1, 2)


async def test_the_repetition_is_within_the_attempts_bound(sender: Sender) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        if connection.number > 1:
            await asyncio.sleep(60)
        await connection.write(OK)
        await connection.request()
        await asyncio.sleep(TIMEOUT_S * 0.7)

    async with endpoint(script) as target:
        await posted(sender, target.url)
        attempt = await posted(sender, target.url)
        assert attempt.failure is Failure.TIMEOUT
        assert target.connections == 2


async def test_a_kept_connection_that_hangs_is_no_reason_to_repeat(sender: Sender) -> None:
    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.write(OK)
        await connection.request()
        await asyncio.sleep(60)

    async with endpoint(script) as target:
        await posted(sender, target.url)
        attempt = await posted(sender, target.url)
        assert attempt.failure is Failure.TIMEOUT
        assert (target.connections, len(target.requests)) == (1, 2)


# -- the environment, and others -------------------------------------------------------------------------


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async with endpoint(answering(OK)) as proxy, endpoint(answering(OK)) as target:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with Sender(timeout_s=TIMEOUT_S, allowed=LOOPBACK) as sender:
            assert (await posted(sender, target.url)).succeeded
    assert (proxy.connections, target.connections) == (0, 1)


async def test_many_at_once_do_not_wait_for_each_other(sender: Sender) -> None:
    async with endpoint(hang) as hanging, endpoint(answering(OK)) as target:
        held = [asyncio.ensure_future(sender.send(request_to(hanging.url))) for _ in range(150)]
        await eventually(lambda: hanging.connections == 150, within_s=20, what="150 connections")
        assert (await posted(sender, target.url, within_s=0.5)).succeeded
        assert {attempt.failure for attempt in await asyncio.gather(*held)} == {Failure.TIMEOUT}


def test_requests_seen_are_requests_sent() -> None:
    """The endpoints of these tests read what was sent, and no more."""
    received = Received(b"POST / HTTP/1.1\r\nA: b\r\n\r\n", b"")
    assert received.headers == {"a": "b"}


async def test_a_sender_sends_only_while_it_is_open() -> None:
    sender = Sender(timeout_s=1, allowed=LOOPBACK)
    with pytest.raises(RuntimeError, match="only inside"):
        await sender.send(request_to("http://127.0.0.1:1/"))
    async with sender, endpoint(answering(OK)) as target:
        assert (await sender.send(request_to(target.url))).succeeded
    with pytest.raises(RuntimeError, match="only inside"):
        await sender.send(request_to("http://127.0.0.1:1/"))


class OddError(Exception):
    """An error that no code expects."""


async def test_an_unforeseen_error_is_an_attempt_that_failed_and_is_logged_once(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dial(*_: object) -> None:
        raise OddError("never to be in a record")

    async with endpoint(answering(OK)) as target:
        with structlog.testing.capture_logs() as logs, monkeypatch.context() as patched:
            patched.setattr(sender._dialer, "dial", dial)
            attempts = await asyncio.gather(*(posted(sender, target.url) for _ in range(3)))
        assert (await posted(sender, target.url)).succeeded
    assert {(each.failure, each.message) for each in attempts} == {
        (Failure.PROTOCOL, "the attempt failed in an unforeseen way: OddError")
    }
    (line,) = logs
    assert (line["event"], line["host"]) == ("attempt.failed", "127.0.0.1")
    assert isinstance(line["exc_info"], OddError)


async def test_an_unforeseen_error_in_an_answer_is_an_attempt_that_failed(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(_: Response) -> Answer:
        raise OddError

    monkeypatch.setattr(Response, "answer", answer)
    async with endpoint(answering(OK)) as target:
        attempt = await posted(sender, target.url)
    assert (attempt.failure, attempt.answer) == (Failure.PROTOCOL, None)
