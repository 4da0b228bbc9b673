"""Verify signatures as a correct consumer does: any input gives a result, never an exception.

Each style's rules are those of `loadtest.signing`, from the receiver's side.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Struct

from portcall.loadtest.signing import SIGNATURES, Style
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.signatures import (
    PRIVATE_PREFIX,
    PUBLIC_PREFIX,
    SEED_BYTES,
    SHARED_PREFIX,
    secret_bytes,
)

TOLERANCE_S = 300
MAX_STAMP_DIGITS = 12
MAX_SIGNATURES = 20
"""Signatures in one header: no sender sends more, and each costs an HMAC."""
_NAMES = {style: name.lower() for style, name in SIGNATURES.items()}
_IDS = ("webhook-id", "svix-id", "x-github-delivery", "x-outpost-event-id", "ce-id")


class SinkKeys(Struct, frozen=True):
    """The keys to verify with.

    Attributes:
        shared: HMAC keys: the bytes behind a ``whsec_``, for Standard Webhooks and Svix.
        texts: The secrets as typed: the keys of all other styles.
        public: Public ed25519 keys.
    """

    shared: tuple[bytes, ...] = ()
    texts: tuple[bytes, ...] = ()
    public: tuple[Ed25519PublicKey, ...] = ()

    @classmethod
    def of(cls, secrets: Iterable[str]) -> "SinkKeys":
        """Trust signatures by any of these secrets or public keys; empty ones are ignored.

        Raises:
            InvalidValueError: An ed25519 key is malformed.
        """
        shared, texts, public = [], [], []
        for secret in filter(None, secrets):
            texts.append(secret.encode())
            try:
                if secret.startswith(SHARED_PREFIX):
                    # Stripe's begin like this, too, but are no base64: then only the text is a key.
                    shared += [key] if (key := _decoded(secret[len(SHARED_PREFIX) :])) else []
                elif secret.startswith(PRIVATE_PREFIX):
                    seed = secret_bytes(secret)[:SEED_BYTES]
                    public.append(Ed25519PrivateKey.from_private_bytes(seed).public_key())
                elif secret.startswith(PUBLIC_PREFIX):
                    key = base64.b64decode(secret.removeprefix(PUBLIC_PREFIX))
                    public.append(Ed25519PublicKey.from_public_bytes(key))
            except ValueError as error:
                raise InvalidValueError("--secret", "is not a prefix and base64") from error
        return cls(tuple(shared), tuple(texts), tuple(public))

    def __bool__(self) -> bool:
        return bool(self.texts)


def delivery_id(headers: Mapping[str, str]) -> str:
    """Return the sender's id of the delivery; empty: none. Names are looked up in lower case."""
    return next((headers[name] for name in _IDS if name in headers), "")


def style_of(headers: Mapping[str, str]) -> Style | None:
    """Return the style of a request's signature; None: it is unsigned."""
    return next((style for style, name in _NAMES.items() if name in headers), None)


def objection(  # noqa: PLR0911 (a table in code)
    trust: SinkKeys, headers: Mapping[str, str], body: bytes, now_s: float
) -> str:
    """Return why a request must not be trusted; empty: it is genuine.

    Args:
        trust: The keys to verify with.
        headers: With names in lower case.
        body: The exact bytes.
        now_s: The time, seconds since the epoch.
    """
    style = style_of(headers)
    if style is None:
        return "there is no signature"
    header = headers[_NAMES[style]]
    match style:
        case Style.STANDARD:
            return _standard("webhook", trust, headers, body, now_s)
        case Style.SVIX:
            return _standard("svix", trust, headers, body, now_s)
        case Style.GITHUB:
            return _github(trust, header, body)
        case Style.STRIPE:
            return _stamped(trust, header, b".", body, now_s)
        case Style.OUTPOST:
            return _outpost(trust, header, body)
        case Style.CONVOY:
            return _stamped(trust, header, b",", body, now_s)


def _standard(
    prefix: str, trust: SinkKeys, headers: Mapping[str, str], body: bytes, now_s: float
) -> str:
    stamp, identity = headers.get(f"{prefix}-timestamp", ""), headers.get(f"{prefix}-id", "")
    if why := _untimely(stamp, now_s):
        return why
    content = f"{identity}.{stamp}.".encode("utf-8", "surrogateescape") + body
    for each in headers[f"{prefix}-signature"].split(" ")[:MAX_SIGNATURES]:
        scheme, _, text = each.partition(",")
        if (signature := _decoded(text)) is None:
            continue
        if scheme == "v1" and _by_any(trust.shared, content, signature):
            return ""
        if scheme == "v1a" and _by_any_public(trust.public, content, signature):
            return ""
    return "no signature is valid"


def _github(trust: SinkKeys, header: str, body: bytes) -> str:
    scheme, _, text = header.partition("=")
    if scheme == "sha256" and _by_any(trust.texts, body, _unhexed(text)):
        return ""
    return "the signature is not valid"


def _outpost(trust: SinkKeys, header: str, body: bytes) -> str:
    scheme, _, text = header.partition("=")
    signatures = text.split(",")[:MAX_SIGNATURES] if scheme == "v0" else []
    if any(_by_any(trust.texts, body, _unhexed(each)) for each in signatures):
        return ""
    return "no signature is valid"


def _stamped(trust: SinkKeys, header: str, between: bytes, body: bytes, now_s: float) -> str:
    """Verify Stripe's and Convoy's style: the time, *between* and the body are signed."""
    parts = [part.partition("=")[::2] for part in header.split(",")[:MAX_SIGNATURES]]
    stamp = next((value for name, value in parts if name == "t"), "")
    if why := _untimely(stamp, now_s):
        return why
    content = stamp.encode() + between + body
    signatures = (value for name, value in parts if name == "v1")
    if any(_by_any(trust.texts, content, _unhexed(each)) for each in signatures):
        return ""
    return "no signature is valid"


def _untimely(stamp: str, now_s: float) -> str:
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= MAX_STAMP_DIGITS):
        return "the timestamp is not a number of seconds"
    if abs(now_s - int(stamp)) > TOLERANCE_S:
        return f"the timestamp is more than {TOLERANCE_S // 60} minutes off"
    return ""


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _unhexed(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _by_any(keys: Sequence[bytes], content: bytes, signature: bytes) -> bool:
    return any(
        hmac.compare_digest(hmac.digest(key, content, hashlib.sha256), signature) for key in keys
    )


def _by_any_public(keys: Sequence[Ed25519PublicKey], content: bytes, signature: bytes) -> bool:
    for key in keys:
        try:
            key.verify(signature, content)
        except InvalidSignature:
            continue
        return True
    return False
