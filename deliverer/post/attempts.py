"""Attempts: what came of one POST, as a value; and which class of failure an error is."""

import errno
import ssl
from collections.abc import Sequence

from msgspec import Struct

from portcall.deliverer.post.tls_words import words_of
from portcall.schemas.records import Answer, Failure

CERTIFICATE_HINT = (
    ", right after the TLS handshake: the server may require a client certificate, or not accept"
    " the one that it was shown"
)


class ProtocolError(Exception):
    """The endpoint does not speak HTTP/1.1."""


class ClosedError(ConnectionError):
    """The connection ended before a response.

    A server may reset the connection right after the alert that says why. Then the alert can be
    lost: what was received and not read yet is dropped when a write fails.

    Attributes:
        silent: Whether no byte of a response had come.

    Args:
        secured: Whether this was the first exchange after a TLS handshake.
    """

    def __init__(self, *, silent: bool, secured: bool = False) -> None:
        message = "the connection was closed without an answer"
        super().__init__(message + CERTIFICATE_HINT if secured else message)
        self.silent = silent


class HandshakeTimeoutError(TimeoutError):
    """The TLS handshake did not end in time."""


class HandshakeError(OSError):
    """The TLS handshake failed; the message says why."""


class UnresolvedError(OSError):
    """A name leads to no address."""


class AddressBlockedError(OSError):
    """The addresses that a name stands for, or that were given, are not to be connected to."""

    def __init__(self, addresses: Sequence[str]) -> None:
        shown = ", ".join(sorted(set(addresses)))
        super().__init__(f"nothing was sent: {shown} is not an address that webhooks may lead to")


class PortBlockedError(OSError):
    """The port is not one to connect to."""

    def __init__(self, port: int) -> None:
        super().__init__(f"nothing was sent: {port} is not a port that webhooks may lead to")


class Attempt(Struct, frozen=True):
    """One POST and what came of it.

    Attributes:
        started_ms: When it began, milliseconds since the epoch.
        duration_us: How long it took, microseconds.
        answer: The response, or None.
        failure: Why there is none, or why it does not count.
        message: The failure in words.
        retry_after: The header of that name as it came; empty: none.
        connect_us: Of that, how long a new connection took; 0: an older one served, or no answer.
    """

    started_ms: int
    duration_us: int
    answer: Answer | None
    failure: Failure
    message: str = ""
    retry_after: str = ""
    connect_us: int = 0

    @property
    def succeeded(self) -> bool:
        """Whether the endpoint took the delivery: any 2xx, and nothing else."""
        return self.answer is not None and 200 <= self.answer.status < 300

    @property
    def status(self) -> int:
        """The HTTP status; 0 where there was no answer."""
        return self.answer.status if self.answer else 0

    @property
    def shows_health(self) -> bool:
        """Whether more attempts at once are welcome: an answer that is no sign of trouble."""
        return self.answer is not None and self.status < 500 and self.status != 429


def classify(error: BaseException) -> tuple[Failure, str]:  # noqa: PLR0911 (a table in code)
    """The class of an error of the sender, and the error in words for the webhook's owner."""
    match error:
        case HandshakeTimeoutError():
            return Failure.TIMEOUT, "the TLS handshake did not end within the attempt timeout"
        case TimeoutError():
            return Failure.TIMEOUT, "no answer within the attempt timeout"
        case AddressBlockedError() | PortBlockedError():
            return Failure.BLOCKED, str(error)
        case UnresolvedError():
            return Failure.DNS, str(error)
        case HandshakeError():
            return Failure.TLS, str(error)
        case ssl.SSLError():
            return Failure.TLS, _tls_words(error)
        case ClosedError():
            return Failure.RESET, str(error)
        case ProtocolError():
            return Failure.PROTOCOL, f"the answer is not HTTP: {_short(error)}"
        case OSError():
            return _classify_os_error(error)
        case _:
            return Failure.INVALID, f"the service URI cannot be connected to: {_short(error)}"


def unforeseen(error: Exception) -> tuple[Failure, str]:
    """The same for an error that no code expects; its own words are for the log only."""
    return Failure.PROTOCOL, f"the attempt failed in an unforeseen way: {type(error).__name__}"


def _tls_words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate was not accepted: {error.verify_message}"
    return words_of(error)


def _classify_os_error(error: OSError) -> tuple[Failure, str]:
    number = error.errno
    if number == errno.ECONNREFUSED:
        return Failure.REFUSED, "the connection was refused"
    if number in (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED):
        return Failure.RESET, "the connection was reset"
    if number == errno.ETIMEDOUT:
        return Failure.TIMEOUT, "the host did not answer"
    if number in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL):
        return Failure.UNREACHABLE, "the host cannot be reached"
    return Failure.UNREACHABLE, f"the connection failed: {_short(error)}"


def _short(error: BaseException) -> str:
    """An error in words, on one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__
