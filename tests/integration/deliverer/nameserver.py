"""A name server on the loopback: real DNS packets, and answers that can change with each question."""

import asyncio
import ipaddress
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import aiohttp

A, CNAME, AAAA = 1, 5, 28
INTERNET = 1
NOT_THERE = 3


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """Answers from *names*: a name has addresses, or another name, and is asked for with no dot.

    A value that is a list of lists gives its items in turn, one to each question for A, and the
    last for ever. (There is not always one for AAAA: c-ares remembers that there was nothing.)

    Attributes:
        names: What there is.
        asked: The names and types that were asked for, in the order of the questions.
    """

    names: dict[str, list[str] | list[list[str]]] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)
    port: int = 0
    _transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # uvloop's is none by type

    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        name, end = _read_name(data, 12)
        kind = struct.unpack_from("!H", data, end)[0]
        self.asked.append((name.lower(), kind))
        known = name.lower() in self.names
        records = self._records(name.lower(), kind)
        flags = 0x8180 | (0 if known else NOT_THERE)
        head = data[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0)
        assert self._transport is not None
        self._transport.sendto(head + data[12 : end + 4] + b"".join(records), addr)

    def _records(self, name: str, kind: int) -> list[bytes]:
        records = []
        for value in self._values(name):
            if not _is_address(value):
                target = _written(value)
                records += [_record(name, CNAME, target), *self._records(value, kind)]
                continue
            address = ipaddress.ip_address(value)
            if kind == (A if address.version == 4 else AAAA):
                records.append(_record(name, kind, address.packed))
        return records

    def _values(self, name: str) -> list[str]:
        values = self.names.get(name, [])
        if not values or isinstance(values[0], str):
            return [str(value) for value in values]
        turn = max(0, self.asked.count((name, A)) - 1)
        return list(values[min(turn, len(values) - 1)])


@asynccontextmanager
async def name_server() -> AsyncIterator[NameServer]:
    """Run a name server on a free port."""
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        NameServer, local_addr=("127.0.0.1", 0)
    )
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()


def resolver_of(server: NameServer) -> aiohttp.AsyncResolver:
    """The resolver that the deliverer has, asking *server*."""
    return aiohttp.AsyncResolver(
        nameservers=[f"127.0.0.1:{server.port}"], timeout=1, tries=2, lookups="b"
    )


def _read_name(data: bytes, at: int) -> tuple[str, int]:
    labels = []
    while data[at]:
        labels.append(data[at + 1 : at + 1 + data[at]].decode())
        at += 1 + data[at]
    return ".".join(labels), at + 1


def _written(name: str) -> bytes:
    labels = (label.encode() for label in name.split("."))
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _record(name: str, kind: int, value: bytes) -> bytes:
    return _written(name) + struct.pack("!HHIH", kind, INTERNET, 0, len(value)) + value


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
