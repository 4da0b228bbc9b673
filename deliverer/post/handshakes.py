"""TLS handshakes with a time limit, and with an error that explains the failure.

OpenSSL reports that a certificate has another name or has expired, but not which or when, and does
not return the certificate. So after such a refusal one more handshake fetches the certificate;
nothing is trusted, shown or sent in it.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable

from portcall.deliverer.post.attempts import HandshakeError
from portcall.deliverer.post.connection import Connection
from portcall.deliverer.post.origin import Origin
from portcall.deliverer.post.tls_words import ENDED, Peer

LOOK_S = 3.0
"""Time limit of this second handshake, within the attempt's own limit."""
LOOK_AGAIN_S = 60.0
MAX_LOOKS = 1_000
"""Results are cached: an endpoint that fails for hours is checked once a minute."""


async def open_tls(
    make: Callable[[], Connection],
    sock: socket.socket,
    context: ssl.SSLContext,
    host: str,
    deadline: float,
) -> Connection:
    """Speak TLS on a connected socket.

    Args:
        make: Makes the protocol.
        sock: Connected; it is closed on failure.
        context: The TLS context.
        host: The host that the certificate must be for.
        deadline: The end, in the loop's time; the caller's timeout is the same.

    Raises:
        HandshakeError: The server closed the connection.
        ssl.SSLError: Its certificate or something else was not acceptable, to us or to it.
    """
    loop = asyncio.get_running_loop()
    try:
        _, connection = await loop.create_connection(
            make,
            sock=sock,
            ssl=context,
            server_hostname=host,
            # Longer than the caller's own limit, so that the caller's applies.
            ssl_handshake_timeout=max(1.0, deadline - loop.time() + 1.0),
        )
    except ssl.SSLError:
        raise
    except ConnectionError as error:
        raise HandshakeError(ENDED) from error
    return connection


class Looks:
    """Fetches certificates that were refused."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], tuple[float, Peer | None]] = {}
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    async def look(
        self, origin: Origin, connect: Callable[[], Awaitable[socket.socket]], deadline: float
    ) -> Peer | None:
        """The facts of the server's certificate; None: not received in time, or unreadable.

        Args:
            origin: The endpoint.
            connect: Connects to exactly the checked addresses.
            deadline: The attempt's; a margin of it stays.
        """
        place = (origin.host, origin.port)
        seen_at, peer = self._seen.get(place, (0.0, None))
        if seen_at and time.monotonic() - seen_at < LOOK_AGAIN_S:
            return peer
        now = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(min(now + LOOK_S, now + (deadline - now) * 0.8)):
                peer = await self._shown(origin.server_name, await connect())
        except Exception:  # noqa: BLE001 (a certificate may hold anything; the look is an extra)
            peer = None
        if len(self._seen) >= MAX_LOOKS:
            self._seen.clear()
        self._seen[place] = (time.monotonic(), peer)
        return peer

    async def _shown(self, host: str, sock: socket.socket) -> Peer | None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(
            asyncio.Protocol, sock=sock, ssl=self._context, server_hostname=host
        )
        try:
            shown: ssl.SSLObject = transport.get_extra_info("ssl_object")
            der = shown.getpeercert(binary_form=True)
        finally:
            transport.abort()
        return Peer.of(der, time.time()) if der else None
