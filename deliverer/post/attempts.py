"""Attempts: the result of one POST, as a value; and the failure class of an error."""

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

ITSELF = "Portcall itself"
"""Marks an address that is refused because of the port."""


class ProtocolError(Exception):
    """The endpoint does not speak HTTP/1.1."""


class ClosedError(ConnectionError):
    """The connection ended before a response.

    A server may reset the connection right after an alert that explains why. Then the alert can be
    lost: received data that was not read yet is dropped when a write fails.

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
    """A name has no address."""


class AddressBlockedError(OSError):
    """Connecting to the addresses of a name, or to the given ones, is not allowed."""

    def __init__(self, addresses: Sequence[str]) -> None:
        shown = ", ".join(sorted(set(addresses)))
        own = all(each.endswith(f"({ITSELF})") for each in addresses)
        hint = "" if own else "; the operator allows addresses with PORTCALL_ALLOW_TARGETS"
        super().__init__(
            f"nothing was sent: {shown} is not an address that webhooks may lead to{hint}"
        )


class PortBlockedError(OSError):
    """Connecting to the port is not allowed."""

    def __init__(self, port: int) -> None:
        super().__init__(
            f"nothing was sent: {port} is not a port that webhooks may lead to; the operator allows"
            " ports with PORTCALL_ALLOW_PORTS"
        )


class Attempt(Struct, frozen=True):
    """One POST and its result.

    Attributes:
        started_ms: When it began, milliseconds since the epoch.
        duration_us: How long it took, microseconds.
        answer: The response, or None.
        failure: Why there is none, or why it does not count.
        message: The failure as text.
        retry_after: The header of that name as received; empty: none.
        connect_us: The part of it for a new connection; 0: an existing one was used, or no answer.
        asked_ms: How long the answer asks for no other attempt in the words of the webhook's
            format, milliseconds; 0: it does not.
        steps: The steps that were done, each with its time since the beginning, microseconds;
            empty: they are not measured.
    """

    started_ms: int
    duration_us: int
    answer: Answer | None
    failure: Failure
    message: str = ""
    retry_after: str = ""
    connect_us: int = 0
    asked_ms: int = 0
    steps: tuple[tuple[str, int], ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether the endpoint accepted the delivery: a 2xx in which its format sees no failure."""
        return (
            self.answer is not None
            and 200 <= self.answer.status < 300
            and self.failure is Failure.NONE
        )

    @property
    def status(self) -> int:
        """The HTTP status; 0 where there was no answer."""
        return self.answer.status if self.answer else 0

    @property
    def shows_health(self) -> bool:
        """Whether the endpoint can take more attempts at once: it shows no trouble."""
        return self.answer is not None and self.status < 500 and self.status != 429


def classify(error: BaseException) -> tuple[Failure, str]:  # noqa: PLR0911 (a table in code)
    """The failure class of an error of the sender, and a text for the webhook's owner."""
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
    """The same for an unexpected error; its own text is for the log only."""
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
    """An error as text, on one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__
