"""The engine against a real consumer: the accounts are right; how fast it is, is measured elsewhere."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from aiohttp import web

from portcall.cli.ports import HOST, free_ports
from portcall.deliverer.post.attempts import ClosedError
from portcall.loadtest.judge.thresholds import parse_threshold
from portcall.loadtest.plan import NotSent, Observer, Outcome, Planned, TransportOptions
from portcall.loadtest.run import GRACE_S, Limits, run
from portcall.loadtest.send.poster import Poster
from portcall.loadtest.send.target import ConsumerTarget
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.records import Failure
from tests.integration.deliverer.certificates import server_context
from tests.integration.loadtest.consumer import (
    Consumer,
    Fixed,
    Kept,
    Stall,
    every,
    request,
    serve,
)

if TYPE_CHECKING:
    from portcall.loadtest.send.connection import TimedConnection

PATIENT = Limits(timeout_s=5, max_lag_s=5)


@pytest.fixture
async def consumer() -> AsyncIterator[Consumer]:
    async with serve() as serving:
        yield serving


async def test_every_request_is_sent_once_and_accounted_for(consumer: Consumer) -> None:
    kept = Kept()
    target = ConsumerTarget.of(consumer.uri, {"x-test": "yes"})
    ended = await run(target, Fixed(every(0.005, 100)), limits=PATIENT, observers=[kept])
    measured = ended.measured
    assert (measured.planned_count, measured.sent_count, measured.not_sent_count) == (100, 100, 0)
    assert measured.done_count == len(kept.outcomes) == len(kept.begun) == 100
    assert consumer.ids == {f"msg_{number}": 1 for number in range(100)}
    assert {each.headers["x-test"] for each in consumer.requests} == {"yes"}
    assert {each.query_string for each in consumer.requests} == {"from=test"}
    assert measured.scheduled().count == measured.service().count == 100
    assert sum(cell.scheduled.count for cell in measured.cells.values()) == 100
    assert not ended.interrupted


async def test_no_request_is_sent_before_its_time(consumer: Consumer) -> None:
    kept = Kept()
    await run(
        ConsumerTarget.of(consumer.uri, {}),
        Fixed(every(0.02, 20)),
        limits=PATIENT,
        observers=[kept],
    )
    assert all(each.lag_s >= 0 for each in kept.outcomes)
    assert all(each.sent_s >= each.planned.at_s for each in kept.outcomes)


async def test_the_parts_of_a_request_add_up(consumer: Consumer) -> None:
    kept = Kept()
    await run(
        ConsumerTarget.of(consumer.uri, {}),
        Fixed(every(0.01, 20)),
        limits=PATIENT,
        observers=[kept],
    )
    for outcome in kept.outcomes:
        parts = outcome.timings
        total_s = parts.blocked_s + parts.connecting_s + parts.tls_s + parts.service_s
        assert total_s == pytest.approx(outcome.done_s - outcome.sent_s, abs=0.002)
        assert (parts.connecting_s > 0) is not outcome.reused
        assert parts.tls_s == 0  # there is none
    assert kept.outcomes[0].received_bytes > len(kept.outcomes[0].content) == len(b"ok")


async def test_a_stall_is_seen_by_all_that_were_due_meanwhile(consumer: Consumer) -> None:
    """The consumer stops answering for a second: an open model goes on sending, and counts it."""
    stall = Stall()
    loop = asyncio.get_running_loop()

    async def answer(seen: web.Request) -> web.Response:
        if seen.headers["webhook-id"] == "msg_50":
            stall.begin()
            loop.call_later(1, stall.end)
        return await stall.answer(seen)

    consumer.answer = answer
    kept = Kept()
    ended = await run(
        ConsumerTarget.of(consumer.uri, {}),
        Fixed(every(0.01, 200)),
        limits=PATIENT,
        observers=[kept],
    )
    measured = ended.measured
    assert (measured.sent_count, measured.not_sent_count, measured.failed_count) == (200, 0, 0)
    waited = [each for each in kept.outcomes if each.scheduled_s > 0.1]
    # Those due within the second, but for the last 100 ms of it, waited that long; half of all
    # waited, so that the 95th of a hundred requests waited nine tenths of it.
    assert {each.planned.delivery_id for each in waited} >= {f"msg_{n}" for n in range(50, 135)}
    assert not {f"msg_{n}" for n in range(40)} & {each.planned.delivery_id for each in waited}
    assert measured.scheduled().percentile_ms(95) == pytest.approx(900, rel=0.1)
    assert max(part.in_flight for part in measured.slices.values()) >= 80


async def test_beyond_the_limit_nothing_is_dropped_silently(consumer: Consumer) -> None:
    stall = Stall()
    consumer.answer = stall.answer
    stall.begin()

    class Ends(Kept):
        def left_out(self, not_sent: NotSent) -> None:
            super().left_out(not_sent)
            if len(self.not_sent) == 30:
                stall.end()

    kept = Ends()
    limits = Limits(timeout_s=5, max_in_flight=10, max_lag_s=5)
    ended = await run(
        ConsumerTarget.of(consumer.uri, {}), Fixed(every(0.01, 40)), limits=limits, observers=[kept]
    )
    measured = ended.measured
    assert (measured.planned_count, measured.sent_count, measured.not_sent_count) == (40, 10, 30)
    assert len(kept.not_sent) == 30
    assert sum(consumer.ids.values()) == 10
    assert "30 of 40 requests were not sent" in ended.health.problem


async def test_what_follows_from_an_outcome_is_sent_at_its_time(consumer: Consumer) -> None:
    async def refuse_first(seen: web.Request) -> web.Response:
        status = 503 if consumer.ids[seen.headers["webhook-id"]] == 1 else 200
        return web.Response(status=status, headers={"Retry-After": "7"})

    consumer.answer = refuse_first
    asked_ms: set[int] = set()

    def again(outcome: Outcome) -> list[Planned]:
        if outcome.status != 503:
            return []
        asked_ms.add(outcome.retry_after_ms)
        first = outcome.planned
        later = outcome.done_s + 0.1
        return [Planned(later, first.delivery_id, first.action, first.body, first.sign, attempt=2)]

    kept = Kept()
    ended = await run(
        ConsumerTarget.of(consumer.uri, {}),
        Fixed(every(0.01, 10), again),
        limits=PATIENT,
        observers=[kept],
    )
    assert ended.measured.planned_count == 20
    assert asked_ms == {7000}
    assert set(consumer.ids.values()) == {2}
    attempts = ended.measured.by(lambda label: f"{label.attempt} {label.status}")
    assert {name: cell.scheduled.count for name, cell in attempts.items()} == {
        "1 503": 10,
        "2 200": 10,
    }
    second = [each for each in kept.outcomes if each.planned.attempt == 2]
    assert all(each.sent_s >= each.planned.at_s for each in second)


async def test_what_gets_no_answer_is_told_by_its_reason(consumer: Consumer) -> None:
    stall = Stall()
    stall.begin()
    consumer.answer = stall.answer
    limits = Limits(timeout_s=0.2, max_lag_s=5)
    ended = await run(ConsumerTarget.of(consumer.uri, {}), Fixed(every(0.01, 5)), limits=limits)
    stall.end()
    (label,) = ended.measured.cells
    assert label.status == Failure.TIMEOUT
    assert ended.measured.errors == {"no answer within the attempt timeout": 5}


async def test_a_consumer_that_is_not_there_is_an_outcome() -> None:
    uri = f"http://{HOST}:{free_ports(1)[0]}/"
    ended = await run(ConsumerTarget.of(uri, {}), Fixed(every(0.01, 5)), limits=PATIENT)
    assert ended.measured.errors == {"the connection was refused": 5}
    assert ended.measured.failed_count == 5


async def test_a_threshold_that_aborts_ends_the_run(consumer: Consumer) -> None:
    async def fail(_request: web.Request) -> web.Response:
        return web.Response(status=500)

    consumer.answer = fail
    began_at = time.monotonic()
    ended = await run(
        ConsumerTarget.of(consumer.uri, {}),
        Fixed(every(0.01, 6000)),
        limits=PATIENT,
        thresholds=[parse_threshold("rate<0.1", abort=True)],
    )
    assert ended.crossed is not None
    assert not ended.interrupted
    assert time.monotonic() - began_at < 30
    assert ended.measured.done_count == ended.measured.sent_count < 6000


async def test_ctrl_c_ends_it_with_what_was_sent_so_far(consumer: Consumer) -> None:
    seen = asyncio.Event()

    async def first(_request: web.Request) -> web.Response:
        seen.set()
        return web.Response(text="ok")

    consumer.answer = first
    running = asyncio.ensure_future(
        run(ConsumerTarget.of(consumer.uri, {}), Fixed(every(0.01, 6000)), limits=PATIENT)
    )
    await seen.wait()
    os.kill(os.getpid(), signal.SIGINT)
    ended = await running
    assert ended.interrupted
    assert 0 < ended.measured.done_count == ended.measured.sent_count < 6000


@pytest.mark.parametrize("turns", [1, 20], ids=["at once", "when answers are awaited"])
async def test_the_second_ctrl_c_waits_for_no_answers(consumer: Consumer, turns: int) -> None:
    arrived = asyncio.Event()
    stall = Stall()
    stall.begin()

    async def answer(seen: web.Request) -> web.Response:
        arrived.set()
        return await stall.answer(seen)

    consumer.answer = answer
    limits = Limits(timeout_s=60, max_lag_s=5)
    running = asyncio.ensure_future(
        run(ConsumerTarget.of(consumer.uri, {}), Fixed(every(0.01, 6000)), limits=limits)
    )
    await arrived.wait()
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(turns):
        await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGINT)
    async with asyncio.timeout(4):
        ended = await running
    stall.end()
    assert set(ended.measured.errors) == {"no answer until the run was ended"}
    assert ended.measured.done_count == ended.measured.sent_count


class Patient:
    """A relay that waits until it is told to hurry to the end."""

    def __init__(self) -> None:
        self.told: list[float] = []
        self.settling, self._hurried = asyncio.Event(), asyncio.Event()

    def before(self, others: Sequence[Observer]) -> Observer:
        (only,) = others
        return only

    def begun(self, began_at: float) -> None:
        pass

    async def settle(self, within_s: float) -> None:
        self.settling.set()
        await self._hurried.wait()

    def hurry(self, within_s: float) -> None:
        self.told.append(within_s)
        if not within_s:
            self._hurried.set()


async def test_ctrl_c_hurries_what_is_awaited_after_the_last_request(consumer: Consumer) -> None:
    relay = Patient()
    running = asyncio.ensure_future(
        run(ConsumerTarget.of(consumer.uri, {}), Fixed(every(0.01, 2)), limits=PATIENT, relay=relay)
    )
    await relay.settling.wait()
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGINT)
    async with asyncio.timeout(4):
        ended = await running
    assert ended.interrupted
    assert relay.told == [GRACE_S, 0.0]


async def test_the_second_ctrl_c_sends_nothing_again(consumer: Consumer) -> None:
    stall, stalled = Stall(), asyncio.Event()

    async def answer(seen: web.Request) -> web.Response:
        if seen.headers["webhook-id"] == "msg_0":
            return web.Response(text="ok")
        stalled.set()  # on the connection that served the first one
        return await stall.answer(seen)

    consumer.answer = answer
    stall.begin()
    limits = Limits(timeout_s=60, max_lag_s=5)
    running = asyncio.ensure_future(
        run(ConsumerTarget.of(consumer.uri, {}), Fixed(every(0.1, 6000)), limits=limits)
    )
    await stalled.wait()
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(20):
        await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGINT)
    async with asyncio.timeout(4):
        ended = await running
    stall.end()
    assert set(ended.measured.errors) == {"no answer until the run was ended"}
    assert ended.measured.resent_count == 0
    assert set(consumer.ids.values()) == {1}


async def test_an_error_of_the_source_ends_the_run_and_is_raised(consumer: Consumer) -> None:
    def broken() -> object:
        yield request(0.0)
        raise InvalidValueError("--trace", "ends in the middle")

    with pytest.raises(InvalidValueError, match="--trace"):
        await run(
            ConsumerTarget.of(consumer.uri, {}),
            Fixed(broken()),  # type: ignore[arg-type]  # a generator is one
            limits=PATIENT,
        )


@pytest.mark.parametrize("fresh", [True, False])
async def test_churn_takes_a_connection_for_each(consumer: Consumer, *, fresh: bool) -> None:
    async with Poster(ConsumerTarget.of(consumer.uri, {}), timeout_s=5) as poster:
        requests = [
            request(0, number, transport=TransportOptions(fresh=fresh)) for number in range(5)
        ]
        reused = [(await poster.ask(each)).reused for each in requests]
    assert reused == [False] + [not fresh] * 4


async def test_without_keep_alive_no_connection_serves_twice(consumer: Consumer) -> None:
    limits = Limits(timeout_s=5, max_lag_s=5, keep_alive=False)
    ended = await run(ConsumerTarget.of(consumer.uri, {}), Fixed(every(0.05, 4)), limits=limits)
    assert ended.measured.reused_count == 0


async def test_every_new_tls_connection_makes_a_whole_handshake(tmp_path: Path) -> None:
    resumed: list[bool] = []

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        resumed.append(writer.get_extra_info("ssl_object").session_reused)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    port = free_ports(1)[0]
    server = await asyncio.start_server(serve_one, HOST, port, ssl=server_context(tmp_path))
    target = ConsumerTarget.of(f"https://{HOST}:{port}/", {})
    async with server, Poster(target, timeout_s=5, verify=False) as poster:
        fresh = request(0, body=b"{}", transport=TransportOptions(fresh=True))
        outcomes = [await poster.ask(fresh) for _ in range(3)]
    assert [each.status for each in outcomes] == [200] * 3
    assert all(each.timings.tls_s > 0 for each in outcomes)
    assert resumed == [False] * 3


async def test_an_upload_can_be_slow(consumer: Consumer) -> None:
    async with Poster(ConsumerTarget.of(consumer.uri, {}), timeout_s=5) as poster:
        slow = request(0, body=b"x" * 5000, transport=TransportOptions(upload_s=0.4))
        outcome = await poster.ask(slow)
    assert outcome.status == 200
    assert consumer.bodies == [b"x" * 5000]
    assert outcome.timings.sending_s >= 0.3


async def test_an_upload_can_end_in_the_middle(consumer: Consumer) -> None:
    async with Poster(ConsumerTarget.of(consumer.uri, {}), timeout_s=2) as poster:
        cut = request(0, body=b"x" * 5000, transport=TransportOptions(cut_at=100))
        outcome = await poster.ask(cut)
    assert not 200 <= outcome.status < 300
    assert consumer.bodies == []


async def test_the_senders_side_can_be_closed_before_the_answer_comes() -> None:
    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        whole = await reader.read()  # until the other side says that nothing more comes
        assert whole.endswith(b"x" * 100)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    port = free_ports(1)[0]
    server = await asyncio.start_server(serve_one, HOST, port)
    async with (
        server,
        Poster(ConsumerTarget.of(f"http://{HOST}:{port}/", {}), timeout_s=5) as poster,
    ):
        closed = request(
            0, body=b"x" * 100, transport=TransportOptions(fresh=True, half_closed=True)
        )
        assert (await poster.ask(closed)).status == 200


async def test_a_content_can_wait_until_it_is_asked_for(consumer: Consumer) -> None:
    expecting = request(0, body=b"x" * 100, transport=TransportOptions(expect=True))
    target = ConsumerTarget.of(consumer.uri, {})
    signed = expecting.sign

    def sign(now_s: float) -> list[tuple[str, str]]:
        return [*signed(now_s), ("Expect", "100-continue")]

    async with Poster(target, timeout_s=5) as poster:
        asked = Planned(0, "msg_0", "push", expecting.body, sign, transport=expecting.transport)
        outcome = await poster.ask(asked)
    assert outcome.status == 200
    assert consumer.bodies == [b"x" * 100]
    assert outcome.done_s - outcome.sent_s < 0.9  # it did not wait for the whole second


async def test_an_idle_connection_that_was_closed_under_a_request_is_no_failure(
    consumer: Consumer,
) -> None:
    async def once(_request: web.Request) -> web.Response:
        return web.Response(text="ok")

    consumer.answer = once
    async with Poster(ConsumerTarget.of(consumer.uri, {}), timeout_s=5) as poster:
        await poster.ask(request(0, 1))
        (transport,) = consumer.peers
        assert isinstance(transport, asyncio.Transport)
        transport.abort()  # our side learns of it only by the loop's next turns
        outcome = await poster.ask(request(0, 2))
    assert outcome.status == 200
    assert not outcome.reused
    assert outcome.resent


async def test_what_a_consumer_that_drops_connections_was_sent_again_is_counted() -> None:
    seen = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        # The last connection may send nothing.
        with suppress(asyncio.IncompleteReadError), closing(writer):
            for answers in (True, False):  # the second request of each connection is dropped
                await reader.readuntil(b'{"id":"1"}')
                seen += 1
                if answers:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    port = free_ports(1)[0]
    server = await asyncio.start_server(serve, HOST, port)
    async with server:
        target = ConsumerTarget.of(f"http://{HOST}:{port}/", {})
        ended = await run(target, Fixed(every(0.05, 5)), limits=PATIENT)
    assert ended.measured.failed_count == 0
    assert ended.measured.resent_count > 0
    assert seen == ended.measured.sent_count + ended.measured.resent_count


async def test_a_consumer_that_hangs_up_before_the_half_close_is_one_that_closed() -> None:
    with socket.create_server((HOST, 0)) as server:
        target = ConsumerTarget.of("http://{}:{}/".format(*server.getsockname()), {})
        async with Poster(target, timeout_s=5) as poster:
            deadline = asyncio.get_running_loop().time() + 5
            made = cast("TimedConnection", await poster.dialer.dial(target.origin, deadline))
            theirs, _ = server.accept()
            theirs.close()
            # It resets the connection at that; the event loop has heard of neither yet.
            answer = made.exchange(b"POST / HTTP/1.1\r\n\r\n", deadline)
            made.half_close()
            with pytest.raises(ClosedError):
                await answer
