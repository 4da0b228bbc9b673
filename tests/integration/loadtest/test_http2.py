"""Over HTTP/2, against a consumer that speaks it: shared connections, limits, and how requests end."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portcall.cli.ports import HOST, free_ports
from portcall.loadtest.http2 import poster as http2_poster
from portcall.loadtest.http2.poster import Http2Poster
from portcall.loadtest.run import Limits
from portcall.loadtest.send.target import ConsumerTarget
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.records import Failure
from tests.integration.deliverer.certificates import server_context
from tests.integration.loadtest.consumer import every, request, serve
from tests.integration.loadtest.http2_consumer import Http2Consumer, Served, send, serve_http2

LIMIT_S = 60
NO_ERROR, REFUSED_STREAM, ENHANCE_YOUR_CALM = 0, 7, 11


@pytest.fixture
async def consumer() -> AsyncIterator[Served]:
    async with serve_http2() as serving:
        yield serving


async def test_many_requests_share_one_connection(consumer: Served) -> None:
    outcomes = await send(consumer, every(0.002, 90))
    assert [each.status for each in outcomes] == [200] * 90
    assert consumer.ids == {f"msg_{number}": 1 for number in range(90)}
    assert consumer.connections == 1
    assert [each.reused for each in outcomes] == [False] + [True] * 89
    assert {each.content for each in outcomes} == {b"ok"}
    assert set(consumer.bodies) == {b'{"id":"1"}'}
    first = consumer.headers[0]
    assert list(first)[:4] == [":method", ":scheme", ":authority", ":path"]
    assert first[":path"] == "/hook?from=test"
    assert first[":authority"] in consumer.uri
    assert (first["x-test"], first["content-length"]) == ("yes", "10")
    assert "host" not in first


async def test_the_parts_of_a_request_add_up(consumer: Served) -> None:
    outcomes = await send(consumer, every(0.01, 20))
    for outcome in outcomes:
        parts = outcome.timings
        total_s = parts.blocked_s + parts.connecting_s + parts.tls_s + parts.service_s
        assert total_s == pytest.approx(outcome.done_s - outcome.sent_s, abs=0.002)
        assert (parts.connecting_s > 0) is not outcome.reused
    assert outcomes[0].received_bytes > 2
    assert outcomes[0].sent_bytes > 10


async def test_the_limit_of_requests_at_once_is_kept_and_more_connections_made(
    consumer: Served,
) -> None:
    consumer.max_streams = 3
    held: list[tuple[Http2Consumer, int]] = []

    def hold(connection: Http2Consumer, stream: int, number: int) -> None:
        held.append((connection, stream))
        if number == 10:
            for each, of in held:
                each.answer(of)

    consumer.on_request = hold
    outcomes = await send(consumer, every(0.0, 10))
    assert [each.status for each in outcomes] == [200] * 10
    assert consumer.most_at_once == 3
    assert consumer.connections == 4


async def test_room_that_becomes_free_is_used_again(consumer: Served) -> None:
    consumer.max_streams = 1
    outcomes = await send(consumer, every(0.05, 10))
    assert [each.status for each in outcomes] == [200] * 10
    assert consumer.connections <= 2


@pytest.mark.parametrize("window", [1_000, 65_535])
async def test_content_waits_until_the_consumer_takes_more(consumer: Served, window: int) -> None:
    consumer.window = window
    body = bytes(range(256)) * 1_200
    outcomes = await send(consumer, [request(0.0, number, body=body) for number in range(3)])
    assert [each.status for each in outcomes] == [200] * 3
    assert consumer.bodies == [body] * 3
    assert outcomes[0].sent_bytes > len(body)


async def test_an_answer_before_the_end_of_the_content_is_an_answer(consumer: Served) -> None:
    """As nginx where nobody reads the content; what is left of it is not sent any more."""
    consumer.early, consumer.window = True, 1_000
    body = bytes(100_000)
    outcomes = await send(
        consumer, [request(number / 50, number, body=body) for number in range(9)]
    )
    assert [each.status for each in outcomes] == [200] * 9
    assert consumer.connections == 1
    assert all(each.sent_bytes < len(body) for each in outcomes)


async def test_a_request_that_is_reset_fails_alone(consumer: Served) -> None:
    def reset_the_third(connection: Http2Consumer, stream: int, number: int) -> None:
        if number == 3:
            connection.reset(stream, REFUSED_STREAM)
        else:
            connection.answer(stream)

    consumer.on_request = reset_the_third
    outcomes = await send(consumer, every(0.01, 6))
    assert Counter(each.status for each in outcomes) == {200: 5, 0: 1}
    assert outcomes[2].failure is Failure.RESET
    assert outcomes[2].message == "the consumer ended the request (RST_STREAM, REFUSED_STREAM)"
    assert consumer.connections == 1


async def test_how_long_an_answer_asks_to_wait_is_told(consumer: Served) -> None:
    def busy(connection: Http2Consumer, stream: int, number: int) -> None:
        connection.answer(stream, 429, retry_after="7" if number == 1 else "")

    consumer.on_request = busy
    outcomes = await send(consumer, every(0.05, 2))
    assert [each.retry_after_ms for each in outcomes] == [7000, 0]


async def test_after_a_friendly_goaway_nothing_is_lost(consumer: Served) -> None:
    """As nginx after so many requests: what it has is answered, what it has not goes elsewhere."""

    def leave_after_three(connection: Http2Consumer, stream: int, number: int) -> None:
        if number == 3:
            connection.go_away(stream, NO_ERROR)
        connection.answer(stream)

    consumer.on_request = leave_after_three
    outcomes = await send(consumer, every(0.0, 3) + every(0.01, 8)[3:])
    assert [each.status for each in outcomes] == [200] * 8
    assert consumer.connections == 2


async def test_what_a_leaving_consumer_did_not_look_at_is_sent_again_once(
    consumer: Served,
) -> None:
    first: list[Http2Consumer] = []

    def ignore_the_second(connection: Http2Consumer, stream: int, number: int) -> None:
        if number == 1:
            first.append(connection)
            connection.answer(stream)
        elif connection in first:
            connection.go_away(1, NO_ERROR)
        else:
            connection.answer(stream)

    consumer.on_request = ignore_the_second
    outcomes = await send(consumer, every(0.05, 3))
    assert [each.status for each in outcomes] == [200] * 3
    assert consumer.ids == {"msg_0": 1, "msg_1": 2, "msg_2": 1}


async def test_a_consumer_that_serves_few_requests_per_connection_gets_all_of_them(
    consumer: Served,
) -> None:
    """As nginx with more requests in flight than its keepalive_requests: some are sent thrice."""
    served: Counter[Http2Consumer] = Counter()

    def answer_two(connection: Http2Consumer, stream: int, number: int) -> None:
        served[connection] += 1
        if served[connection] == 2:
            connection.go_away(stream, NO_ERROR)
        if served[connection] <= 2:
            connection.answer(stream)

    consumer.on_request = answer_two
    outcomes = await send(consumer, every(0.0, 9))
    assert [each.status for each in outcomes] == [200] * 9
    assert max(consumer.ids.values()) > 2
    assert sum(each.resent for each in outcomes) == sum(n > 1 for n in consumer.ids.values())


async def test_a_consumer_that_processes_nothing_is_not_asked_for_ever(consumer: Served) -> None:
    consumer.on_request = lambda connection, _stream, _number: connection.go_away(0, NO_ERROR)
    outcomes = await send(consumer, every(0.0, 3))
    assert {each.failure for each in outcomes} == {Failure.RESET}
    assert set(consumer.ids.values()) == {2}


async def test_a_goaway_with_an_error_fails_what_was_under_way(consumer: Served) -> None:
    def scold(connection: Http2Consumer, stream: int, number: int) -> None:
        if number == 2:
            connection.go_away(0, ENHANCE_YOUR_CALM)
        elif number > 2:
            connection.answer(stream)

    consumer.on_request = scold
    outcomes = await send(consumer, [*every(0.0, 2), request(0.3, 2)])
    assert [each.status for each in outcomes] == [0, 0, 200]
    assert {each.failure for each in outcomes[:2]} == {Failure.RESET}
    words = "the consumer ended the connection (GOAWAY, ENHANCE_YOUR_CALM)"
    assert {each.message for each in outcomes[:2]} == {words}


async def test_a_request_that_takes_too_long_ends_alone(consumer: Served) -> None:
    def forget_the_first(connection: Http2Consumer, stream: int, number: int) -> None:
        if number > 1:
            connection.answer(stream)

    consumer.on_request = forget_the_first
    limits = Limits(timeout_s=0.3, max_lag_s=5, http2=True)
    outcomes = await send(consumer, every(0.1, 6), limits)
    assert outcomes[0].failure is Failure.TIMEOUT
    assert [each.status for each in outcomes[1:]] == [200] * 5
    assert consumer.connections == 1


async def test_a_connection_that_breaks_fails_what_was_on_it(consumer: Served) -> None:
    def drop(connection: Http2Consumer, stream: int, number: int) -> None:
        if number == 2:
            connection.transport.abort()
        elif number > 2:
            connection.answer(stream)

    consumer.on_request = drop
    outcomes = await send(consumer, [*every(0.0, 2), request(0.3, 2)])
    assert [each.status for each in outcomes] == [0, 0, 200]
    assert {each.failure for each in outcomes[:2]} == {Failure.RESET}


async def test_over_tls_it_is_agreed_by_alpn(tmp_path: Path) -> None:
    context = server_context(tmp_path)
    context.set_alpn_protocols(["h2", "http/1.1"])
    async with serve_http2(context) as consumer:
        outcomes = await send(consumer, every(0.01, 10))
    assert [each.status for each in outcomes] == [200] * 10
    assert outcomes[0].timings.tls_s > 0
    assert consumer.headers[0][":scheme"] == "https"


async def probe(uri: str) -> None:
    async with Http2Poster(ConsumerTarget.of(uri, {}), timeout_s=5, verify=False) as poster:
        await poster.probe()


@pytest.mark.parametrize("offered", [None, ["http/1.1"]])
async def test_a_consumer_without_alpn_for_it_is_told_plainly(
    tmp_path: Path, offered: list[str] | None
) -> None:
    context = server_context(tmp_path)
    if offered:
        context.set_alpn_protocols(offered)
    async with serve_http2(context) as consumer:
        with pytest.raises(InvalidValueError, match=r"--http2: .*HTTP/2 by TLS \(ALPN\)"):
            await probe(consumer.uri)


async def test_a_consumer_that_says_nothing_is_told_plainly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http2_poster, "PROBE_S", 0.2)
    silent: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _reader, writer: silent.append(writer), HOST, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(InvalidValueError, match="sent no HTTP/2 settings"):
            await probe(f"http://{HOST}:{port}/")
        for writer in silent:
            writer.close()
            await writer.wait_closed()


async def test_a_consumer_that_cannot_be_reached_is_a_matter_of_the_run() -> None:
    await probe(f"http://{HOST}:{free_ports(1)[0]}/")


async def test_a_consumer_that_stops_speaking_it_fails_the_requests() -> None:
    """It spoke HTTP/2 when it was asked, as behind a balancer; then it answers as HTTP/1.1."""
    async with serve() as old:
        outcomes = await send(Served(old.uri), every(0.01, 3))
    assert {each.failure for each in outcomes} == {Failure.PROTOCOL}
    assert {each.message.partition(" (")[0] for each in outcomes} == {
        "the consumer does not offer HTTP/2"
    }


async def loadtest(*arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "portcall.cli.main", "loadtest", "--http2", "--max-lag", "10s", "-d", "500ms",
        *arguments, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip
    _, err = await asyncio.wait_for(process.communicate(), LIMIT_S)
    assert b"Traceback" not in err
    return process.returncode, err.decode()


async def test_the_report_has_the_same_names(consumer: Served, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    code, _ = await loadtest("--uri", consumer.uri, "--rate", "50", "-o", str(report))
    assert code == 0
    metrics = json.loads(report.read_text())["metrics"]
    assert metrics["http_reqs"]["values"]["count"] == 25
    assert metrics["http_req_duration"]["values"]["max"] > 0
    assert consumer.connections == 2  # the question before the run, and the run


async def test_a_consumer_of_http_1_ends_it_before_anything_is_sent() -> None:
    async with serve() as old:
        code, err = await loadtest("--uri", old.uri)
    assert code == 2
    assert "--http2: the consumer does not offer HTTP/2" in err
    assert not old.ids


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--fault", "half-closed"], "--fault half-closed cannot be combined with --http2"),
        (["--fault", "all"], "cannot be combined with --http2"),
        (["--no-keep-alive"], "--no-keep-alive"),
        (["--conformance"], "--conformance"),
        (["--through"], "--http2 cannot be combined with --through"),
    ],
)
async def test_what_does_not_go_with_it_is_refused(arguments: list[str], named: str) -> None:
    code, err = await loadtest("--uri", "http://127.0.0.1:9/", *arguments)
    assert code == 2
    assert named in err
