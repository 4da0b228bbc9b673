"""TLS failures as texts for the webhook's owner. Pure: values in, a text out.

OpenSSL has a number for each reason to refuse a certificate, and a name for each alert of a server.
Alerts of TLS 1.3 about a client certificate arrive after the handshake, when the first answer is
read.

Source: OpenSSL, x509_vfy.h (the numbers) and sslerr.h (the names, whose beginnings differ between
versions); RFC 8446, 6.2 (what alerts mean).
"""

import ssl
from typing import NamedTuple

from cryptography import x509
from cryptography.x509.oid import NameOID

EXPIRED, NOT_YET_VALID, WRONG_NAME, WRONG_ADDRESS = 10, 9, 62, 64
NEED_A_LOOK = frozenset({EXPIRED, NOT_YET_VALID, WRONG_NAME, WRONG_ADDRESS})
"""Refusals whose text needs facts of the certificate."""
MAX_NAMES = 4

_UNKNOWN = "unknown certificate authority"
_BY_NUMBER = {
    2: f"{_UNKNOWN}, or the server leaves out an intermediate certificate",
    18: "self-signed certificate",
    19: f"{_UNKNOWN}: its chain ends in a certificate that is not trusted here",
    20: f"{_UNKNOWN}, or the server leaves out an intermediate certificate",
    21: f"{_UNKNOWN}, or the server leaves out an intermediate certificate",
    23: "it was revoked",
    26: "it is not for servers",
    66: "its key is too small",
    67: "the key of its authority is too small",
    68: "it was signed in a way that is too weak",
}
_CLIENT = "the server does not accept the client certificate"
_BY_ALERT = {
    "ALERT_CERTIFICATE_REQUIRED": "the server requires a client certificate",
    "ALERT_UNKNOWN_CA": f"{_CLIENT}: unknown certificate authority",
    "ALERT_CERTIFICATE_EXPIRED": f"{_CLIENT}: it has expired",
    "ALERT_CERTIFICATE_REVOKED": f"{_CLIENT}: it was revoked",
    "ALERT_BAD_CERTIFICATE": f"{_CLIENT}: it is bad",
    "ALERT_UNSUPPORTED_CERTIFICATE": f"{_CLIENT}: its kind is not supported",
    "ALERT_CERTIFICATE_UNKNOWN": _CLIENT,
    "ALERT_ACCESS_DENIED": f"{_CLIENT}: access denied",
    "ALERT_DECRYPT_ERROR": f"{_CLIENT}: its signature is wrong",
    "ALERT_HANDSHAKE_FAILURE": "the server refused the TLS handshake: it requires a client"
    " certificate, or shares no cipher or signature with Portcall",
    "ALERT_PROTOCOL_VERSION": "the server speaks no TLS version from 1.2 on",
    "UNSUPPORTED_PROTOCOL": "the server speaks no TLS version from 1.2 on",
    "UNRECOGNIZED_NAME": "the server does not know this host name (SNI)",
    "WRONG_VERSION_NUMBER": "the port does not speak TLS: is it http:// there?",
    "HTTP_REQUEST": "the port does not speak TLS: is it http:// there?",
    "RECORD_LAYER_FAILURE": "the port does not speak TLS: is it http:// there?",
    "PACKET_LENGTH_TOO_LONG": "the port does not speak TLS: is it http:// there?",
    "DH_KEY_TOO_SMALL": "the server's Diffie-Hellman key is too small",
}
ENDED = "the server ended the connection during the TLS handshake"


class Peer(NamedTuple):
    """The facts of a server's certificate that was refused.

    Attributes:
        from_day: When it becomes valid, as in 2026-01-02.
        until_day: When it expires.
        is_over: Whether it has expired.
        is_early: Whether it is not valid yet.
        names: The hosts and addresses that it is for.
    """

    from_day: str
    until_day: str
    is_over: bool
    is_early: bool
    names: tuple[str, ...]

    @classmethod
    def of(cls, der: bytes, now_s: float) -> "Peer":
        """Read the facts of a certificate.

        Raises:
            Exception: It cannot be read; not all errors of `cryptography` are ValueErrors.
        """
        certificate = x509.load_der_x509_certificate(der)
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        return cls(
            f"{begin:%Y-%m-%d}",
            f"{end:%Y-%m-%d}",
            end.timestamp() < now_s,
            begin.timestamp() > now_s,
            _names(certificate),
        )


def refusal(error: ssl.SSLCertVerificationError, host: str, peer: Peer | None) -> str:
    """Why a server's certificate was refused.

    Args:
        error: OpenSSL's error.
        host: The host that the certificate should be for.
        peer: The certificate's facts; None: unknown.
    """
    return f"the certificate was not accepted: {_refusal(error, host, peer)}"


def _refusal(  # noqa: PLR0911 (a table in code)
    error: ssl.SSLCertVerificationError, host: str, peer: Peer | None
) -> str:
    match error.verify_code:
        case 10 if peer is not None and not peer.is_over:
            return "a certificate of its chain has expired"
        case 10:
            return f"it expired on {peer.until_day}" if peer else "it has expired"
        case 9 if peer is not None and not peer.is_early:
            return "a certificate of its chain is not valid yet"
        case 9:
            return f"it is valid from {peer.from_day} on" if peer else "it is not valid yet"
        case 62 | 64 if peer is not None:
            return f"it is for {_listed(peer.names)}, not {host}"
        case 62 | 64:
            return f"it is not for {host}"
        case number:
            return _BY_NUMBER.get(number, str(error.verify_message))


def words_of(error: ssl.SSLError) -> str:
    """The text for a TLS failure."""
    reason = (getattr(error, "reason", None) or "").upper()  # Python's own errors have none
    for end, words in _BY_ALERT.items():
        if reason.endswith(end):
            return words
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or "EOF" in reason:
        return ENDED
    told = reason.replace("_", " ").lower()
    return f"the TLS handshake failed: {told}" if told else "the TLS handshake failed"


def _listed(names: tuple[str, ...]) -> str:
    if not names:
        return "no host"
    more = ", ..." if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + more


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The hosts that a certificate is for; without such a list, its common name."""
    try:
        listed = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return tuple(
            _word(each.value)
            for each in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        )
    hosts = listed.get_values_for_type(x509.DNSName)
    addresses = listed.get_values_for_type(x509.IPAddress)
    return tuple(map(_word, (*hosts, *addresses)))


def _word(name: object) -> str:
    """An untrusted name, on one line and cut."""
    return "".join(each for each in str(name)[:64] if each.isprintable())
