"""One HTTP/2 connection: streams within the peer's limits, flow control, and their ends."""

import asyncio
import ssl
import time
from collections.abc import Callable
from contextlib import suppress

import h2.errors
import h2.events
import h2.exceptions

from portcall.deliverer.post.attempts import ClosedError, ProtocolError
from portcall.deliverer.post.connection import CONTENT_TIMEOUT_S, Connection
from portcall.deliverer.post.deadlines import Deadlines
from portcall.deliverer.post.response import MAX_CONTENT_BYTES, ResponseHeads
from portcall.loadtest.http2.frames import Frames, Goaway
from portcall.loadtest.http2.protocol import client, code_name, retry_after_of, status_of
from portcall.loadtest.http2.streams import GoawayError, NoHttp2Error, ResetError, Stream

NO_HTTP2 = "the consumer does not offer HTTP/2"
WINDOW = 2**24
"""How much the peer may send, on the whole connection, before we allow more."""
MAX_STREAMS = 2**30
"""Requests on one connection; the protocol has twice as many stream numbers."""
Fields = list[tuple[bytes, bytes]]


class Http2Connection(Connection):
    """A connection with many streams.

    Attributes:
        settled: Done when the peer has sent its settings; fails when it does not speak HTTP/2.
        served: How many streams it has had.
    """

    def __init__(self, deadlines: Deadlines, heads: ResponseHeads) -> None:
        super().__init__(deadlines, heads)
        self.settled: asyncio.Future[None] = self._loop.create_future()
        self.settled.add_done_callback(lambda done: done.cancelled() or done.exception())
        self.served = 0
        self._frames = Frames()
        self._streams: dict[int, Stream] = {}
        self._heard_at = 0.0
        self._leaving: BaseException | None = None
        self._h2 = client()

    @property
    def room(self) -> bool:
        """Whether one more stream may be opened now."""
        return (
            self._transport is not None
            and self._leaving is None
            and len(self._streams) < self.at_once
            and self.served < MAX_STREAMS
        )

    @property
    def at_once(self) -> int:
        """Return how many concurrent streams the peer allows."""
        return self._h2.remote_settings.max_concurrent_streams

    @property
    def refusal(self) -> BaseException:
        """Return why a connection that served nothing has no `room`."""
        if self._leaving is not None:
            return self._leaving
        if self._transport is None:
            return ClosedError(silent=False)
        return ResetError("the consumer accepts no requests (its MAX_CONCURRENT_STREAMS is 0)")

    def post(
        self, fields: Fields, body: bytes, deadline: float, done: Callable[[Stream], None]
    ) -> Stream:
        """Open a stream; only if there is `room`.

        Args:
            fields: The headers, pseudo ones first.
            body: The content.
            deadline: When to stop waiting for the response, in the loop's time.
            done: Called when the stream ends for any reason.
        """
        stream = Stream(self, body, done)
        stream.number = self._h2.get_next_available_stream_id()
        self._streams[stream.number] = stream
        self.served += 1
        self._deadlines.set(stream, deadline)
        self._h2.send_headers(stream.number, fields, end_stream=not body)
        self._send(stream)
        self._flush()
        return stream

    def cancel(self, stream: Stream, error: BaseException) -> None:
        """End only *stream*, and tell the peer; ignore what arrives for it later."""
        if stream.number in self._streams:
            if self._heard_at < stream.opened_at:
                self._leaving = ClosedError(silent=True)
            self._end(stream.number, h2.errors.ErrorCodes.CANCEL, error)
            self._flush()

    def close(self) -> None:
        """Drop the connection."""
        super().close()
        self._fail_all(ClosedError(silent=False))

    # Called by the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the preface if the peer agreed to speak HTTP/2."""
        super().connection_made(transport)
        tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() != "h2":
            self._reject("by TLS (ALPN)")
            return
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(WINDOW)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Process complete frames."""
        now = self._heard_at = time.perf_counter()
        try:
            for part in self._frames.cut(data):
                if isinstance(part, Goaway):
                    self._go(part)
                    continue
                for event in self._h2.receive_data(part):
                    self._take(event, now)
        except h2.exceptions.NoSuchStreamError as error:
            self._broken(f"a frame for the unknown request {error.stream_id}")
        except (ValueError, h2.exceptions.ProtocolError) as error:
            self._broken(str(error))
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """End every open stream."""
        self._transport = None
        self.lost.set_result(None)
        if not self.settled.done():
            if isinstance(exc, ssl.SSLError):
                self.settled.set_exception(exc)
            else:
                self._reject("(it closed the connection instead)")
        self._fail_all(exc if isinstance(exc, ssl.SSLError) else ClosedError(silent=False))

    # Handlers of frames.

    def _take(self, event: h2.events.Event, now: float) -> None:
        match event:
            case h2.events.ResponseReceived():
                self._answered(self._streams.get(event.stream_id or 0), event, now)
            case h2.events.InformationalResponseReceived():
                self._interim(event)
            case h2.events.DataReceived():
                self._read(self._streams.get(event.stream_id or 0), event)
            case h2.events.StreamEnded():
                self._ended(event.stream_id or 0, now)
            case h2.events.StreamReset():
                why = f"the consumer ended the request (RST_STREAM, {code_name(event.error_code)})"
                self._over(event.stream_id or 0, ResetError(why))
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                self._more()
            case _:
                pass

    def _interim(self, event: h2.events.InformationalResponseReceived) -> None:
        """Ignore an informational response; 101 is not allowed in HTTP/2."""
        if (b":status", b"101") in (event.headers or []):
            error = ProtocolError("HTTP/2 protocol error: the status b'101'")
            self._end(event.stream_id or 0, h2.errors.ErrorCodes.PROTOCOL_ERROR, error)

    def _answered(
        self, stream: Stream | None, event: h2.events.ResponseReceived, now: float
    ) -> None:
        if stream is None:
            return
        headers = event.headers or []
        stream.first_at = now
        stream.received_bytes += sum(len(name) + len(value) for name, value in headers)
        try:
            stream.status = status_of(headers)
            stream.retry_after = retry_after_of(headers)
        except ProtocolError as error:
            self._end(stream.number, h2.errors.ErrorCodes.PROTOCOL_ERROR, error)
            return
        if event.stream_ended is None:
            # The status decides the result: the content gets only a short time.
            self._deadlines.shorten(stream, self._loop.time() + CONTENT_TIMEOUT_S)

    def _read(self, stream: Stream | None, event: h2.events.DataReceived) -> None:
        length = event.flow_controlled_length or 0
        if length:
            self._h2.acknowledge_received_data(length, event.stream_id or 0)
        if stream is None:
            return
        stream.received_bytes += length
        stream.content += event.data or b""
        if len(stream.content) >= MAX_CONTENT_BYTES and event.stream_ended is None:
            self._end(stream.number, h2.errors.ErrorCodes.CANCEL, None)

    def _ended(self, number: int, now: float) -> None:
        stream = self._streams.get(number)
        if stream is not None and stream.left:  # the peer answered without wanting the rest
            self._reset(number, h2.errors.ErrorCodes.NO_ERROR)
        self._over(number, None, now)

    def _more(self) -> None:
        """The peer sent its settings, or accepts more content."""
        if not self.settled.done():
            self.settled.set_result(None)
        for stream in [each for each in self._streams.values() if each.left]:
            self._send(stream)

    def _go(self, goaway: Goaway) -> None:
        why = f"the consumer ended the connection (GOAWAY, {code_name(goaway.code)})"
        self._leaving = GoawayError(why, unseen=False)
        for number in [each for each in self._streams if each > goaway.last or goaway.code]:
            unseen = not goaway.code and number > goaway.last
            self._over(number, GoawayError(why, unseen=unseen, progress=goaway.last > 0))
        if not self.settled.done():
            self._reject(f"({why})")
        self._leave()

    # How streams continue and end.

    def _send(self, stream: Stream) -> None:
        """Send as much of the content as the peer accepts now."""
        while stream.left:
            try:
                window = self._h2.local_flow_control_window(stream.number)
            except h2.exceptions.NoSuchStreamError:
                return  # the peer has ended it: that event comes after this one
            part = stream.take(max(0, min(window, self._h2.max_outbound_frame_size)))
            if not part:
                return
            self._h2.send_data(stream.number, bytes(part), end_stream=not stream.left)
            stream.sent_bytes += len(part)
        stream.written_at = time.perf_counter()

    def _reset(self, number: int, code: h2.errors.ErrorCodes) -> None:
        with suppress(h2.exceptions.NoSuchStreamError):  # the peer may have ended it itself
            self._h2.reset_stream(number, code)

    def _end(self, number: int, code: h2.errors.ErrorCodes, error: BaseException | None) -> None:
        """End it from our side."""
        self._reset(number, code)
        self._over(number, error)

    def _over(self, number: int, error: BaseException | None, now: float = 0.0) -> None:
        stream = self._streams.pop(number, None)
        if stream is None:
            return
        self._deadlines.clear(stream)
        stream.last_at = now
        # As in HTTP/1.1: a received status decides, whatever happens to the content.
        stream.end(None if stream.status else error)
        self._leave()

    def _leave(self) -> None:
        """Close a connection that gets no more requests, after its last response."""
        if self._leaving is not None and not self._streams:
            super().close()

    def _broken(self, how: str) -> None:
        """The received data are not, or no longer, HTTP/2."""
        self._flush()
        if not self.settled.done():
            self._reject(f"({how})")
        super().close()
        self._fail_all(ProtocolError(f"HTTP/2 protocol error: {how}"))

    def _fail_all(self, error: BaseException) -> None:
        for number in list(self._streams):
            self._over(number, error)

    def _reject(self, how: str) -> None:
        error = NoHttp2Error(f"{NO_HTTP2} {how}")
        if not self.settled.done():
            self.settled.set_exception(error)
        super().close()
        self._fail_all(error)

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)
