"""Over HTTP/2, against consumers that are broken, silent, or full: what each request is told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest

from portcall.cli.ports import HOST
from portcall.deliverer.post.response import MAX_CONTENT_BYTES
from portcall.loadtest.http2 import connection as http2_connection
from portcall.loadtest.http2.poster import Http2Poster
from portcall.loadtest.run import Limits
from portcall.loadtest.send.target import ConsumerTarget
from portcall.schemas.records import Failure
from tests.integration.loadtest.consumer import Kept, every, request
from tests.integration.loadtest.http2_consumer import Http2Consumer, Served, send, serve_http2

SHORT = Limits(timeout_s=0.5, max_lag_s=5, http2=True)
INTERNAL_ERROR = 2


@pytest.fixture
async def consumer() -> AsyncIterator[Served]:
    async with serve_http2() as serving:
        yield serving


async def test_a_consumer_that_takes_no_requests_is_not_knocked_at_again_and_again(
    consumer: Served,
) -> None:
    consumer.max_streams = 0
    outcomes = await send(consumer, every(0.02, 5), SHORT)
    assert {each.message for each in outcomes} == {
        "the consumer accepts no requests (its MAX_CONCURRENT_STREAMS is 0)"
    }
    assert consumer.connections <= 5


async def test_those_who_wait_get_their_connections_at_the_same_time(consumer: Served) -> None:
    """The first connection tells that each takes one request; the others are made at once then."""
    consumer.max_streams = 1
    later: list[Http2Consumer] = []

    def greet_the_others_together(connection: Http2Consumer) -> None:
        if consumer.connections == 1:
            connection.hello()
            return
        later.append(connection)
        if consumer.connections == 20:
            for each in later:
                each.hello()

    def answer_later(connection: Http2Consumer, stream: int, _number: int) -> None:
        asyncio.get_running_loop().call_later(0.05, connection.answer, stream)

    consumer.on_connection = greet_the_others_together
    consumer.on_request = answer_later
    outcomes = await send(consumer, every(0.0, 20))
    assert [each.status for each in outcomes] == [200] * 20
    assert consumer.connections == 20


async def test_a_connection_that_fell_silent_gets_no_more_requests(consumer: Served) -> None:
    """As where a middlebox forgot it: nothing comes, and nothing says that it is over."""

    def fall_silent(connection: Http2Consumer, stream: int, number: int) -> None:
        if number == 3:
            connection.deaf = True
        else:
            connection.answer(stream)

    consumer.on_request = fall_silent
    limits = Limits(timeout_s=1, max_lag_s=5, http2=True)
    outcomes = await send(consumer, every(0.1, 32), limits)
    assert Counter(each.failure for each in outcomes[:2]) == {Failure.NONE: 2}
    assert outcomes[2].failure is Failure.TIMEOUT
    assert [each.status for each in outcomes[-10:]] == [200] * 10
    assert consumer.connections == 2


async def test_each_who_waits_for_a_connection_has_its_own_time() -> None:
    silent: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _reader, writer: silent.append(writer), HOST, 0)
    async with server:
        uri = f"http://{HOST}:{server.sockets[0].getsockname()[1]}/"
        outcomes = await send(Served(uri), every(0.2, 4), SHORT)
        for writer in silent:
            writer.close()
            await writer.wait_closed()
    assert {each.failure for each in outcomes} == {Failure.TIMEOUT}
    assert all(each.done_s - each.sent_s >= SHORT.timeout_s for each in outcomes)


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ([(":status", "fine")], "the status b'fine'"),
        ([(":status", "99")], "the status b'99'"),
        ([("x-own", "1")], "the status b''"),
        ([(":status", "200"), ("connection", "close")], "the header b'connection'"),
        ([(":status", "200"), ("X-Own", "1")], "the header b'X-Own'"),
    ],
    ids=["no number", "too small", "no status", "of HTTP/1.1", "upper case"],
)
async def test_a_malformed_answer_fails_alone(
    consumer: Served, headers: list[tuple[str, str]], words: str
) -> None:
    held: list[int] = []

    def malform_the_second(connection: Http2Consumer, stream: int, number: int) -> None:
        held.append(stream)
        if number == 2:
            connection.malform(stream, headers)
        elif number == 4:
            for each in held:
                connection.answer(each)

    consumer.on_request = malform_the_second
    outcomes = await send(consumer, every(0.01, 4))
    assert [each.status for each in outcomes] == [200, 0, 200, 200]
    assert outcomes[1].failure is Failure.PROTOCOL
    assert outcomes[1].message == f"the answer is not HTTP: HTTP/2 protocol error: {words}"
    assert consumer.connections == 1


def reset(connection: Http2Consumer, stream: int) -> None:
    connection.reset(stream, INTERNAL_ERROR)


def drop(connection: Http2Consumer, _stream: int) -> None:
    asyncio.get_running_loop().call_later(0.05, connection.transport.abort)


def pour(connection: Http2Consumer, stream: int) -> None:
    for _ in range(2):
        connection.h2.send_data(stream, bytes(MAX_CONTENT_BYTES // 2 + 1))


@pytest.mark.parametrize("then", [reset, drop, pour, lambda _connection, _stream: None])
async def test_the_status_decides_whatever_the_content_does(
    consumer: Served,
    then: Callable[[Http2Consumer, int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As over HTTP/1.1: it is reset, cut off, without end, or does not go on."""
    monkeypatch.setattr(http2_connection, "CONTENT_TIMEOUT_S", 0.2)

    def begin(connection: Http2Consumer, stream: int, _number: int) -> None:
        connection.h2.send_headers(stream, [(":status", "201")])
        connection.h2.send_data(stream, b"so")
        connection.flush()
        then(connection, stream)

    consumer.on_request = begin
    (outcome,) = await send(consumer, [request(0.0)])
    assert (outcome.status, outcome.failure) == (201, Failure.NONE)
    assert outcome.content.startswith(b"so")
    assert outcome.done_s - outcome.sent_s < 3


@pytest.mark.parametrize("status", ["100", "102", "103", "104", "199"])
async def test_interim_answers_and_trailers_are_not_the_answer(
    consumer: Served, status: str
) -> None:
    def at_length(connection: Http2Consumer, stream: int, _number: int) -> None:
        for _ in range(3):
            connection.h2.send_headers(stream, [(":status", status), ("link", "</a>")])
        connection.h2.send_headers(stream, [(":status", "202")])
        connection.h2.send_data(stream, b"yes")
        connection.h2.send_headers(stream, [("x-sum", "1")], end_stream=True)
        connection.flush()

    consumer.on_request = at_length
    (outcome,) = await send(consumer, [request(0.0)])
    assert (outcome.status, outcome.content) == (202, b"yes")


async def test_101_is_no_answer_of_http2(consumer: Served) -> None:
    def switch(connection: Http2Consumer, stream: int, _number: int) -> None:
        connection.h2.send_headers(stream, [(":status", "101")])
        connection.flush()

    consumer.on_request = switch
    (outcome,) = await send(consumer, [request(0.0)])
    assert (outcome.status, outcome.failure) == (0, Failure.PROTOCOL)
    assert outcome.message == "the answer is not HTTP: HTTP/2 protocol error: the status b'101'"


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        ((20_000).to_bytes(3) + bytes(6 + 20_000), "its frames are too long"),
        (
            b"\x00\x00\x04\x08\x00\x00\x00\x00\x63\x00\x00\x00\x01",
            "a frame for the unknown request 99",
        ),
    ],
    ids=["too long", "of no request"],
)
async def test_a_fault_of_the_protocol_is_named_and_ends_the_connection(
    consumer: Served, frame: bytes, words: str
) -> None:
    def spoil_the_second(connection: Http2Consumer, stream: int, number: int) -> None:
        if number == 2:
            connection.transport.write(frame)
        else:
            connection.answer(stream)

    consumer.on_request = spoil_the_second
    outcomes = await send(consumer, every(0.1, 3))
    assert [each.status for each in outcomes] == [200, 0, 200]
    assert outcomes[1].failure is Failure.PROTOCOL
    assert outcomes[1].message.startswith(f"the answer is not HTTP: HTTP/2 protocol error: {words}")
    assert consumer.connections == 2


async def test_what_is_under_way_or_waits_is_told_when_the_run_is_ended(consumer: Served) -> None:
    asked = asyncio.Event()
    consumer.max_streams = 1
    consumer.on_request = lambda _connection, _stream, _number: asked.set()
    kept = Kept()
    async with Http2Poster(ConsumerTarget.of(consumer.uri, {}), timeout_s=60) as poster:
        poster.post(request(0.0, 0), kept.done)
        await asyncio.wait_for(asked.wait(), 10)
        poster.post(request(0.0, 1), kept.done)  # its connection is not even begun
        async with asyncio.timeout(10):
            await poster.abandon()
    assert {each.planned.delivery_id for each in kept.outcomes} == {"msg_0", "msg_1"}
    assert {each.message for each in kept.outcomes} == {"no answer until the run was ended"}
