"""The open load: every event is sent once, and each POST is compared with its request."""

import asyncio

from benchmarks.harness.open_load import Load, Sending
from benchmarks.harness.sink_server import serve
from portcall.cli.ports import HOST, free_ports


class Echo(asyncio.Protocol):
    """Takes a request, tells the load of its one event at once, and answers 202."""

    def __init__(self, sending: Sending) -> None:
        self._sending = sending
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._sending.take(asyncio.get_running_loop().time(), data)
        self._transport.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")


def _load(port: int, *, patience_s: float) -> Load:
    return Load(
        url=f"http://{HOST}:{port}/registries/fanout1/events",
        token="token",  # noqa: S106
        first=0,
        events=20,
        batch=1,
        rate=200,
        fan_out=1,
        patience_s=patience_s,
    )


async def test_every_event_is_measured() -> None:
    (port,) = free_ports(1)
    sending = Sending(_load(port, patience_s=5))
    server = await asyncio.get_running_loop().create_server(lambda: Echo(sending), HOST, port)
    async with server:
        measured = await sending.run()
    assert (measured.deliveries, measured.missing, measured.refused) == (20, 0, 0)
    assert measured.seconds >= 19 / 200


async def test_what_does_not_come_is_missing() -> None:
    (port,) = free_ports(1)
    sending = Sending(_load(port, patience_s=0.1))
    async with await serve(port):
        measured = await sending.run()
    assert (measured.deliveries, measured.missing) == (0, 20)
    assert measured.refused == 20  # the sink answers 200, and a producer 202


async def test_a_request_without_an_answer_counts_as_refused_and_ends() -> None:
    (port,) = free_ports(1)
    sending = Sending(_load(port, patience_s=0.1))
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, HOST, port)
    async with server:
        measured = await sending.run()
    assert (measured.refused, measured.missing) == (20, 20)
