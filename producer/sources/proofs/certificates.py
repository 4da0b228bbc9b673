"""Proof by a client certificate: of one of the source's authorities, and of one name.

The handshake has verified the chain, for the authorities of all sources together. Here the
certificate must be issued directly by a certificate in this source's bundle, which therefore has
the intermediate ones, too. Nothing is fetched: the setting ``revoked`` has the serial numbers of
certificates that are refused.

Source: RFC 5280 (names, validity), RFC 9525 section 6 (names are compared as a whole).
"""

import datetime as dt
import ssl
from collections.abc import Iterator, Sequence
from functools import lru_cache

from aiohttp import web
from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from portcall.schemas.errors import InvalidValueError
from portcall.schemas.options.checks import serial_numbers
from portcall.schemas.sources import Source

MAX_KEPT = 1_000
"""Verdicts about certificates; each costs 0.1 ms to make, and little to keep."""
_UNREADABLE = (
    ValueError,
    TypeError,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    InvalidValueError,
)


def certificate_of(request: web.Request) -> bytes:
    """The client's certificate in DER, verified by the handshake; empty: there is none."""
    transport = request.transport
    found = transport.get_extra_info("ssl_object") if transport else None
    if not isinstance(found, ssl.SSLObject | ssl.SSLSocket):
        return b""
    return found.getpeercert(binary_form=True) or b""


def is_certified(source: Source, certificate: bytes, now: dt.datetime) -> bool:
    """Whether a client's certificate is good for a source.

    Args:
        source: The source.
        certificate: In DER; empty: the client has shown none.
        now: The time.
    """
    bundle, name = source.options.get("ca_bundle", ""), source.options.get("name", "")
    if not certificate or not bundle or not name:
        return False
    span = _good_between(certificate, bundle, name, source.options.get("revoked", ""))
    return span is not None and span[0] <= now <= span[1]


@lru_cache(maxsize=MAX_KEPT)
def _good_between(
    certificate: bytes, bundle: str, name: str, revoked: str
) -> tuple[dt.datetime, dt.datetime] | None:
    """When a certificate is valid; None: it is of another authority or name, or revoked."""
    try:
        client = x509.load_der_x509_certificate(certificate)
        authorities = x509.load_pem_x509_certificates(bundle.encode("ascii"))
        names = set(_names(client))
        ended = serial_numbers(revoked) if revoked else frozenset()
    except _UNREADABLE:
        return None
    issuer = _issuer(client, authorities)
    if issuer is None or _normal(name) not in names or client.serial_number in ended:
        return None
    return (
        max(client.not_valid_before_utc, issuer.not_valid_before_utc),
        min(client.not_valid_after_utc, issuer.not_valid_after_utc),
    )


def _issuer(
    client: x509.Certificate, authorities: Sequence[x509.Certificate]
) -> x509.Certificate | None:
    for each in authorities:
        try:
            client.verify_directly_issued_by(each)
        except Exception:  # noqa: BLE001, S112 (cryptography has many classes for "no")
            continue
        return each
    return None


def _names(client: x509.Certificate) -> Iterator[str]:
    """The names that a certificate is of: its whole subject, and its alternative names."""
    yield client.subject.rfc4514_string()
    try:
        found = client.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    except x509.ExtensionNotFound:
        return
    if not isinstance(found.value, x509.SubjectAlternativeName):
        return
    for each in found.value:
        if isinstance(each, x509.DNSName):
            yield each.value.lower()
        elif isinstance(each, x509.UniformResourceIdentifier | x509.RFC822Name):
            yield each.value
        elif isinstance(each, x509.IPAddress):
            yield str(each.value)


def _normal(name: str) -> str:
    """A name as `_names` gives it: only DNS names have no case."""
    return name if "=" in name or ":" in name or "@" in name else name.lower()
