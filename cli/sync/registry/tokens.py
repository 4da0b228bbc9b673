"""Access tokens of a registry's token server: the newest are kept until they expire.

Source: distribution's "Token Authentication Specification" and "OAuth2 Token Authentication".
"""

from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from portcall.cli.sync.registry.answers import Answer
from portcall.cli.sync.registry.challenges import Challenge
from portcall.cli.sync.registry.credentials import Credentials
from portcall.cli.sync.registry.errors import RegistryError

DEFAULT_LIFE_S = 60.0
"""Of a token whose answer names no ``expires_in``."""
LEEWAY_S = 5.0
MAX_LIFE_S = 3600.0
MAX_TOKEN = 64 * 1024
MAX_KEPT = 64
"""Tokens; each repository has one of some KB, and only a few repositories are asked at a time."""
CLIENT = "portcall"


class Exchange(Protocol):
    """Sends one request to a token server, without credentials of its own."""

    async def __call__(
        self, method: str, url: str, headers: dict[str, str], body: bytes | None
    ) -> Answer:
        """Return the answer; raises `RegistryError`."""
        ...


class Tokens:
    """The tokens of one registry, by scope.

    Args:
        exchange: Sends requests.
        credentials: Who asks.
        is_secure: Whether the registry's address is https: then its token server's must be, too.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        exchange: Exchange,
        credentials: Credentials,
        *,
        is_secure: bool,
        clock: Callable[[], float],
    ) -> None:
        self._exchange = exchange
        self._credentials = credentials
        self._is_secure = is_secure
        self._clock = clock
        self._kept: dict[str, tuple[str, float]] = {}
        self._server: Challenge | None = None

    async def known(self, scope: str) -> str | None:
        """The token for a scope, if the token server is known; None: ask without, and learn it."""
        if self._server is None:
            return None
        kept = self._kept.get(scope)
        if kept is not None and self._clock() < kept[1]:
            return kept[0]
        return await self._new(self._server, scope, scope)

    async def answer(self, challenge: Challenge, scope: str) -> str:
        """A new token, as a challenge asks for it.

        Args:
            challenge: The registry's.
            scope: What it is for, where the challenge does not say; the token is kept for it.

        Raises:
            RegistryError: There is no token server, or it refuses.
        """
        self._check(challenge)
        self._server = challenge
        return await self._new(challenge, challenge.scope or scope, scope)

    async def _new(self, server: Challenge, wanted: str, scope: str) -> str:
        answer = await self._ask(server, wanted)
        token, life_s = _read(answer)
        self._kept.pop(scope, None)
        if len(self._kept) >= MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[scope] = (token, self._clock() + life_s - LEEWAY_S)
        return token

    async def _ask(self, server: Challenge, wanted: str) -> Answer:
        fields = [("service", server.service)] if server.service else []
        if token := self._credentials.identity_token:
            fields += [("grant_type", "refresh_token"), ("refresh_token", token)]
            fields += [("client_id", CLIENT), ("scope", wanted)]
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            body = urlencode(fields).encode()
            return await self._exchange("POST", server.realm, headers, body)
        fields += [("scope", each) for each in wanted.split(" ") if each]
        if self._credentials.username:
            fields.append(("account", self._credentials.username))
        basic = self._credentials.basic
        joined = "&" if urlsplit(server.realm).query else "?"
        url = f"{server.realm}{joined}{urlencode(fields)}" if fields else server.realm
        return await self._exchange("GET", url, {"Authorization": basic} if basic else {}, None)

    def _check(self, challenge: Challenge) -> None:
        try:
            parts = urlsplit(challenge.realm)
            named = bool(parts.hostname) and "@" not in parts.netloc
        except ValueError:
            named, parts = False, urlsplit("")
        if not named or parts.scheme not in {"http", "https"}:
            raise RegistryError("the registry names no token server that can be asked")
        if self._is_secure and parts.scheme != "https":
            raise RegistryError(
                f"the registry's token server at {parts.hostname} has no https: credentials are"
                " not sent there"
            )


def _read(answer: Answer) -> tuple[str, float]:
    """The token of an answer, and the seconds that it lives."""
    host = urlsplit(answer.url).hostname
    if answer.status in {401, 403}:
        raise RegistryError(
            f"the token server {host} refuses these credentials ({answer.status}): check the user"
            " and the password",
            status=answer.status,
        )
    if answer.status != 200:
        raise RegistryError(
            f"the token server {host} answered {answer.status}", status=answer.status
        )
    document = answer.document
    found = document if isinstance(document, dict) else {}
    token = found.get("token") or found.get("access_token")
    if not isinstance(token, str) or not _is_sendable(token):
        raise RegistryError(f"the answer of the token server {host} has no token")
    life = found.get("expires_in")
    if not isinstance(life, int | float) or life <= 0:
        return token, DEFAULT_LIFE_S
    return token, float(min(life, MAX_LIFE_S))


def _is_sendable(token: str) -> bool:
    """Whether a header can have it."""
    return len(token) <= MAX_TOKEN and token.isascii() and token.isprintable()
