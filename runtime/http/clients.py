"""HTTP clients by their address: how many connections each has, and which fail often to log in.

Before authentication only the address is known. Of an IPv6 address the first half counts, because
one client owns all of the second. Behind a proxy all clients have the proxy's address: set limits
in the proxy there.
"""

import ipaddress
import secrets
import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b

import prometheus_client
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from portcall.runtime.metrics import REGISTRY
from portcall.runtime.settings import AUTH_FAILURES_PER_S

THROTTLED = prometheus_client.Counter(
    "portcall_throttled_requests",
    "Requests answered with 429, because their address had failed to authenticate too often.",
    registry=REGISTRY,
)
AT_ONCE_S = 10.0
MAX_FAILURES = int(AT_ONCE_S * AUTH_FAILURES_PER_S)
MAX_CLIENTS = 10_000
"""About a megabyte."""
UNLIMITED = frozenset({"/live", "/ready"})
AUTHENTICATED = web.RequestKey("authenticated", bool)
"""Set by the code that has checked a request's token, if the token is valid."""


@lru_cache(maxsize=1_000)
def client_of(address: str | None) -> str:
    """The client with the address *address*; None and invalid addresses all count as one client."""
    try:
        parsed = ipaddress.ip_address((address or "").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


class ClientGate:
    """Limits the connections; one client has at most half of them.

    Args:
        limit: The maximum number of connections.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self._by_client: Counter[str] = Counter()

    def enter(self, client: str) -> bool:
        """Let a connection in, if there is room."""
        if self._count >= self._limit or self._by_client[client] >= max(1, self._limit // 2):
            return False
        self._count += 1
        self._by_client[client] += 1
        return True

    def leave(self, client: str) -> None:
        """A connection that was let in has ended."""
        self._count -= 1
        self._by_client[client] -= 1
        if not self._by_client[client]:
            del self._by_client[client]


class Throttle:
    """Knows which clients failed to authenticate too often, and which tokens were valid.

    A client may fail `AT_ONCE_S` seconds' worth of times at once, and then at the rate *per_s*.
    Successes cost nothing, and a client whose token was valid recently is never refused because of
    others behind the same address.

    Args:
        per_s: Failures a second; 0: no limit.
        clock: Monotonic seconds.
    """

    def __init__(
        self, per_s: float = AUTH_FAILURES_PER_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s = per_s
        self._clock = clock
        # By client: when its failures will all be forgotten. A failure is worth 1/rate seconds.
        self._forgotten_at: dict[str, float] = {}
        self._good: dict[bytes, None] = {}
        self._key = secrets.token_bytes(16)

    def refuses(self, client: str, authorization: str = "") -> bool:
        """Whether *client* must wait; its token is not checked, unless it was valid recently."""
        ahead_s = self._forgotten_at.get(client, 0.0) - self._clock()
        if not self._per_s or ahead_s * self._per_s <= AT_ONCE_S * self._per_s - 1:
            return False
        return not authorization or self._digest(authorization) not in self._good

    def note_failure(self, client: str, authorization: str = "") -> None:
        """*client* sent no token, or one that is not valid."""
        self._good.pop(self._digest(authorization), None)
        if not self._per_s:
            return
        now = self._clock()
        before = max(self._forgotten_at.pop(client, 0.0), now)
        if len(self._forgotten_at) >= MAX_CLIENTS:
            self._forget(now)
        self._forgotten_at[client] = before + 1 / self._per_s

    def note_success(self, authorization: str) -> None:
        """The header *authorization* had a valid token."""
        digest = self._digest(authorization)
        if digest not in self._good:
            if len(self._good) >= MAX_CLIENTS:
                del self._good[next(iter(self._good))]
            self._good[digest] = None

    def _digest(self, authorization: str) -> bytes:
        # Keyed with a random key: the hash in memory is useless for a lookup.
        text = authorization.encode("utf-8", "surrogateescape")
        return blake2b(text, key=self._key, digest_size=16).digest()

    def _forget(self, now: float) -> None:
        """Make room: drop expired clients, or else the one that was quiet for the longest."""
        kept = {client: at for client, at in self._forgotten_at.items() if at > now}
        for client in list(kept)[: max(0, len(kept) - MAX_CLIENTS + 1)]:
            del kept[client]
        self._forgotten_at = kept


def authorization_of(request: web.Request) -> str:
    """The header ``Authorization``; empty: there is none.

    If there are several, all are ignored: a proxy in front of us may have checked another one than
    we would.
    """
    return ", ".join(request.headers.getall("Authorization", ()))


def throttling(
    throttle: Throttle,
    refuse: Callable[[], web.Response],
    *,
    exempt: Callable[[web.Request], bool] | None = None,
) -> Middleware:
    """A middleware, to be the first: a client with too many 401s gets 429 without a check.

    Args:
        throttle: Counts the failures.
        refuse: Makes the 429, without Retry-After: some clients would obey it for any status.
        exempt: Which requests it lets through.
    """

    @web.middleware
    async def throttled(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in UNLIMITED or (exempt is not None and exempt(request)):
            return await handler(request)
        client = client_of(request.remote)
        authorization = authorization_of(request)
        if throttle.refuses(client, authorization):
            THROTTLED.inc()
            response = refuse()
            response.force_close()
            return response
        answer = await handler(request)
        if request.get(AUTHENTICATED):
            throttle.note_success(authorization)
        elif answer.status == 401:
            throttle.note_failure(client, authorization)
        return answer

    return throttled
