"""A webhook's signature and secret: the request, compared with the webhook's present ones."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portcall.management.http.bodies import PortcallExtras, Rotation
from portcall.management.http.fields import GENERATE
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.signatures import Scheme, private_secret, scheme_of, shared_secret

SHARED_SIZE = 32
EXTRAS = "properties.portcall"

NewSecret = Callable[[Scheme], str]
"""Makes a random secret."""


@dataclass(frozen=True, slots=True)
class SigningWanted:
    """The signing part of a request.

    Attributes:
        secret: A secret, `GENERATE`, or empty for none; None: not sent.
        scheme: How to sign; None: not sent.
    """

    secret: str | None
    scheme: Scheme | None

    @classmethod
    def of(cls, body: PortcallExtras | Rotation) -> Self:
        """Read *body*: a null secret is none."""
        said = "secret" in body.model_fields_set
        return cls(body.secret or "" if said else None, body.signature)


def new_secret(scheme: Scheme) -> str:
    """A new secret of a scheme: 32 random bytes, or an ed25519 key."""
    match scheme:
        case Scheme.NONE:
            return ""
        case Scheme.V1:
            return shared_secret(secrets.token_bytes(SHARED_SIZE))
        case Scheme.V1A:
            key = Ed25519PrivateKey.generate()
            return private_secret(key.private_bytes_raw(), key.public_key().public_bytes_raw())


def wanted_secret(wanted: SigningWanted, kept: str, make: NewSecret) -> str | None:
    """The secret for a PUT or a PATCH; None: the present one stays.

    Args:
        wanted: The request.
        kept: The present secret; empty: none.
        make: Makes one.

    Raises:
        InvalidValueError: Secret and signature do not go together.
    """
    check_wanted(wanted, f"{EXTRAS}.secret")
    if wanted.secret is None:
        if wanted.scheme is None or wanted.scheme is scheme_of(kept):
            return None
        return make(wanted.scheme)
    if wanted.secret != GENERATE:
        return wanted.secret
    scheme = wanted.scheme or scheme_of(kept)
    return make(Scheme.V1 if scheme is Scheme.NONE else scheme)


def rotated_secret(wanted: SigningWanted, kept: str, make: NewSecret) -> str:
    """The secret that replaces *kept*: always another one.

    Raises:
        InvalidValueError: Secret and signature do not go together, or it is the same.
    """
    check_wanted(wanted, "secret")
    if wanted.scheme is Scheme.NONE or wanted.secret == "":
        raise InvalidValueError(
            "signature" if wanted.scheme is Scheme.NONE else "secret",
            f'there is another one after a rotation; PATCH {EXTRAS}.signature to "none" instead',
        )
    if wanted.secret is not None and wanted.secret != GENERATE:
        if wanted.secret == kept:
            raise InvalidValueError("secret", "is the one that the webhook has already")
        return wanted.secret
    return make(wanted.scheme or scheme_of(kept))


def shows(wanted: SigningWanted, before: str, after: str) -> bool:
    """Whether the answer shows the secret *after*: its consumer needs it, and this request set it.

    A private key is never shown: consumers verify with the public one.
    """
    if scheme_of(after) is not Scheme.V1:
        return False
    return bool(wanted.secret) or (
        wanted.scheme is Scheme.V1 and scheme_of(before) is not Scheme.V1
    )


def check_wanted(wanted: SigningWanted, field: str) -> None:
    """Refuse a secret that does not fit the signature.

    Raises:
        InvalidValueError: It names *field*.
    """
    if wanted.secret is None or wanted.scheme is None:
        return
    is_none = wanted.secret == ""
    if wanted.scheme is Scheme.NONE and not is_none:
        raise InvalidValueError(
            field, 'has no use with the signature "none"; leave one of them out'
        )
    if wanted.scheme is not Scheme.NONE and is_none:
        raise InvalidValueError(
            field, f'must not be empty with the signature "{wanted.scheme}"; leave it out'
        )
    if wanted.scheme is Scheme.V1A and wanted.secret != GENERATE:
        raise InvalidValueError(
            field, 'is made here with the signature "v1a": leave it out, or write "generate"'
        )
