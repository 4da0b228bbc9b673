"""TLS handshakes, bounded, and with an error that says what failed.

OpenSSL says that a certificate is of another name or expired, but not which or when, and keeps the
certificate to itself. So after such a refusal the certificate is looked at: by one more handshake,
in which nothing is trusted, shown or sent.
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
"""How long a look may take, within the attempt's own bound."""
LOOK_AGAIN_S = 60.0
MAX_LOOKS = 1_000
"""What was seen is remembered: an endpoint that fails for hours is looked at once a minute."""


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
        sock: Connected; it is closed where this fails.
        context: What is trusted, and shown.
        host: Whom the certificate must be for.
        deadline: When to stop, in the loop's time; the caller's timeout is the same.

    Raises:
        HandshakeError: The server hung up.
        ssl.SSLError: Its certificate or something else was not acceptable, to us or to it.
    """
    loop = asyncio.get_running_loop()
    try:
        _, connection = await loop.create_connection(
            make,
            sock=sock,
            ssl=context,
            server_hostname=host,
            # Beyond the caller's own: that one decides.
            ssl_handshake_timeout=max(1.0, deadline - loop.time() + 1.0),
        )
    except ssl.SSLError:
        raise
    except ConnectionError as error:
        raise HandshakeError(ENDED) from error
    return connection


class Looks:
    """Looks at certificates that were not accepted."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], tuple[float, Peer | None]] = {}
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    async def look(
        self, origin: Origin, connect: Callable[[], Awaitable[socket.socket]], deadline: float
    ) -> Peer | None:
        """What the certificate there says of itself; None: it was not seen in time, or not read.

        Args:
            origin: Where.
            connect: Makes a connection to the very addresses that were checked.
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
