"""Tokens that were verified a moment ago: a sender uses one token for an hour.

To verify a signature and read the claims takes about 200 µs, half of what the whole request takes.
A token is remembered for `REMEMBERED_S`, and not beyond its own end; so a key that its issuer
withdraws counts at most that much longer. Every change of the store's registries, webhooks or
sources makes new `Source` objects, and all tokens are verified again.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt

from portcall.schemas.sources import Source

REMEMBERED_S = 60.0
MAX_TOKENS = 1_000
"""Of all sources; each takes some 300 bytes."""


@dataclass(frozen=True, slots=True)
class _Proven:
    """One token.

    Attributes:
        source: For whose settings it was verified.
        until_s: How long that counts, seconds since the epoch.
    """

    source: Source
    until_s: float


class ProvenTokens:
    """Remembers verified tokens, by their hashes.

    Args:
        clock: Seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._tokens: dict[bytes, _Proven] = {}

    def has(self, source: Source, token: str) -> bool:
        """Whether *token* was verified for exactly these settings a moment ago."""
        found = self._tokens.get(_name(token))
        return found is not None and found.source is source and self._clock() < found.until_s

    def add(self, source: Source, token: str) -> None:
        """Remember *token*, which was verified just now."""
        until_s = min(self._clock() + REMEMBERED_S, _end_of(token))
        name = _name(token)
        self._tokens.pop(name, None)
        self._tokens[name] = _Proven(source, until_s)
        if len(self._tokens) > MAX_TOKENS:
            del self._tokens[next(iter(self._tokens))]


def _name(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _end_of(token: str) -> float:
    """When a token ends, seconds since the epoch; 0: it does not say it."""
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
        return float(claims["exp"])
    except (jwt.PyJWTError, ValueError, TypeError, LookupError):
        return 0.0
