"""Certificates: a local CA, and a server's that it signs. Values in, values out; no files.

The key usages satisfy strict clients: OpenSSL with X509_STRICT, as in Python 3.13, requires key
identifiers on both, and critical basic constraints and key usage on the CA.
"""

import datetime as dt
import ipaddress
import secrets
from collections.abc import Collection
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS = 3650
SERVER_DAYS = 90
RENEW_DAYS = 30
"""A server's certificate with less time left is renewed; a CA, when it has less left than the
lifetime of a server's certificate."""
_EARLIER = dt.timedelta(hours=1)
"""How far in the past it begins: clocks differ."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key.

    Attributes:
        certificate: The certificate.
        key: Its private key.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key in PEM, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def make_authority(now: dt.datetime) -> Identity:
    """A CA with a unique name: a bundle may hold those of several installations."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Portcall local CA {secrets.token_hex(4)}")
    certificate = (
        _builder(name, name, key, now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    return Identity(certificate, key)


def issue(authority: Identity, names: Collection[str], now: dt.datetime) -> Identity:
    """A server's certificate.

    Args:
        authority: Signs it.
        names: The host names and addresses that it is for.
        now: The time.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_key = authority.key.public_key()
    certificate = (
        _builder(_name("Portcall"), authority.certificate.subject, key, now, SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True, key_encipherment=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([alternative(name) for name in names]), critical=False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
        )
        .sign(authority.key, hashes.SHA256())
    )
    return Identity(certificate, key)


def alternative(name: str) -> x509.GeneralName:
    """A name in a certificate's form: an address or a host name.

    Raises:
        ValueError: It is neither.
    """
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def names_of(certificate: x509.Certificate) -> frozenset[str]:
    """The host names and addresses that a certificate is for."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(str(each.value) for each in found)


def days_left(certificate: x509.Certificate, now: dt.datetime) -> float:
    """How many days a certificate is still valid; negative: it has expired."""
    return (certificate.not_valid_after_utc - now) / dt.timedelta(days=1)


def fits(identity: Identity) -> bool:
    """Whether the key belongs to the certificate."""
    return identity.key.public_key() == identity.certificate.public_key()


def is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether *authority* signed *certificate*."""
    try:
        certificate.verify_directly_issued_by(authority)
    except Exception:  # noqa: BLE001 (whatever is wrong with it: it is to be made anew)
        return False
    return True


def read_identity(certificate_pem: bytes, key_pem: bytes) -> Identity:
    """Read a stored pair.

    Raises:
        ValueError: One of them is damaged, or they do not belong together.
    """
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    key = serialization.load_pem_private_key(key_pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("it is not a key of the kind that was written here")  # noqa: TRY004 (its content)
    identity = Identity(certificate, key)
    if not fits(identity):
        raise ValueError("the key is not the certificate's")
    return identity


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Portcall"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
    days: int,
) -> x509.CertificateBuilder:
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(identifier, critical=False)
    )


def _usage(
    *,
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_encipherment=key_encipherment,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
