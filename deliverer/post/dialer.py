"""Connections to endpoints: names resolved, addresses checked, TLS, and a pool of idle ones."""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from functools import partial
from weakref import WeakSet

import aiohappyeyeballs
import aiohttp
import pycares
from aiohttp.abc import AbstractResolver, ResolveResult

from portcall.deliverer.post.addresses import AddressInfo, admitted
from portcall.deliverer.post.attempts import (
    HandshakeError,
    HandshakeTimeoutError,
    PortBlockedError,
    UnresolvedError,
)
from portcall.deliverer.post.connection import Connection, Dialed
from portcall.deliverer.post.deadlines import Deadlines
from portcall.deliverer.post.handshakes import Looks, open_tls
from portcall.deliverer.post.origin import Origin
from portcall.deliverer.post.response import ResponseHeads
from portcall.deliverer.post.steps import Steps
from portcall.deliverer.post.tls_words import NEED_A_LOOK, refusal
from portcall.deliverer.post.trust import Trusts
from portcall.runtime.settings import Network
from portcall.runtime.targets.ports import USUAL, Ports
from portcall.schemas.uris import looks_like_an_address

KEEP_ALIVE_S = 15.0
"""How long an idle connection is kept; many servers close theirs after 15 to 75 s."""
MAX_IDLE = 2_000
"""Idle connections kept in all."""
NAME_TTL_S = 30.0
MAX_NAMES = 10_000
MAX_ADDRESSES = 16
"""Of one name. Each that does not answer is tried for a quarter of a second: a name with a thousand
addresses must not make us connect to all of them."""
SWEEP_S = 5.0


class Dialer:
    """Connects directly to the endpoint: no proxy is used, whatever the environment says.

    A refused address or port has its own error, and gets no packet.

    Args:
        allowed: Networks that are allowed although they are not public.
        ports: The allowed ports.
        resolver: Looks names up.
        tls: The TLS context; None: trusts the system's authorities.
        trusts: The context for each endpoint, instead of *tls*.
        connection: Makes the protocol of a connection.
    """

    def __init__(
        self,
        allowed: Sequence[Network],
        *,
        ports: Ports = USUAL,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
        trusts: Trusts | None = None,
        connection: type[Connection] = Connection,
    ) -> None:
        self._allowed = allowed
        self._ports = ports
        self._deadlines = Deadlines()
        self._heads = ResponseHeads()
        self._trusts = trusts or Trusts(tls)
        self._connection = connection
        # c-ares in its own thread: some hanging names would block the loop's few threads.
        self._resolver = resolver or aiohttp.AsyncResolver(timeout=3, tries=2)
        self._absolute = resolver  # for names with a dot at the end; made when there is one
        self._looks = Looks()
        self._open: WeakSet[Connection] = WeakSet()
        self._names: dict[tuple[str, int], tuple[float, list[AddressInfo]]] = {}

    async def dial(self, origin: Origin, deadline: float, steps: Steps | None = None) -> Connection:
        """Connect to *origin*.

        Args:
            origin: The target.
            deadline: When to stop trying, in the loop's time.
            steps: Gets the times of the steps, also of a failed dial; None: they are not needed.

        Raises:
            PortBlockedError: Its port is refused; no name is looked up then.
            AddressBlockedError: All its addresses are refused.
            UnresolvedError: The name has no address.
            TimeoutError: It took too long; a `HandshakeTimeoutError`: the TLS handshake did.
            OSError: The connection failed; an `ssl.SSLError` or a `HandshakeError`: its TLS is not
                acceptable, or ours is not to it.
        """
        if not self._ports.allow(origin.port):
            raise PortBlockedError(origin.port)
        loop = asyncio.get_running_loop()
        is_connected = False
        try:
            async with asyncio.timeout_at(deadline):
                infos = await self._resolve(origin.host, origin.port)
                resolved_at = time.perf_counter()
                if steps is not None:
                    steps.resolved_at = resolved_at
                sock = await self._connect(infos)
                connected_at, is_connected = time.perf_counter(), True
                if steps is not None:
                    steps.connected_at = connected_at
                make = partial(self._connection, self._deadlines, self._heads)
                if origin.tls:
                    connection = await self._shake_hands(make, sock, infos, origin, deadline)
                else:
                    _, connection = await loop.create_connection(make, sock=sock)
        except TimeoutError:
            if is_connected and origin.tls:
                raise HandshakeTimeoutError from None
            raise
        connection.dialed = Dialed(resolved_at, connected_at, time.perf_counter())
        if steps is not None and origin.tls:
            steps.secured_at = connection.dialed.ready_at
        self._open.add(connection)
        return connection

    async def close(self) -> None:
        """Close every connection that was made, and stop resolving names."""
        opened = list(self._open)
        for connection in opened:
            connection.close()
        if opened:
            await asyncio.wait([connection.lost for connection in opened])
        await self._resolver.close()
        if self._absolute is not None and self._absolute is not self._resolver:
            await self._absolute.close()

    @property
    def version(self) -> int:
        """Raised when the trust settings change: older connections are not used any more."""
        return self._trusts.version

    async def watch(self) -> None:
        """Keep *version* current."""
        await self._trusts.watch()

    async def _shake_hands(
        self,
        make: Callable[[], Connection],
        sock: socket.socket,
        infos: list[AddressInfo],
        origin: Origin,
        deadline: float,
    ) -> Connection:
        """Start TLS on *sock*; on a failure, find the reason."""
        try:
            context, version = await self._trusts.context(origin.trust)
        except BaseException:
            sock.close()
            raise
        try:
            connection = await open_tls(make, sock, context, origin.server_name, deadline)
        except ssl.SSLCertVerificationError as error:
            peer = None
            if error.verify_code in NEED_A_LOOK:
                peer = await self._looks.look(origin, partial(self._connect, infos), deadline)
            raise HandshakeError(refusal(error, origin.server_name, peer)) from error
        connection.version = version
        return connection

    async def _connect(self, infos: list[AddressInfo]) -> socket.socket:
        # Exactly the checked tuples are used for the system's connect: nothing is resolved again.
        return await aiohappyeyeballs.start_connection(
            admitted(infos, self._allowed, self._ports.own), happy_eyeballs_delay=0.25
        )

    async def _resolve(self, host: str, port: int) -> list[AddressInfo]:
        try:
            ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            if looks_like_an_address(host):
                raise ValueError(f"{host} is neither a name nor a whole address") from None
            return await self._look_up(host, port)
        return _stream_infos(host, port)

    async def _look_up(self, host: str, port: int) -> list[AddressInfo]:
        known = self._names.get((host, port))
        if known is not None and known[0] > time.monotonic():
            return known[1]
        try:
            found = await self._asked(host, port)
        except OSError as error:
            raise UnresolvedError(f"the name {host} could not be resolved") from error
        infos = [
            info for each in found[:MAX_ADDRESSES] for info in _stream_infos(each["host"], port)
        ]
        if len(self._names) >= MAX_NAMES:
            self._names.clear()
        self._names[host, port] = (time.monotonic() + NAME_TTL_S, infos)
        return infos

    async def _asked(self, host: str, port: int) -> list[ResolveResult]:
        """Look a name up. A dot at its end makes it absolute: no search domain is added.

        c-ares gets it without the dot: with it, it finds neither ``localhost`` nor the names of the
        hosts file.
        """
        if not host.endswith("."):
            return await self._resolver.resolve(host, port, socket.AF_UNSPEC)
        if self._absolute is None:
            self._absolute = aiohttp.AsyncResolver(
                timeout=3, tries=2, flags=pycares.ARES_FLAG_NOSEARCH
            )
        return await self._absolute.resolve(host[:-1], port, socket.AF_UNSPEC)


def _stream_infos(address: str, port: int) -> list[AddressInfo]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    target: tuple[str, int] | tuple[str, int, int, int] = (
        (address, port, 0, 0) if family is socket.AF_INET6 else (address, port)
    )
    return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", target)]


class Pool:
    """Idle connections by origin; the most recently used one is used first."""

    def __init__(self) -> None:
        self._idle: dict[Origin, list[Connection]] = {}
        self._count = 0
        self._sweep: asyncio.TimerHandle | None = None

    def take(self, origin: Origin, version: int = 0) -> Connection | None:
        """An open idle connection to *origin*, or None; one of another *version* is closed."""
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            self._count -= 1
            if connection.reusable and (not origin.tls or connection.version == version):
                return connection
            connection.close()
        return None

    def put(self, origin: Origin, connection: Connection) -> None:
        """Keep *connection* for the next exchange, if it can be reused."""
        if not connection.reusable or self._count >= MAX_IDLE:
            connection.close()
            return
        connection.idle_since = time.monotonic()
        self._idle.setdefault(origin, []).append(connection)
        self._count += 1
        if self._sweep is None:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP_S, self._drop_stale)

    def close(self) -> None:
        """Drop all connections."""
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in [each for idle in self._idle.values() for each in idle]:
            connection.close()
        self._idle.clear()
        self._count = 0

    def _drop_stale(self) -> None:
        self._sweep = None
        oldest = time.monotonic() - KEEP_ALIVE_S
        for origin, idle in list(self._idle.items()):
            kept = [each for each in idle if each.reusable and each.idle_since > oldest]
            for connection in idle:
                if connection not in kept:
                    connection.close()
            self._count -= len(idle) - len(kept)
            if kept:
                self._idle[origin] = kept
            else:
                del self._idle[origin]
        if self._count:
            self._sweep = asyncio.get_running_loop().call_later(SWEEP_S, self._drop_stale)
