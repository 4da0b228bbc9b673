"""Certificates and keys of a webhook's `Trust`: how they are checked, and what may be shown.

All are PEM. A client's PEM is parsed, checked against limits, and written again: only certificates
and one key are kept, never the text around them. No error repeats any part of a private key.
"""

import datetime as dt
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from portcall.schemas.errors import InvalidValueError

MAX_BUNDLE_CHARACTERS = 65_536
MAX_BUNDLE = 50
"""Certificates of authorities: some 1.3 KB each. The roots of all browsers are about 140."""
MAX_CHAIN_CHARACTERS = 32_768
MAX_CHAIN = 10
MAX_KEY_CHARACTERS = 16_384
"""An RSA key of 8,192 bits has 6,400."""
MIN_RSA_BITS = 2048
"""What OpenSSL's security level 2 asks for, which Debian and Ubuntu set."""
MAX_RSA_BITS = 8192
"""Each handshake signs with the key: 0.1 s for this many bits, and 1 s for 16,384."""

_KEYS = (
    rsa.RSAPrivateKey,
    ec.EllipticCurvePrivateKey,
    ed25519.Ed25519PrivateKey,
    ed448.Ed448PrivateKey,
)
_KEY_MARK = "PRIVATE KEY-----"
_ENCRYPTED_MARKS = ("BEGIN ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED")


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """The facts about a client certificate that may be shown.

    Attributes:
        subject: Its subject, as in ``CN=portcall,O=Example``.
        expires_at: When it expires.
    """

    subject: str
    expires_at: dt.datetime


def split_pem(text: str) -> tuple[str, str]:
    """Split PEM into the text without private keys, and the keys; many files hold both."""
    others: list[str] = []
    keys: list[str] = []
    in_key = False
    for line in text.splitlines(keepends=True):
        is_mark = _KEY_MARK in line
        in_key = in_key or (is_mark and line.startswith("-----BEGIN "))
        (keys if in_key else others).append(line)
        in_key = in_key and not (is_mark and line.startswith("-----END "))
    return "".join(others), "".join(keys)


def check_ca_bundle(text: str, field: str) -> str:
    """Check CA certificates; return them without other text. Expired ones are kept.

    Raises:
        InvalidValueError: There is none, too many, or a private key among them.
    """
    certificates = _certificates(
        text, field, max_characters=MAX_BUNDLE_CHARACTERS, max_number=MAX_BUNDLE
    )
    unique = dict.fromkeys(map(_pem, certificates))
    return "".join(unique)


def check_chain(text: str, field: str) -> str:
    """Check a client certificate and its chain; return them without other text.

    Raises:
        InvalidValueError: There is none, too many, or a private key among them.
    """
    certificates = _certificates(
        text, field, max_characters=MAX_CHAIN_CHARACTERS, max_number=MAX_CHAIN
    )
    return "".join(map(_pem, certificates))


def check_key(text: str, field: str) -> str:
    """Check a private key; return it as PKCS #8.

    Raises:
        InvalidValueError: It is not a key, is encrypted, or of a kind that TLS clients do not use.
    """
    if len(text) > MAX_KEY_CHARACTERS:
        raise InvalidValueError(field, f"is longer than {MAX_KEY_CHARACTERS:,} characters")
    if any(mark in text for mark in _ENCRYPTED_MARKS):
        raise InvalidValueError(
            field, "is encrypted: give it without a passphrase, as `openssl pkey` writes it"
        )
    if text.count(_KEY_MARK) != 2:
        raise InvalidValueError(
            field, "must be one private key in PEM (-----BEGIN PRIVATE KEY-----)"
        )
    encoded = _ascii(text, field)
    try:
        key = _private(encoded)
    except Exception:  # noqa: BLE001 (cryptography has many classes for what it cannot read)
        # Without the cause: it may quote the key.
        raise InvalidValueError(field, "is not a private key that can be read") from None
    if not isinstance(key, _KEYS):
        raise InvalidValueError(field, "must be an RSA, an elliptic-curve or an Ed25519 key")
    if isinstance(key, rsa.RSAPrivateKey):
        _check_rsa(key, field)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")


def check_pair(chain: str, key: str, field: str, now: dt.datetime) -> None:
    """Check that a client certificate belongs to the key and has not expired.

    Args:
        chain: As `check_chain` gives it.
        key: As `check_key` gives it.
        field: The certificate's field name.
        now: The time.

    Raises:
        InvalidValueError: It belongs to another key, or has expired.
    """
    certificates = x509.load_pem_x509_certificates(chain.encode("ascii"))
    wanted = _public(_private(key.encode("ascii")).public_key())
    if _public(certificates[0].public_key()) != wanted:
        if any(_public(each.public_key()) == wanted for each in certificates[1:]):
            raise InvalidValueError(field, "must begin with the client's own certificate")
        raise InvalidValueError(field, "does not belong to the private key")
    expires_at = certificates[0].not_valid_after_utc
    if expires_at <= now:
        raise InvalidValueError(field, f"expired on {expires_at:%Y-%m-%d}")


def facts_of(chain: str) -> CertificateFacts:
    """The public facts of a checked client certificate; takes 0.1 ms."""
    certificate = x509.load_pem_x509_certificate(chain.encode("ascii"))
    return CertificateFacts(
        certificate.subject.rfc4514_string()[:256], certificate.not_valid_after_utc
    )


def count_of(bundle: str) -> int:
    """How many certificates are in a checked bundle."""
    return bundle.count("-----BEGIN CERTIFICATE-----")


def _certificates(
    text: str, field: str, *, max_characters: int, max_number: int
) -> list[x509.Certificate]:
    if _KEY_MARK in text:
        raise InvalidValueError(field, "has a private key in it: give certificates only")
    if len(text) > max_characters:
        raise InvalidValueError(field, f"is longer than {max_characters:,} characters")
    if not text.count("-----BEGIN CERTIFICATE-----"):
        raise InvalidValueError(field, "has no certificate in PEM (-----BEGIN CERTIFICATE-----)")
    encoded = _ascii(text, field)
    try:
        found = x509.load_pem_x509_certificates(encoded)
        for each in found:
            each.public_key()
            each.subject.rfc4514_string()
            each.extensions, each.not_valid_after_utc  # noqa: B018 (parsed only when asked for)
    except Exception as error:  # cryptography has many classes for unreadable certificates
        raise InvalidValueError(field, "has a certificate that cannot be read") from error
    if len(found) > max_number:
        raise InvalidValueError(field, f"has {len(found)} certificates; at most {max_number}")
    return found


def _private(encoded: bytes) -> PrivateKeyTypes:
    """A private key in PEM; the factors of an RSA key are not proved prime.

    That takes 0.6 s for 4,096 bits and a minute for 16,384, and blocks the process.
    """
    return serialization.load_pem_private_key(
        encoded, password=None, unsafe_skip_rsa_key_validation=True
    )


def _check_rsa(key: rsa.RSAPrivateKey, field: str) -> None:
    """Check an RSA key's size, and that its numbers belong together."""
    if key.key_size < MIN_RSA_BITS:
        raise InvalidValueError(
            field, f"has {key.key_size} bits; an RSA key must have {MIN_RSA_BITS} or more"
        )
    if key.key_size > MAX_RSA_BITS:
        raise InvalidValueError(
            field, f"has {key.key_size} bits; an RSA key may have {MAX_RSA_BITS} at most"
        )
    if not _is_consistent(key.private_numbers()):
        raise InvalidValueError(field, "is an RSA key whose numbers do not belong together")


def _is_consistent(numbers: rsa.RSAPrivateNumbers) -> bool:
    """Whether the public numbers verify a signature made with the private ones."""
    p, q, e = numbers.p, numbers.q, numbers.public_numbers.e
    return (
        min(p, q) > 2
        and p * q == numbers.public_numbers.n
        and numbers.dmp1 * e % (p - 1) == 1
        and numbers.dmq1 * e % (q - 1) == 1
        and numbers.iqmp * q % p == 1
    )


def _ascii(text: str, field: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidValueError(field, "is not text") from None


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _public(key: object) -> bytes:
    bytes_of = getattr(key, "public_bytes")  # noqa: B009 (every kind of public key has it)
    found: bytes = bytes_of(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return found
