"""Signatures: the value of ``webhook-signature``, by one secret or, during a rotation, by two.

Source: the Standard Webhooks specification 1.0. What is signed is ``<id>.<timestamp>.<body>``.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portcall.schemas.signatures import SEED_BYTES, Scheme, scheme_of, secret_bytes

Signer = Callable[[bytes], str]
"""Signs: takes the content, returns a signature with its scheme."""


def signer(secret: str) -> Signer | None:
    """The signer for *secret*; None for none. It is made once for each webhook."""
    match scheme_of(secret):
        case Scheme.NONE:
            return None
        case Scheme.V1:
            return _shared(secret_bytes(secret))
        case Scheme.V1A:
            return _private(secret_bytes(secret)[:SEED_BYTES])


def _shared(key: bytes) -> Signer:
    """``v1``: HMAC-SHA256, 4 us for a common body."""

    def sign(content: bytes) -> str:
        digest = hmac.digest(key, content, hashlib.sha256)
        return "v1," + base64.b64encode(digest).decode("ascii")

    return sign


def _private(seed: bytes) -> Signer:
    """``v1a``: ed25519, 50 us."""
    key = Ed25519PrivateKey.from_private_bytes(seed)

    def sign(content: bytes) -> str:
        return "v1a," + base64.b64encode(key.sign(content)).decode("ascii")

    return sign
