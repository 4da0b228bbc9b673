"""Connections: what the HTTP client is not asked to tell, but must, for an attempt to be judged.

Three things: whether a request went out on a connection that had served before, whether anything
came back on it, and a way to have a new one. And one that it must not do: judge a response by how
its first bytes happened to be cut into packets.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

if TYPE_CHECKING:
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

_END_OF_HEAD = b"\r\n\r\n"


class Handler(ResponseHandler):
    """One connection's protocol.

    Attributes:
        served: Whether a request went out on it before this one.
        heard: Whether a byte came back for this request.
    """

    served = False
    heard = False

    def data_received(self, data: bytes) -> None:
        """Give the parser a response's head by itself.

        An error in what follows the head, in the same packet, would otherwise make the client lose
        the head, and with it the status that has decided the attempt.
        """
        if data and not self.heard:
            self.heard = True
            end = data.find(_END_OF_HEAD) + len(_END_OF_HEAD)
            if len(_END_OF_HEAD) <= end < len(data):
                super().data_received(data[:end])
                data = data[end:]
        super().data_received(data)
        if self._exception is not None:
            self._end_content()

    def _end_content(self) -> None:
        """Let the reader of a content that will not be completed have what came of it, at once."""
        content, self._payload = self._payload, None
        if content is not None and not content.is_eof():
            content.feed_eof()


@dataclass(slots=True)
class Passage:
    """What became known of the way of one request.

    Attributes:
        anew: Set by whoever wants a connection that has not served before.
        handler: The connection's protocol; None while there is no connection.
        reused: Whether the connection had served before.
    """

    anew: bool = False
    handler: Handler | None = None
    reused: bool = False

    @property
    def closed_under_it(self) -> bool:
        """Whether a failure may be that of an idle connection that the server just closed."""
        return self.reused and self.handler is not None and not self.handler.heard


passage: ContextVar[Passage | None] = ContextVar("passage", default=None)
"""The passage of the request that this task is sending."""


class Connector(aiohttp.TCPConnector):
    """A connector that notes on the `passage` which connection a request got."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 (passed on as they are)
        super().__init__(**options)
        self._factory = partial(Handler, loop=self._loop)  # type: ignore[assignment]  # one, too

    async def connect(
        self,
        req: "ClientRequest",
        traces: list["Trace"],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 (the method that this one overrides)
    ) -> "Connection":
        """Get a connection from the pool or make one."""
        noted = passage.get() or Passage()
        while True:
            connection = await super().connect(req, traces, timeout)
            handler = connection.protocol
            if not isinstance(handler, Handler):
                return connection
            if not (handler.served and noted.anew):
                break
            connection.close()
        noted.handler, noted.reused = handler, handler.served
        handler.served, handler.heard = True, False
        return connection
