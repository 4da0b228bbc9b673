"""Secrets that sign, and their public halves, as Standard Webhooks writes them.

A secret says by its prefix what it signs with: ``whsec_`` (base64 of 24 to 64 bytes) by ``v1``,
HMAC-SHA256; ``whsk_`` (base64 of an ed25519 key's 32 bytes and of its public key's) by ``v1a``.
``whpk_`` is the base64 of a public key. No secret: unsigned.

Source: the Standard Webhooks specification 1.0, its table of signature schemes. It does not define
the content of a ``whsk_`` secret; this follows Svix's server.
"""

import base64
import binascii
from enum import StrEnum

from portcall.schemas.errors import InvalidValueError

SHARED_PREFIX = "whsec_"
PRIVATE_PREFIX = "whsk_"
PUBLIC_PREFIX = "whpk_"
SHARED_BYTES = range(24, 65)
SEED_BYTES = 32
"""Of an ed25519 private key, and of a public one."""


class Scheme(StrEnum):
    """How a webhook's POSTs are signed."""

    NONE = "none"
    V1 = "v1"
    V1A = "v1a"


def scheme_of(secret: str) -> Scheme:
    """How *secret* signs; unsigned if it is empty."""
    if not secret:
        return Scheme.NONE
    return Scheme.V1A if secret.startswith(PRIVATE_PREFIX) else Scheme.V1


def shared_secret(key: bytes) -> str:
    """The bytes of a ``v1`` key as a secret."""
    return SHARED_PREFIX + base64.b64encode(key).decode("ascii")


def private_secret(seed: bytes, public: bytes) -> str:
    """The two halves of a ``v1a`` key as a secret."""
    return PRIVATE_PREFIX + base64.b64encode(seed + public).decode("ascii")


def public_key(secret: str) -> str:
    """The key to verify a ``v1a`` secret's signatures with; empty for any other secret."""
    if scheme_of(secret) is not Scheme.V1A:
        return ""
    public = secret_bytes(secret)[SEED_BYTES:]
    return PUBLIC_PREFIX + base64.b64encode(public).decode("ascii")


def secret_bytes(secret: str) -> bytes:
    """The bytes after the prefix of a secret."""
    return base64.b64decode(secret.removeprefix(SHARED_PREFIX).removeprefix(PRIVATE_PREFIX))


def check_shared_secret(text: str, field: str = "secret") -> str:
    """Check a secret that a client sent, and return it. The error does not repeat it.

    Raises:
        InvalidValueError: It is not ``whsec_`` and the base64 of 24 to 64 bytes.
    """
    if text.startswith((PRIVATE_PREFIX, PUBLIC_PREFIX)):
        raise InvalidValueError(
            field, 'Portcall makes v1a keys itself: leave it out, and set signature to "v1a"'
        )
    problem = (
        f"must be {SHARED_PREFIX} and the base64 of {SHARED_BYTES[0]} to {SHARED_BYTES[-1]} bytes,"
        ' or "generate"'
    )
    if not text.startswith(SHARED_PREFIX):
        raise InvalidValueError(field, problem)
    try:
        key = base64.b64decode(text.removeprefix(SHARED_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidValueError(field, problem) from error
    if len(key) not in SHARED_BYTES:
        raise InvalidValueError(field, problem)
    return text
