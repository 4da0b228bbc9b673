"""The hostile sink's process: ``python -m tests.faults.harness.sink_server PORT JOURNAL``.

A process of its own, so that it shares nobody's loop, and no framework, so that thousands of POSTs
a second cost it little. The journal gets two lines for each POST: one as it arrives, one when the
sink is through with it. `PUT /_scripts` with an object of paths and scripts changes what it does;
the path ``*`` is everybody else's.
"""

import asyncio
import gzip
import sys
import time
from collections import Counter
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TextIO, cast

import msgspec
import uvloop

from tests.faults.harness.scripts import WELL, Deed, Script

SCRIPTS = "/_scripts"
EVERYBODY = "*"
STEP_S = 0.25
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_decode_scripts = msgspec.json.Decoder(dict[str, Script]).decode
_encode = msgspec.json.encode


class Sink:
    """What all connections share.

    Args:
        journal: Gets the lines.
    """

    def __init__(self, journal: TextIO) -> None:
        self._journal = journal
        self._scripts: dict[str, Script] = {}
        self._counts: Counter[str] = Counter()
        self._begun: set[str] = set()
        self._posts = 0

    def change(self, scripts: dict[str, Script]) -> None:
        """Do this from now on, at these paths."""
        self._scripts.update(scripts)

    def arrived(self, path: str, delivery_id: str, event_id: str) -> tuple[int, Script]:
        """Note a POST; gives its number, and what to do with it."""
        now = time.time()
        self._posts += 1
        self._counts[path] += 1
        self._write("+", self._posts, now, path, delivery_id, event_id)
        script = self._scripts.get(path) or self._scripts.get(EVERYBODY, WELL)
        again = delivery_id in self._begun
        if script.first:
            self._begun.add(delivery_id)
        applies = script.applies(self._counts[path], now, again=again)
        return self._posts, script if applies else WELL

    def through(self, number: int, status: int, did: str) -> None:
        """Note that the answer is out, up to where it decides something; status 0: it was none."""
        self._write("=", number, time.time(), status, did)

    def _write(self, *fields: object) -> None:
        self._journal.write(_encode(fields).decode() + "\n")


class Endpoint(asyncio.Protocol):
    """One connection to the sink.

    Args:
        sink: Whose.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self._lost = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := _request_end(self._received)) is not None:
            request, self._received = self._received[:end], self._received[end:]
            self._take(request)

    def _take(self, request: bytes) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        method, path, _ = head.split(b" ", 2)
        if method == b"PUT" and path.decode() == SCRIPTS:
            self._sink.change(_decode_scripts(body))
            self._write(_OK)
            return
        delivery_id = _header(head, b"webhook-id")
        # Our own bodies begin so; a general reading of JSON would cost more than all the rest.
        event_id = body.partition(b'"id":"')[2].partition(b'"')[0].decode()
        number, script = self._sink.arrived(path.decode(), delivery_id, event_id)
        if script is WELL:
            self._write(_OK)
            self._sink.through(number, 200, "answer")
            return
        self._work = asyncio.get_running_loop().create_task(self._play(number, script))

    async def _play(self, number: int, script: Script) -> None:
        if script.after_s:
            await asyncio.sleep(script.after_s)
        if self._lost.is_set():
            self._sink.through(number, 0, "client_left")
            return
        status = await self._do(number, script)
        if status is not None:
            self._sink.through(number, status, script.deed.value)

    async def _do(self, number: int, script: Script) -> int | None:
        """Do it; gives the status that is out, or None if that is noted already."""
        match script.deed:
            case Deed.ANSWER:
                self._write(_head(script, {"Content-Length": "2"}) + b"no")
                return script.status
            case Deed.HANG:
                await self._lost.wait()
                return 0
            case Deed.GARBAGE:
                self._write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
                return 0
            case Deed.RESET:
                self._abort()
                return 0
            case Deed.SLOW_HEAD:
                return await self._drip_head(script)
            case Deed.SLOW_BODY | Deed.ENDLESS | Deed.TOO_SHORT | Deed.TOO_LONG | Deed.GZIP_BOMB:
                self._write(_head(script, _BODY_HEADERS[script.deed]))
                self._sink.through(number, script.status, script.deed.value)
                await self._body(script.deed)
                return None

    async def _drip_head(self, script: Script) -> int:
        for byte in _head(script, {"X-Slow": "x" * 1000, "Content-Length": "0"}):
            if self._lost.is_set():
                return 0
            self._write(bytes([byte]))
            await asyncio.sleep(STEP_S)
        return script.status

    async def _body(self, deed: Deed) -> None:
        match deed:
            case Deed.SLOW_BODY:
                while not self._lost.is_set():
                    self._write(b"x")
                    await asyncio.sleep(STEP_S)
            case Deed.ENDLESS:
                while not self._lost.is_set():
                    self._write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
                    await asyncio.sleep(0.001)
            case Deed.TOO_SHORT:
                self._write(b"short")
                if self._transport is not None:
                    self._transport.close()
            case Deed.TOO_LONG:
                self._write(b"x" * 1000)
            case _:
                self._write(_bomb())

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._lost.is_set():
            self._transport.write(data)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


_BODY_HEADERS: dict[Deed, dict[str, str]] = {
    Deed.SLOW_BODY: {"Content-Length": "100000"},
    Deed.ENDLESS: {"Transfer-Encoding": "chunked"},
    Deed.TOO_SHORT: {"Content-Length": "1000"},
    Deed.TOO_LONG: {"Content-Length": "10"},
    Deed.GZIP_BOMB: {"Content-Encoding": "gzip", "Content-Length": "{bomb}"},
}


@cache
def _bomb() -> bytes:
    """100 MB of zeros in 100 kB."""
    return gzip.compress(bytes(100_000_000), compresslevel=9)


def _head(script: Script, headers: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {script.status} Scripted"]
    for name, value in {**headers, **script.headers}.items():
        lines.append(f"{name}: {len(_bomb()) if value == '{bomb}' else value}")
    return "\r\n".join([*lines, "", ""]).encode()


def _header(head: bytes, name: bytes) -> str:
    return head.partition(b"\r\n" + name + b": ")[2].partition(b"\r\n")[0].decode()


def _request_end(received: bytes) -> int | None:
    """Where the first request ends; None: it is not complete."""
    head_end = received.find(b"\r\n\r\n")
    if head_end < 0:
        return None
    _, found, rest = received[:head_end].lower().partition(b"\r\ncontent-length:")
    end = head_end + 4 + (int(rest.split(b"\r\n", 1)[0]) if found else 0)
    return end if len(received) >= end else None


async def main(port: int, journal: Path) -> None:
    """Serve until killed."""
    _bomb()  # now: to make it takes a second, in which nothing would be answered
    # One line, one write: what the journal says has happened, whoever is killed then.
    with journal.open("a", buffering=1) as lines:
        sink = Sink(lines)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Endpoint(sink), "127.0.0.1", port, backlog=2000)
        with suppress(asyncio.CancelledError):
            await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2])))
