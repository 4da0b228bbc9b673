"""Public keys out of a JSON Web Key Set, each with the algorithms that it may be used with.

A set may hold keys of kinds that are unknown here; they are left out, like keys for encryption,
keys without an id, RSA keys of another size than `RSA_BITS`, and private keys.

Source: RFC 7517 (sets), RFC 7518 (algorithms).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from portcall.schemas.options.checks import MAX_KEYS

ALGORITHMS: Mapping[str, tuple[str, ...]] = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "secp256r1": ("ES256",),
    "secp384r1": ("ES384",),
}
"""By the type of a key, or its curve. None of them is symmetric, and none is ``none``."""
EVERY_ALGORITHM = frozenset(name for names in ALGORITHMS.values() for name in names)
RSA_BITS = range(2048, 8193)
UNREADABLE = (jwt.PyJWTError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError,
              RecursionError)  # fmt: skip
"""Errors that an untrusted text may cause."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key.

    Attributes:
        public: The key.
        algorithms: Those that it may verify: the one that its set names, or all of its type.
    """

    public: RSAPublicKey | EllipticCurvePublicKey
    algorithms: tuple[str, ...]


def read_keys(text: str | bytes) -> dict[str, Key]:
    """The usable keys of a set by their ids.

    Raises:
        ValueError: It is no set.
    """
    try:
        listed = json.loads(text)["keys"]
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise ValueError("its keys cannot be read") from error
    if not isinstance(listed, list):
        raise ValueError("its keys are no list")  # noqa: TRY004 (of untrusted text)
    return dict(_usable(listed[:MAX_KEYS]))


def _usable(listed: list[Any]) -> Iterator[tuple[str, Key]]:
    for each in listed:
        kid = each.get("kid") if isinstance(each, dict) else None
        if not isinstance(kid, str) or each.get("use", "sig") != "sig":
            continue
        try:
            key = _key(each)
        except UNREADABLE:
            continue
        if key is not None:
            yield kid, key


def _key(described: Mapping[str, Any]) -> Key | None:
    public = jwt.PyJWK(dict(described)).key
    if isinstance(public, RSAPublicKey):
        possible = ALGORITHMS["RSA"] if public.key_size in RSA_BITS else ()
    elif isinstance(public, EllipticCurvePublicKey):
        possible = ALGORITHMS.get(public.curve.name, ())
    else:
        return None
    named = described.get("alg")
    algorithms = tuple(each for each in possible if named in (None, each))
    return Key(public, algorithms) if algorithms else None
