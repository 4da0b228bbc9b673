"""Proofs that need no body: the secret itself, in a header or in the path."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Sequence

from multidict import CIMultiDictProxy

from portcall.schemas.sources import DEFAULT_USER, Proof, Source


def is_proven(
    source: Source, secrets: Sequence[str], headers: CIMultiDictProxy[str], in_path: str
) -> bool:
    """Whether the request has one of *secrets* where the source's proof wants it.

    Args:
        source: The source, whose proof is none of a body or a token.
        secrets: The secrets that are accepted now.
        headers: The request's headers.
        in_path: The last segment of the address; empty: there is none.
    """
    secrets = [each for each in secrets if each]  # a user or a prefix would hide an empty one
    match source.proof:
        case Proof.PATH:
            return is_any(in_path, secrets)
        case Proof.BEARER:
            return is_any(bearer_token(headers), secrets)
        case Proof.AUTHORIZATION:
            return is_any(only(headers, "Authorization"), secrets)
        case Proof.BASIC:
            user = source.options.get("user", DEFAULT_USER)
            return is_any(_credentials(headers), [f"{user}:{each}" for each in secrets])
        case Proof.HEADER:
            name, prefix = source.header
            return is_any(only(headers, name), [f"{prefix}{each}" for each in secrets])
        case _:
            return False


def only(headers: CIMultiDictProxy[str], name: str) -> str:
    """The value of a header; empty: there is none, or there are several.

    If there are several, a proxy in front of us may have checked another one than we would.
    """
    values = headers.getall(name, ())
    return values[0].strip() if len(values) == 1 else ""


def bearer_token(headers: CIMultiDictProxy[str]) -> str:
    """The token in ``Authorization: Bearer``; empty: there is none."""
    scheme, _, token = only(headers, "Authorization").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def is_any(sent: str, expected: Iterable[str]) -> bool:
    """Whether *sent* is one of *expected*, in a time that does not depend on how much is right.

    Hashes are compared, because a comparison of the texts would depend on their lengths. An empty
    text is never right: it would fit a secret that was lost.
    """
    found, digest = False, _digest(sent)
    for each in expected:
        is_same = hmac.compare_digest(digest, _digest(each))
        found = (is_same and bool(each)) or found
    return found


def _credentials(headers: CIMultiDictProxy[str]) -> str:
    """The user and the password of Basic; some senders leave out the padding of base64."""
    scheme, _, encoded = only(headers, "Authorization").partition(" ")
    if scheme.lower() != "basic":
        return ""
    bare = encoded.strip().rstrip("=")
    try:
        padded = bare + "=" * (-len(bare) % 4)
        return base64.b64decode(padded, validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return ""


def _digest(text: str) -> bytes:
    """The hash of a header's bytes: the HTTP library decodes invalid UTF-8 to surrogates."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
