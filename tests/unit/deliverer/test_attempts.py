"""What came of one POST, and which class of failure an error is."""

import errno
import re
import socket
import ssl

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey, RequestInfo
from aiohttp.http import HttpProcessingError
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from deliverer.attempts import AddressBlockedError, Attempt, classify
from schemas.records import Failure
from tests.unit.deliverer.samples import answered, unanswered

KEY = ConnectionKey("hook.example", 443, True, True, None, None, None)  # noqa: FBT003 (the client's own)
URI = URL("https://hook.example/?code=secret")
INFO = RequestInfo(URI, "POST", CIMultiDictProxy(CIMultiDict()), URI)


def connecting(number: int | None, text: str = "Connect call failed") -> aiohttp.ClientError:
    return aiohttp.ClientConnectorError(KEY, OSError(number, text))


def cut_while_writing() -> aiohttp.ClientError:
    error = aiohttp.ClientOSError(None, f"Can not write request body for {URI}")
    error.__cause__ = aiohttp.ClientConnectionResetError("Cannot write to closing transport")
    return error


def untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("certificate verify failed: self-signed certificate")
    error.verify_code, error.verify_message = 18, "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("error", "failure", "words"),
    [
        (TimeoutError(), Failure.TIMEOUT, "no answer within the attempt timeout"),
        (aiohttp.ServerTimeoutError(), Failure.TIMEOUT, "no answer within the attempt timeout"),
        (aiohttp.ConnectionTimeoutError(), Failure.TIMEOUT, "no answer within"),
        (aiohttp.SocketTimeoutError(), Failure.TIMEOUT, "no answer within"),
        (connecting(errno.ETIMEDOUT), Failure.TIMEOUT, "the host did not answer"),
        (
            aiohttp.ClientConnectorDNSError(KEY, OSError(None, "Domain name not found")),
            Failure.DNS,
            "the name hook.example could not be resolved",
        ),
        (
            aiohttp.ClientConnectorCertificateError(KEY, untrusted()),
            Failure.TLS,
            "the certificate was not accepted: .*self-signed certificate",
        ),
        (
            aiohttp.ClientConnectorSSLError(KEY, ssl.SSLError(1, "WRONG_VERSION_NUMBER")),
            Failure.TLS,
            "the TLS handshake failed",
        ),
        (ssl.SSLError(1, "UNEXPECTED_EOF"), Failure.TLS, "the TLS handshake failed"),
        (aiohttp.ServerDisconnectedError(), Failure.RESET, "closed without an answer"),
        (
            aiohttp.ClientConnectionResetError("Cannot write to closing transport"),
            Failure.RESET,
            "closed without an answer",
        ),
        (aiohttp.ClientOSError(errno.ECONNRESET, "reset"), Failure.RESET, "was reset"),
        (cut_while_writing(), Failure.RESET, "^the connection was reset$"),
        (aiohttp.ClientOSError(errno.EPIPE, "broken pipe"), Failure.RESET, "was reset"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), Failure.RESET, "was reset"),
        (connecting(errno.ECONNREFUSED), Failure.REFUSED, "the connection was refused"),
        (connecting(errno.EHOSTUNREACH), Failure.UNREACHABLE, "the host cannot be reached"),
        (connecting(errno.ENETUNREACH), Failure.UNREACHABLE, "the host cannot be reached"),
        (connecting(errno.EADDRNOTAVAIL), Failure.UNREACHABLE, "the host cannot be reached"),
        (
            connecting(None, "Multiple exceptions: one, two"),
            Failure.UNREACHABLE,
            "the connection failed: .*Multiple exceptions",
        ),
        (OSError(errno.EMFILE, "Too many open files"), Failure.UNREACHABLE, "Too many open files"),
        (aiohttp.InvalidURL("http:///"), Failure.INVALID, "cannot be connected to"),
        (aiohttp.InvalidUrlClientError("127.1"), Failure.INVALID, "cannot be connected to"),
        (aiohttp.NonHttpUrlClientError("ftp://x"), Failure.INVALID, "cannot be connected to"),
        (
            aiohttp.ClientResponseError(
                INFO,
                (),
                status=400,
                message="Bad status line:\n  Expected HTTP/:\n\n  b'SSH-'\n    ^",
            ),
            Failure.PROTOCOL,
            r"^the answer is not HTTP: Bad status line: Expected HTTP/: b'SSH-'$",
        ),
        (
            HttpProcessingError(code=400, message="Bad chunk"),
            Failure.PROTOCOL,
            "^the answer is not HTTP: Bad chunk$",
        ),
        (aiohttp.ClientPayloadError("cut"), Failure.PROTOCOL, "not HTTP: cut"),
        (ValueError("no such thing"), Failure.PROTOCOL, "not HTTP: no such thing"),
        (UnicodeError("label too long"), Failure.PROTOCOL, "label too long"),
        (ArithmeticError(), Failure.PROTOCOL, "^ArithmeticError$"),
        (AddressBlockedError("10.0.0.1 is not"), Failure.UNREACHABLE, "10.0.0.1"),
        (socket.gaierror(-2, "Name or service not known"), Failure.UNREACHABLE, "not known"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_every_error_has_a_class_and_words(error: Exception, failure: Failure, words: str) -> None:
    found, message = classify(error)
    assert found is failure
    assert re.search(words, message)


def test_words_are_short_and_on_one_line() -> None:
    _, message = classify(ValueError("a\n" * 1000))
    assert "\n" not in message
    assert len(message) < 250


def test_a_protocol_error_says_nothing_of_the_uri() -> None:
    error = aiohttp.ClientResponseError(INFO, (), status=400, message="Bad status line")
    assert "secret" not in classify(error)[1]


@pytest.mark.parametrize(
    ("status", "succeeded"),
    [(199, False), (200, True), (204, True), (299, True), (300, False), (0, False), (999, False)],
)
def test_only_2xx_succeeds(status: int, *, succeeded: bool) -> None:
    attempt = answered(status)
    assert attempt.succeeded is succeeded
    assert attempt.status == status


def test_without_an_answer_there_is_no_success_and_no_status() -> None:
    assert not unanswered().succeeded
    assert unanswered().status == 0


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [(answered(200), True), (answered(301), True), (answered(404), True), (answered(410), True),
     (answered(429), False), (answered(500), False), (answered(503), False), (unanswered(), False)],
    ids=["200", "301", "404", "410", "429", "500", "503", "none"],
)  # fmt: skip
def test_health_is_an_answer_that_is_no_sign_of_trouble(
    attempt: Attempt, *, expected: bool
) -> None:
    assert attempt.shows_health is expected
