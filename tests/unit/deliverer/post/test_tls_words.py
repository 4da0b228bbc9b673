"""What went wrong in TLS, in words: every name of an alert, whatever OpenSSL's version calls it."""

import ssl
import time

import pytest
from cryptography.hazmat.primitives import serialization

from portcall.deliverer.post.tls_words import ENDED, Peer, refusal, words_of
from tests.authorities import authority

CA = authority()
REFUSED = "the server does not accept the client certificate"


def failed(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


def refused(number: int, words: str = "as OpenSSL says") -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, words)
    error.verify_code, error.verify_message = number, words
    return error


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "the server requires a client certificate"),
        ("TLSV1_ALERT_UNKNOWN_CA", f"{REFUSED}: unknown certificate authority"),
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", f"{REFUSED}: it has expired"),
        ("SSL/TLS_ALERT_CERTIFICATE_EXPIRED", f"{REFUSED}: it has expired"),
        ("SSLV3_ALERT_CERTIFICATE_REVOKED", f"{REFUSED}: it was revoked"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", f"{REFUSED}: it is bad"),
        ("SSLV3_ALERT_CERTIFICATE_UNKNOWN", REFUSED),
        ("TLSV1_ALERT_ACCESS_DENIED", f"{REFUSED}: access denied"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "the server speaks no TLS version from 1.2 on"),
        ("UNSUPPORTED_PROTOCOL", "the server speaks no TLS version from 1.2 on"),
        ("TLSV1_UNRECOGNIZED_NAME", "the server does not know this host name (SNI)"),
        ("WRONG_VERSION_NUMBER", "the port does not speak TLS: is it http:// there?"),
        ("UNEXPECTED_EOF_WHILE_READING", ENDED),
        ("TLSV1_ALERT_INTERNAL_ERROR", "the TLS handshake failed: tlsv1 alert internal error"),
        ("", "the TLS handshake failed"),
    ],
)
def test_alerts_have_words(reason: str, words: str) -> None:
    assert words_of(failed(reason)) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (10, "it has expired"),
        (9, "it is not valid yet"),
        (62, "it is not for a.example"),
        (64, "it is not for a.example"),
        (18, "self-signed certificate"),
        (23, "it was revoked"),
        (66, "its key is too small"),
        (999, "as OpenSSL says"),
    ],
)
def test_refusals_have_words_without_a_look_at_the_certificate(number: int, words: str) -> None:
    assert refusal(refused(number), "a.example", None) == (
        f"the certificate was not accepted: {words}"
    )


def test_names_that_a_stranger_chose_are_fit_for_a_record() -> None:
    identity = CA.issue("a\nb\x1b[31m" + "c" * 50, hosts=())
    peer = Peer.of(identity.certificate.public_bytes(serialization.Encoding.DER), time.time())
    assert peer.names == ("ab[31m" + "c" * 50,)
    words = refusal(refused(62), "a.example", peer)
    assert words.isprintable()
    assert words.endswith(", not a.example")
