"""Signatures in six styles, made at the moment of each attempt, valid or deliberately invalid.

Standard Webhooks and Svix use the deliverer's own signer. Sources: the Standard Webhooks
specification 1.0; GitHub's "Validating webhook deliveries"; Stripe's "Verify webhook signatures
manually"; Svix's "Verifying webhooks manually"; Convoy's "Signatures" (the advanced ones); Hookdeck
Outpost's webhook destination, its default templates.
"""

import hashlib
import hmac
from collections.abc import Callable
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from portcall.deliverer.post.signatures import Signer, signer
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.signatures import (
    PRIVATE_PREFIX,
    SEED_BYTES,
    SHARED_BYTES,
    SHARED_PREFIX,
    Scheme,
    check_shared_secret,
    private_secret,
    scheme_of,
    secret_bytes,
    shared_secret,
)

HOUR_S = 3600
"""How far an expired or future timestamp is off; consumers accept five minutes."""
LONG = 10_000
Headers = list[tuple[str, str]]


class Style(StrEnum):
    """The signature style."""

    STANDARD = "standard"
    SVIX = "svix"
    GITHUB = "github"
    STRIPE = "stripe"
    OUTPOST = "outpost"
    CONVOY = "convoy"

    @property
    def stamped(self) -> bool:
        """Whether the time is signed, so that a consumer can refuse old requests."""
        return self not in {Style.GITHUB, Style.OUTPOST}

    @property
    def identified(self) -> bool:
        """Whether the id is in a signed header."""
        return self in {Style.STANDARD, Style.SVIX}


class Forgery(StrEnum):
    """The error in a signature."""

    NONE = ""
    WRONG = "wrong"
    MISSING = "missing"
    EXPIRED = "expired"
    FUTURE = "future"
    ROTATED = "rotated"
    """No error: an older secret signs as well."""
    MALFORMED = "malformed"


class Signing(Struct, frozen=True):
    """How a load test's POSTs are signed.

    Attributes:
        style: The signature style.
        sign: Returns the signature of the content, in the style's form; None: unsigned.
        sign_other: The same with a secret that the consumer does not know.
    """

    style: Style
    sign: Signer | None = None
    sign_other: Signer | None = None

    @classmethod
    def of(cls, style: Style, secret: str) -> "Signing":
        """Sign with *secret*; do not sign if it is empty.

        Raises:
            InvalidValueError: The secret is not one of the style.
        """
        if not secret:
            return cls(style)
        make = _standard if style.identified else _plain
        sign, other = make(secret, style)
        return cls(style, sign, other)

    def headers(
        self,
        delivery_id: str,
        body: bytes,
        now_s: int,
        forgery: Forgery = Forgery.NONE,
        nth: int = 0,
    ) -> Headers:
        """Return the headers of one attempt.

        Args:
            delivery_id: Identifies the delivery on every attempt.
            body: The exact content.
            now_s: The time of the attempt, seconds since the epoch.
            forgery: The deliberate error.
            nth: Selects one of the malformed headers in turn.
        """
        if forgery is Forgery.EXPIRED:
            now_s -= HOUR_S
        elif forgery is Forgery.FUTURE:
            now_s += HOUR_S
        write = _WRITERS[self.style]
        if self.sign is None or self.sign_other is None or forgery is Forgery.MISSING:
            return write(delivery_id, str(now_s), None)
        sign = self.sign_other if forgery is Forgery.WRONG else self.sign
        content = _CONTENTS[self.style](delivery_id, now_s, body)
        signatures = [sign(content)]
        if forgery is Forgery.ROTATED:
            signatures.insert(0, self.sign_other(content))
        if forgery is Forgery.MALFORMED:
            return malformed(self.style, delivery_id, str(now_s), signatures[0], nth)
        return write(delivery_id, str(now_s), signatures)


def _standard(secret: str, _style: Style) -> tuple[Signer, Signer]:
    """Sign by Standard Webhooks or Svix: HMAC, or ed25519 for a ``whsk_`` secret."""
    if secret.startswith(PRIVATE_PREFIX):
        try:
            seed = secret_bytes(secret)[:SEED_BYTES]
            Ed25519PrivateKey.from_private_bytes(seed)
        except ValueError as error:
            raise InvalidValueError("--secret", "is not a v1a key: whsk_ and base64") from error
    else:
        _check_shared(secret)
    other = shared_secret(hashlib.sha256(b"other " + secret.encode()).digest())
    if scheme_of(secret) is Scheme.V1A:
        other = private_secret(secret_bytes(other), b"")
    right, wrong = signer(secret), signer(other)
    if right is None or wrong is None:
        raise TypeError("a secret signs")
    return right, wrong


def _check_shared(secret: str) -> None:
    try:
        check_shared_secret(secret)
    except InvalidValueError as error:
        span = f"{SHARED_BYTES[0]} to {SHARED_BYTES[-1]}"
        raise InvalidValueError(
            "--secret",
            f"must be {SHARED_PREFIX} and the base64 of {span} bytes, or {PRIVATE_PREFIX} and"
            " a v1a key, to sign as Standard Webhooks or Svix do; other styles of --style"
            " accept any text",
        ) from error


def _plain(secret: str, _style: Style) -> tuple[Signer, Signer]:
    """Sign in all other styles: HMAC-SHA256 in hex, the secret's text is the key."""
    if not secret.isascii():
        raise InvalidValueError("--secret", "must be ASCII")
    return _hex(secret.encode()), _hex(b"other " + secret.encode())


def _hex(key: bytes) -> Signer:
    def sign(content: bytes, rest: bytes = b"") -> str:
        return hmac.digest(key, content + rest, hashlib.sha256).hex()

    return sign


def _dotted(delivery_id: str, now_s: int, body: bytes) -> bytes:
    return b"%b.%d.%b" % (delivery_id.encode(), now_s, body)


_CONTENTS: dict[Style, Callable[[str, int, bytes], bytes]] = {
    Style.STANDARD: _dotted,
    Style.SVIX: _dotted,
    Style.GITHUB: lambda _id, _now_s, body: body,
    Style.STRIPE: lambda _id, now_s, body: b"%d.%b" % (now_s, body),
    Style.OUTPOST: lambda _id, _now_s, body: body,
    Style.CONVOY: lambda _id, now_s, body: b"%d,%b" % (now_s, body),
}
"""Returns the signed content."""


SIGNATURES = {
    Style.STANDARD: "webhook-signature",
    Style.SVIX: "svix-signature",
    Style.GITHUB: "X-Hub-Signature-256",
    Style.STRIPE: "Stripe-Signature",
    Style.OUTPOST: "x-outpost-signature",
    Style.CONVOY: "X-Convoy-Signature",
}
"""The header with the signature."""


def _write_standard(prefix: str) -> "Writer":
    def write(delivery_id: str, stamp: str, signatures: list[str] | None) -> Headers:
        headers = [(f"{prefix}-id", delivery_id), (f"{prefix}-timestamp", stamp)]
        if signatures is not None:
            headers.append((f"{prefix}-signature", " ".join(signatures)))
        return headers

    return write


def _write_github(delivery_id: str, _stamp: str, signatures: list[str] | None) -> Headers:
    headers = [("X-GitHub-Delivery", delivery_id), ("X-GitHub-Event", "registry_package")]
    if signatures is not None:  # GitHub has no rotation: one header, one signature
        headers.append((SIGNATURES[Style.GITHUB], f"sha256={signatures[-1]}"))
    return headers


def _write_stamped(name: str) -> "Writer":
    """Return the header of Stripe and Convoy: the time and the signatures."""

    def write(delivery_id: str, stamp: str, signatures: list[str] | None) -> Headers:
        headers = [("webhook-id", delivery_id)]  # their ids are in the body; ours are ACR's
        if signatures is not None:
            parts = ",".join([f"t={stamp}", *(f"v1={each}" for each in signatures)])
            headers.append((name, parts))
        return headers

    return write


def _write_outpost(delivery_id: str, stamp: str, signatures: list[str] | None) -> Headers:
    headers = [("x-outpost-event-id", delivery_id), ("x-outpost-timestamp", stamp)]
    if signatures is not None:
        headers.append((SIGNATURES[Style.OUTPOST], f"v0={','.join(signatures)}"))
    return headers


Writer = Callable[[str, str, list[str] | None], Headers]
_WRITERS: dict[Style, Writer] = {
    Style.STANDARD: _write_standard("webhook"),
    Style.SVIX: _write_standard("svix"),
    Style.GITHUB: _write_github,
    Style.STRIPE: _write_stamped(SIGNATURES[Style.STRIPE]),
    Style.OUTPOST: _write_outpost,
    Style.CONVOY: _write_stamped(SIGNATURES[Style.CONVOY]),
}


def malformed(style: Style, delivery_id: str, stamp: str, right: str, nth: int) -> Headers:
    """Return malformed headers, or with one missing; *nth* selects one, cyclically."""
    if style.identified:
        return _malformed_standard(style, delivery_id, stamp, right, nth)
    match style:
        case Style.GITHUB:
            values = ["garbage", "sha256=", "sha256=xyz", f"sha1={right}", right, "", "=" * LONG]
        case Style.OUTPOST:
            values = ["garbage", "v0=", "v0=xyz", f"v9={right}", right, "", "v0=" + "," * LONG]
        case _:
            values = [
                "garbage", f"t=yesterday,v1={right}", f"v1={right}", f"t={stamp}", f"t=,v1={right}",
                f"t={stamp},v0={right}", f"t={stamp},v1=", "", "," * LONG, f"t={'9' * 400},v1=x",
            ]  # fmt: skip
    name = SIGNATURES[style]
    return [*_WRITERS[style](delivery_id, stamp, None), (name, values[nth % len(values)])]


def _malformed_standard(
    style: Style, delivery_id: str, stamp: str, right: str, nth: int
) -> Headers:
    write = _WRITERS[style]
    broken = [
        "garbage", "v1,abc", "v1", "v2", ",", "", "v2" + right[right.index(",") :], "v1,ü" * 9,
        "v1," + "A" * LONG, "v1, " * (LONG // 4),
    ]  # fmt: skip
    whole = write(delivery_id, stamp, [right])
    choices = [
        *(write(delivery_id, stamp, [each]) for each in broken),
        *(write(delivery_id, each, [right]) for each in ("yesterday", "", "1e9", "9" * 400)),
        whole[1:],  # without the id
        [whole[0], *whole[2:]],  # without the time
    ]
    return choices[nth % len(choices)]
