"""Proofs over the body: an HMAC of its raw bytes in a header, in hex or in base64."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from multidict import CIMultiDictProxy

from portcall.producer.sources.proofs.static import only
from portcall.schemas.sources import BASE64, Proof, Source

ALGORITHMS = {Proof.HMAC_SHA256: hashlib.sha256, Proof.HMAC_SHA1: hashlib.sha1}


def signature_of(source: Source, headers: CIMultiDictProxy[str]) -> bytes:
    """The signature that a request claims to have; empty: none that could be right.

    Only its form is checked, which needs no body. The hex digits have no case; base64 may lack its
    padding.
    """
    name, prefix = source.header
    value = only(headers, name)
    if not value.startswith(prefix):
        return b""
    digits = value.removeprefix(prefix)
    size = ALGORITHMS[source.proof]().digest_size
    if source.options.get("encoding") == BASE64:
        return _from_base64(digits, size)
    if len(digits) != 2 * size or not digits.isascii() or not digits.isalnum():
        return b""
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return b""


def is_signed(source: Source, secrets: Sequence[str], signature: bytes, body: bytes) -> bool:
    """Whether *signature* is that of *body* under one of *secrets*."""
    found = False
    for each in secrets:
        expected = hmac.digest(each.encode(), body, ALGORITHMS[source.proof])
        found = (hmac.compare_digest(signature, expected) and bool(each)) or found
    return found


def _from_base64(digits: str, size: int) -> bytes:
    """The *size* bytes in base64; empty: it has others, or is none."""
    bare = digits.rstrip("=")
    if len(bare) != -(-size * 4 // 3):
        return b""
    try:
        found = base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
    return found if len(found) == size else b""
