"""Proof by a token: an OIDC JWT of the configured issuer, for our audience, of one principal.

The keys come from the source's own option ``jwks``, or from the issuer. Nothing is fetched for a
token that could not be right: its issuer and its algorithm are compared first.

Source: RFC 7519, RFC 8725 (best current practices); Google's "Authenticate push subscriptions";
Microsoft's "Access token claims reference".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt

from portcall.producer.sources.proofs.issuers import names_of
from portcall.producer.sources.proofs.keeping import IssuerKeys
from portcall.producer.sources.proofs.keys import EVERY_ALGORITHM, UNREADABLE, Key, read_keys
from portcall.schemas.sources import Source

LEEWAY_S = 60
"""The largest difference between the issuer's clock and ours, in both directions."""
MAX_TOKEN = 16_384
_PRINCIPAL = ("appid", "azp", "sub")
"""Who a token is of, where it is no e-mail address: Entra's application, or a subject."""


@dataclass(frozen=True, slots=True)
class _Claimed:
    """What a token says of itself, before anything is verified."""

    kid: str
    issuer: str


class TokenProofs:
    """Checks tokens.

    Args:
        keys: The keys of issuers.
    """

    def __init__(self, keys: IssuerKeys) -> None:
        self._keys = keys

    async def is_proven(self, source: Source, token: str) -> bool:
        """Whether *token* is a valid one of the source's issuer, audience and principal.

        Raises:
            KeysUnavailableError: The key is not known, and cannot be fetched.
        """
        claimed = _claimed(token)
        if claimed is None:
            return False
        issuers = names_of(source.options.get("issuer", ""))
        issuer = issuers.get(claimed.issuer)
        if issuer is None:
            return False
        key = await self._key(source, issuer, claimed.kid)
        return key is not None and _is_valid(source, token, key, claimed.issuer)

    async def _key(self, source: Source, issuer: str, kid: str) -> Key | None:
        if "jwks" in source.options:
            return _given(source.options["jwks"]).get(kid)
        return await self._keys.find(issuer, kid)


@lru_cache(maxsize=100)
def _given(jwks: str) -> Mapping[str, Key]:
    """The keys in a source's option, which was checked when it was set."""
    try:
        return read_keys(jwks)
    except ValueError:
        return {}


def _claimed(token: str) -> _Claimed | None:
    """What a token says of itself; None: it cannot be right."""
    if not token or len(token) > MAX_TOKEN:
        return None
    try:
        read = jwt.decode_complete(token, options={"verify_signature": False})
        header, claims = read["header"], read["payload"]
        kid, issuer, algorithm = header.get("kid"), claims.get("iss"), header.get("alg")
    except UNREADABLE:
        return None
    if not isinstance(kid, str) or not isinstance(issuer, str) or not issuer:
        return None
    if not isinstance(algorithm, str) or algorithm not in EVERY_ALGORITHM:
        return None
    return _Claimed(kid, issuer)


def _is_valid(source: Source, token: str, key: Key, issuer: str) -> bool:
    audience, principal = source.options.get("audience"), source.options.get("email")
    if not audience or not principal:
        return False
    try:
        claims = jwt.decode(
            token,
            key.public,
            algorithms=list(key.algorithms),
            audience=audience,
            issuer=issuer,
            leeway=LEEWAY_S,
            options={"require": ["exp", "iss", "aud"]},
        )
    except UNREADABLE:
        return False
    return _is_of(claims, principal)


def _is_of(claims: Mapping[str, Any], wanted: str) -> bool:
    """Whether the token is of the principal *wanted*; an e-mail address must be verified.

    An e-mail address is looked for in ``email`` only: an issuer may let its users choose a subject.
    """
    if "@" in wanted:
        return claims.get("email") == wanted and claims.get("email_verified") is True
    return any(claims.get(name) == wanted for name in _PRINCIPAL)
