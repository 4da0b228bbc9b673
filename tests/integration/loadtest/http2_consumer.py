"""A consumer that speaks HTTP/2 (RFC 9113) on a real socket, made with `h2`'s server side."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import h2.config
import h2.connection
import h2.events
import h2.settings

from portcall.cli.ports import HOST, free_ports
from portcall.loadtest.plan import Outcome, Planned
from portcall.loadtest.run import Limits, run
from portcall.loadtest.send.target import ConsumerTarget
from tests.integration.loadtest.consumer import Fixed, Kept

LIMITS = Limits(timeout_s=5, max_lag_s=5, http2=True, verify=False)


@dataclass
class Served:
    """What a consumer does, and what it had.

    *on_request* is told each whole request (its connection, the stream and the number of the request
    from 1), and answers it, or does something else; without it, each gets 200 at once.
    """

    uri: str = ""
    max_streams: int = 100
    window: int = 65_535
    early: bool = False
    """Answer without waiting for the content, and end the request then (RFC 9113, 8.1)."""
    on_request: Callable[["Http2Consumer", int, int], None] | None = None
    on_connection: Callable[["Http2Consumer"], None] | None = None
    """Told each connection, and says hello on it, when it likes."""
    ids: Counter[str] = field(default_factory=Counter)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    most_at_once: int = 0
    open: list[asyncio.Transport] = field(default_factory=list)


class Http2Consumer(asyncio.Protocol):
    """One connection of it."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        )
        self._open: dict[int, bytes] = {}
        self.transport: asyncio.Transport
        self.deaf = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.served.connections += 1
        self.served.open.append(self.transport)
        if self.served.on_connection is None:
            self.hello()
        else:
            self.served.on_connection(self)

    def hello(self) -> None:
        self.h2.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: self.served.max_streams,
                h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: self.served.window,
            },
        )
        self.h2.initiate_connection()
        self.flush()

    def data_received(self, data: bytes) -> None:
        if self.deaf:
            return
        for event in self.h2.receive_data(data):
            match event:
                case h2.events.RequestReceived():
                    self._begin(event)
                case h2.events.DataReceived():
                    if event.stream_id in self._open:
                        self._open[event.stream_id] += event.data or b""
                    length = event.flow_controlled_length or 0
                    self.h2.acknowledge_received_data(length, event.stream_id or 0)
                case h2.events.StreamEnded():
                    self._whole(event.stream_id or 0)
                case h2.events.StreamReset():
                    self._open.pop(event.stream_id or 0, None)
                case _:
                    pass
        self.flush()

    def _begin(self, event: h2.events.RequestReceived) -> None:
        served = self.served
        headers = {str(name): str(value) for name, value in event.headers or []}
        served.headers.append(headers)
        served.ids[headers.get("webhook-id", "")] += 1
        self._open[event.stream_id or 0] = b""
        if served.early:
            self.answer(event.stream_id or 0)
            self.h2.reset_stream(event.stream_id or 0, 0)
        served.most_at_once = max(served.most_at_once, len(self._open))

    def _whole(self, stream: int) -> None:
        served = self.served
        if stream not in self._open:
            return
        served.bodies.append(self._open[stream])
        if served.on_request is None:
            self.answer(stream)
        else:
            served.on_request(self, stream, len(served.bodies))

    def answer(
        self, stream: int, status: int = 200, content: bytes = b"ok", *, retry_after: str = ""
    ) -> None:
        if self._open.pop(stream, None) is None or self.transport.is_closing():
            return
        asked = [("retry-after", retry_after)] if retry_after else []
        self.h2.send_headers(stream, [(":status", str(status)), *asked])
        self.h2.send_data(stream, content, end_stream=True)
        self.flush()

    def malform(self, stream: int, headers: list[tuple[str, str]]) -> None:
        """Answer with these headers and nothing else, whatever the library thinks of them."""
        self._open.pop(stream)
        self.h2.config.validate_outbound_headers = False
        self.h2.config.normalize_outbound_headers = False
        self.h2.send_headers(stream, headers, end_stream=True)
        self.flush()

    def reset(self, stream: int, code: int) -> None:
        self._open.pop(stream)
        self.h2.reset_stream(stream, code)
        self.flush()

    def go_away(self, last: int, code: int) -> None:
        # The library would take the connection for closed, as it does with a GOAWAY that comes.
        content = last.to_bytes(4) + code.to_bytes(4)
        self.flush()
        self.transport.write(len(content).to_bytes(3) + b"\x07\x00" + bytes(4) + content)

    def flush(self) -> None:
        self.transport.write(self.h2.data_to_send())


async def send(
    consumer: Served, requests: Iterable[Planned], limits: Limits = LIMITS
) -> list[Outcome]:
    """The outcomes in the order of the requests."""
    kept = Kept()
    target = ConsumerTarget.of(consumer.uri, {"X-Test": "yes"})
    await run(target, Fixed(requests), limits=limits, observers=[kept])
    return sorted(kept.outcomes, key=lambda each: each.planned.at_s)


@asynccontextmanager
async def serve_http2(tls: ssl.SSLContext | None = None) -> AsyncIterator[Served]:
    """A consumer on a free port of the loopback; h2c without *tls*."""
    port = free_ports(1)[0]
    served = Served(f"{'https' if tls else 'http'}://{HOST}:{port}/hook?from=test")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Http2Consumer(served), HOST, port, ssl=tls)
    try:
        yield served
    finally:
        server.close()
        for transport in served.open:
            transport.abort()
        await server.wait_closed()
