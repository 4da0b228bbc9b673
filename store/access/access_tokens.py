"""Access tokens: JWTs that name the client that logged in, signed with a key of the store.

They do not say whether that principal still has access: a process that receives a token asks the
store.
"""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from portcall.store.access.principals import PrincipalRow
from portcall.store.access.signing_keys import SigningKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

LIFETIME_S = 3600
LEEWAY_S = 60
"""The largest difference between the clocks of our machines."""
ALGORITHM = "RS256"
AUDIENCE = "https://management.local.azurecr/"
"""The audience that az is configured to ask for."""
_RESOURCES = (AUDIENCE, "https://management.azure.com/", "https://management.core.windows.net/")
AUDIENCES = tuple(form for each in _RESOURCES for form in (each, each.rstrip("/")))
"""The audiences that clients may ask for: ours, or the SDK's default."""


class VerifyingKey(Protocol):
    """The parts of a key that verify a token: a public half is enough."""

    @property
    def kid(self) -> str:
        """Its name in the header of a token."""

    @property
    def public(self) -> "rsa.RSAPublicKey":
        """The key that verifies a signature."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a valid token.

    Attributes:
        client_id: The principal that logged in.
        expires_ms: When it stops working, milliseconds since the epoch.
    """

    client_id: str
    expires_ms: int


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A new token.

    Attributes:
        text: The JWT.
        expires_s: When it stops working, seconds since the epoch.
        lifetime_s: Its remaining lifetime.
    """

    text: str
    expires_s: int
    lifetime_s: int


def issue(
    principal: PrincipalRow,
    *,
    key: SigningKey,
    issuer: str,
    audience: str,
    tenant: str,
    now_s: int,
) -> AccessToken:
    """Make a token for *principal*; it ends after an hour, or with the principal.

    Args:
        principal: Its principal, which must be live.
        key: Signs it.
        issuer: The authority that the client asked.
        audience: One of `AUDIENCES`.
        tenant: The installation's.
        now_s: The time, seconds since the epoch.
    """
    lifetime_s = LIFETIME_S
    if principal.expires_ms is not None:
        lifetime_s = min(lifetime_s, max(1, principal.expires_ms // 1000 - now_s))
    claims = {
        "iss": issuer,
        "aud": audience,
        "iat": now_s,
        "nbf": now_s,
        "exp": now_s + lifetime_s,
        "sub": principal.client_id,
        "oid": principal.client_id,
        "appid": principal.client_id,
        "app_displayname": principal.name,
        "tid": tenant,
        "roles": [principal.role.value],
        "uti": secrets.token_urlsafe(16),
        "ver": "1.0",
    }
    import jwt  # noqa: PLC0415 (rarely needed, and takes 8 MB)

    text = jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.kid})
    return AccessToken(text, now_s + lifetime_s, lifetime_s)


def is_access_token(text: str) -> bool:
    """Whether *text* has the form of a token."""
    return text.isascii() and text.startswith("eyJ") and text.count(".") == 2


def key_id(text: str) -> str:
    """The name of the key that a token claims to be signed with; empty: it names none."""
    import jwt  # noqa: PLC0415 (rarely needed, and takes 8 MB)

    try:
        kid = jwt.get_unverified_header(text).get("kid")
    except (jwt.InvalidTokenError, ValueError, RecursionError):  # the last: deeply nested JSON
        return ""
    return kid if isinstance(kid, str) else ""


def read(text: str, *, keys: Sequence[VerifyingKey], tenant: str) -> Claims | None:
    """Read a token; None: it is not one of ours, or it has expired.

    The issuer is not compared: its host is the one that a client used to reach us. The key proves
    that the token was issued here.
    """
    import jwt  # noqa: PLC0415 (rarely needed, and takes 8 MB)

    kid = key_id(text)
    key = next((each for each in keys if each.kid == kid), None)
    if key is None:
        return None
    try:
        claims = jwt.decode(
            text,
            key.public,
            algorithms=[ALGORITHM],
            audience=AUDIENCES,
            leeway=LEEWAY_S,
            options={"require": ["exp", "iat", "nbf", "iss", "aud", "tid", "appid"]},
        )
        client_id = str(uuid.UUID(str(claims["appid"])))
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        return None
    if claims["tid"] != tenant:
        return None
    return Claims(client_id, int(claims["exp"]) * 1000)
