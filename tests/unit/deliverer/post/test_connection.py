"""A connection that ends before its first request is written."""

import asyncio
import ssl
import time

import pytest

from portcall.deliverer.post.attempts import CERTIFICATE_HINT, ClosedError
from portcall.deliverer.post.connection import Connection, Dialed
from portcall.deliverer.post.deadlines import Deadlines
from portcall.deliverer.post.response import ResponseHeads

SILENT = "the connection was closed without an answer"


class Secured(asyncio.Transport):
    def get_extra_info(self, name: str, default: object = None) -> object:
        return object() if name == "ssl_object" else default

    def write(self, data: object) -> None:
        del data


async def lost(exc: Exception | None) -> Connection:
    connection = Connection(Deadlines(), ResponseHeads())
    connection.connection_made(asyncio.Transport())
    connection.connection_lost(exc)
    return connection


@pytest.mark.parametrize(
    ("exc", "wanted"),
    [
        (ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] required"), ssl.SSLError),
        (ConnectionResetError(), ClosedError),
        (None, ClosedError),
    ],
    ids=["alert", "reset", "end"],
)
async def test_an_end_before_the_request_says_why(
    exc: Exception | None, wanted: type[Exception]
) -> None:
    connection = await lost(exc)
    with pytest.raises(wanted) as raised:
        await connection.exchange(b"POST / HTTP/1.1\r\n\r\n", asyncio.get_running_loop().time() + 5)
    assert wanted is ClosedError or raised.value is exc


@pytest.mark.parametrize(
    ("is_first", "ago_s"), [(True, 0.1), (True, 5.0), (False, 0.1)], ids=["first", "late", "later"]
)
async def test_an_end_right_after_the_handshake_gets_a_hint(
    *, is_first: bool, ago_s: float
) -> None:
    connection = Connection(Deadlines(), ResponseHeads())
    connection.connection_made(Secured())
    connection.dialed = Dialed(0.0, 0.0, time.perf_counter() - ago_s)
    deadline = asyncio.get_running_loop().time() + 5
    if not is_first:
        answered = connection.exchange(b"POST / HTTP/1.1\r\n\r\n", deadline)
        connection.data_received(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert (await answered).status == 204
    waiter = connection.exchange(b"POST / HTTP/1.1\r\n\r\n", deadline)
    connection.connection_lost(ConnectionResetError())
    with pytest.raises(ClosedError) as raised:
        await waiter
    assert str(raised.value) == SILENT + (CERTIFICATE_HINT if is_first and ago_s < 1 else "")
