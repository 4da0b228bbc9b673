"""Endpoints that answer with the request itself, in every way that an answer can have something in it.

What they do is the last part of the path. They answer what they were sent: its head as text, its
headers as JSON, as headers, as the reason, as a target to be redirected to, percent-encoded, in
base64, as what is no HTTP at all.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import quote

Answer = Callable[[bytes, dict[str, str]], bytes]


def _said(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def _as_headers(headers: dict[str, str]) -> list[str]:
    return [f"X-Echo-{name}: {value}" for name, value in headers.items()]


def _values(headers: dict[str, str]) -> str:
    return " ".join(headers.values())


def _in_codes(headers: dict[str, str]) -> bytes:
    forms = (
        [quote(value, safe=""), base64.b64encode(value.encode()).decode(), json.dumps(value)]
        for value in headers.values()
    )
    return json.dumps(list(forms)).encode()


ANSWERS: dict[str, Answer] = {
    "echo": lambda head, _: _said("200 OK", head),
    "fails": lambda _, sent: _said("500 No", json.dumps(sent).encode(), *_as_headers(sent)),
    "codes": lambda _, sent: _said("500 No", _in_codes(sent)),
    "reason": lambda _, sent: _said(f"503 {_values(sent)}", b""),
    "cookie": lambda _, sent: _said("400 No", b"", f"Set-Cookie: a={_values(sent)}"),
    "moved": lambda _, sent: _said(
        "302 Found", b"", f"Location: http://127.0.0.1/{quote(_values(sent))}"
    ),
    "long": lambda head, _: _said("500 No", b"x" * 4000 + head),
    "raw": lambda head, _: head,
    "odd": lambda _, sent: f"HTTP/1.1 200 OK\r\nX \0{_values(sent)}\r\n\r\n".encode("latin-1"),
    "number": lambda _, sent: f"HTTP/1.1 {_values(sent)} OK\r\n\r\n".encode("latin-1"),
    "cut": lambda head, _: b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + head,
    "silent": lambda _head, _sent: b"",
}
"""By the last part of the path; ``silent`` says nothing and keeps the connection."""


class Mirror:
    """A server of such endpoints.

    Attributes:
        port: Where it listens.
        heard: Everything that was sent to it.
    """

    def __init__(self) -> None:
        self.port = 0
        self.heard = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.heard += head
            sent = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:-2])
            await reader.readexactly(int(sent["Content-Length"]))
            name = head.split(b" ")[1].rpartition(b"/")[2].decode()
            said = ANSWERS[name](head, sent)
            writer.write(said)
            await writer.drain()
            if not said:
                await reader.read()
        writer.close()


@asynccontextmanager
async def mirror() -> AsyncIterator[Mirror]:
    """One that serves for the time of a block."""
    made = Mirror()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
