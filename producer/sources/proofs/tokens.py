"""Proof by a token: an OIDC JWT of the configured issuer, for our audience, of one principal.

The keys come from the source's own option ``jwks``, or from the issuer: its configuration, and the
key set that this names on a host of the issuer. No address out of a token is ever called.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt

from portcall.runtime.logs import get_logger
from portcall.schemas.sources import Source

ALGORITHMS = ["RS256", "ES256", "PS256", "RS384", "RS512", "ES384"]
LEEWAY_S = 60
"""The largest difference between the issuer's clock and ours."""
FRESH_S = 3600.0
"""How long fetched keys are used; issuers publish a key a day before they sign with it."""
STALE_S = 86_400.0
"""For so long known keys are used while the issuer does not answer."""
AGAIN_S = 60.0
"""Between two fetches from an issuer: tokens with unknown keys cannot cause more."""
MAX_TOKEN = 16_384
MAX_SETS = 100
KEY_HOSTS: Mapping[str, tuple[str, ...]] = {
    "accounts.google.com": ("www.googleapis.com",),
    "sts.windows.net": ("login.microsoftonline.com", "login.windows.net"),
}
"""Where else an issuer has its keys. Source: their OpenID configurations."""
_PRINCIPAL = ("email", "appid", "azp", "sub")
_UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, RecursionError)
"""Errors that an untrusted text may cause."""

Fetch = Callable[[str], Awaitable[bytes]]
"""GETs an address, bounded in time and size; raises `KeysUnavailableError`."""


class KeysUnavailableError(Exception):
    """The issuer's keys are not available now: the sender should try again."""


@dataclass(slots=True)
class _KeySet:
    """The keys of one issuer, by their ids.

    Attributes:
        keys: The keys.
        fetched_s: When, by the monotonic clock.
        tried_s: When it was last tried.
        lock: Held while they are fetched.
    """

    keys: dict[str, jwt.PyJWK]
    fetched_s: float
    tried_s: float
    lock: asyncio.Lock


class TokenProofs:
    """Checks tokens, and keeps the keys of issuers.

    Args:
        fetch: Gets keys.
        clock: Monotonic seconds.
    """

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._sets: dict[str, _KeySet] = {}
        self._log = get_logger()

    async def is_proven(self, source: Source, token: str) -> bool:
        """Whether *token* is a valid one of the source's issuer, audience and principal.

        Raises:
            KeysUnavailableError: The keys cannot be fetched.
        """
        if not token or len(token) > MAX_TOKEN:
            return False
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except _UNREADABLE:
            return False
        if not isinstance(kid, str):
            return False
        key = await self._key(source, kid)
        return key is not None and _is_valid(source, token, key)

    async def _key(self, source: Source, kid: str) -> jwt.PyJWK | None:
        if "jwks" in source.options:
            return _parsed(source.options["jwks"]).get(kid)
        issuer = source.options.get("issuer", "")
        known = self._sets.get(issuer)
        if known is None:
            if len(self._sets) >= MAX_SETS:
                del self._sets[next(iter(self._sets))]
            known = _KeySet({}, float("-inf"), float("-inf"), asyncio.Lock())
            self._sets[issuer] = known
        if not self._is_enough(known, kid):
            async with known.lock:
                if not self._is_enough(known, kid):
                    await self._renew(issuer, known)
        if known.fetched_s < self._clock() - STALE_S:
            raise KeysUnavailableError(f"the keys of {issuer} cannot be fetched")
        return known.keys.get(kid)

    def _is_enough(self, known: _KeySet, kid: str) -> bool:
        """Whether *known* has the key, or was asked for so recently that it is not asked again."""
        now_s = self._clock()
        is_fresh = known.fetched_s > now_s - FRESH_S and kid in known.keys
        return is_fresh or known.tried_s > now_s - AGAIN_S

    async def _renew(self, issuer: str, known: _KeySet) -> None:
        known.tried_s = self._clock()
        try:
            address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
            known.keys = _parsed(await self._fetch(_keys_of(issuer, await self._fetch(address))))
        except KeysUnavailableError as error:
            self._log.warning("issuer.lost", issuer=issuer, reason=str(error))
        else:
            known.fetched_s = self._clock()


def _keys_of(issuer: str, configuration: bytes) -> str:
    """The address of the issuer's keys, if it is on a host of the issuer."""
    try:
        address = str(json.loads(configuration)["jwks_uri"])
        found, own = urlsplit(address), urlsplit(issuer)
        host, own_host = found.hostname or "", own.hostname or ""
        is_own = host == own_host and found.port == own.port
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise KeysUnavailableError("its configuration cannot be read") from error
    if found.scheme != own.scheme or not (is_own or host in KEY_HOSTS.get(own_host, ())):
        raise KeysUnavailableError(f"its keys are on another host: {host[:100]}")
    return address


def _parsed(text: str | bytes) -> dict[str, jwt.PyJWK]:
    """The keys of a set that have an id; unknown kinds of keys are left out."""
    try:
        listed = json.loads(text)["keys"]
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise KeysUnavailableError("its keys cannot be read") from error
    keys = {}
    for each in listed if isinstance(listed, list) else ():
        try:
            key = jwt.PyJWK(each)
        except (*_UNREADABLE, AttributeError, LookupError):
            continue
        if key.key_id and key.key_type in ("RSA", "EC"):
            keys[str(key.key_id)] = key
    return keys


def _is_valid(source: Source, token: str, key: jwt.PyJWK) -> bool:
    issuer = source.options.get("issuer", "")
    try:
        claims = jwt.decode(
            token,
            key.key,
            algorithms=ALGORITHMS,
            audience=source.options.get("audience", ""),
            issuer=[issuer, issuer.removeprefix("https://")],
            leeway=LEEWAY_S,
            options={"require": ["exp", "iss", "aud"]},
        )
    except (*_UNREADABLE, AttributeError):
        return False
    return _is_of(claims, source.options.get("email", ""))


def _is_of(claims: Mapping[str, Any], wanted: str) -> bool:
    """Whether the token is of the principal *wanted*; an e-mail address must be verified."""
    if not wanted:
        return False
    if claims.get("email") == wanted:
        return claims.get("email_verified") is True
    return any(claims.get(name) == wanted for name in _PRINCIPAL if name != "email")
