"""What came of one POST, and which class of failure an error is."""

import errno
import re
import socket
import ssl

import pytest

from portcall.deliverer.post.attempts import (
    AddressBlockedError,
    Attempt,
    ClosedError,
    PortBlockedError,
    ProtocolError,
    UnresolvedError,
    classify,
)
from portcall.schemas.records import Failure
from tests.unit.deliverer.samples import answered, unanswered


def untrusted() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError("certificate verify failed: self-signed certificate")
    error.verify_code, error.verify_message = 18, "self-signed certificate"
    return error


@pytest.mark.parametrize(
    ("error", "failure", "words"),
    [
        (TimeoutError(), Failure.TIMEOUT, "no answer within the attempt timeout"),
        (OSError(errno.ETIMEDOUT, "timed out"), Failure.TIMEOUT, "no answer within"),
        (UnresolvedError("the name a.b leads nowhere"), Failure.DNS, "the name a.b leads nowhere"),
        (untrusted(), Failure.TLS, "the certificate was not accepted: .*self-signed certificate"),
        (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), Failure.TLS, "the TLS handshake failed"),
        (ClosedError(silent=True), Failure.RESET, "closed without an answer"),
        (ClosedError(silent=False), Failure.RESET, "closed without an answer"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), Failure.RESET, "was reset"),
        (BrokenPipeError(errno.EPIPE, "broken pipe"), Failure.RESET, "was reset"),
        (OSError(errno.ECONNREFUSED, "no"), Failure.REFUSED, "the connection was refused"),
        (OSError(errno.EHOSTUNREACH, "no"), Failure.UNREACHABLE, "the host cannot be reached"),
        (OSError(errno.ENETUNREACH, "no"), Failure.UNREACHABLE, "the host cannot be reached"),
        (OSError(errno.EADDRNOTAVAIL, "no"), Failure.UNREACHABLE, "the host cannot be reached"),
        (
            OSError("Multiple exceptions: one, two"),
            Failure.UNREACHABLE,
            "the connection failed: .*Multiple exceptions",
        ),
        (OSError(errno.EMFILE, "Too many open files"), Failure.UNREACHABLE, "Too many open files"),
        (ProtocolError("Expected HTTP/"), Failure.PROTOCOL, "^the answer is not HTTP: Expected"),
        (ValueError("no such thing"), Failure.INVALID, "cannot be connected to: no such thing"),
        (UnicodeError("label too long"), Failure.INVALID, "label too long"),
        (AddressBlockedError(["10.0.0.1"]), Failure.BLOCKED, "nothing was sent: 10.0.0.1 is not"),
        (
            AddressBlockedError(["::1", "10.0.0.1", "::1"]),
            Failure.BLOCKED,
            "nothing was sent: 10.0.0.1, ::1 is not",
        ),
        (PortBlockedError(25), Failure.BLOCKED, "nothing was sent: 25 is not a port that"),
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
