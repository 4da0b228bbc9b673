"""Attempts: what came of one POST, as a value; and which class of failure an error is."""

import errno
import ssl
from dataclasses import dataclass

import aiohttp
from aiohttp.http import HttpProcessingError

from schemas.records import Answer, Failure


class AddressBlockedError(OSError):
    """The address that a name stands for, or that was given, is not to be connected to."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST and what came of it.

    Attributes:
        started_ms: When it began, milliseconds since the epoch.
        duration_us: How long it took, microseconds.
        answer: The response, or None.
        failure: Why there is none, or why it does not count.
        message: The failure in words.
        retry_after: The header of that name as it came; empty: none.
    """

    started_ms: int
    duration_us: int
    answer: Answer | None
    failure: Failure
    message: str = ""
    retry_after: str = ""

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
    """The class of an error of the HTTP client, and the error in words for the webhook's owner."""
    match error:
        case TimeoutError():
            return Failure.TIMEOUT, "no answer within the attempt timeout"
        case aiohttp.ClientConnectorDNSError():
            return Failure.DNS, f"the name {error.host} could not be resolved"
        case aiohttp.ClientConnectorCertificateError():
            return Failure.TLS, f"the certificate was not accepted: {error.certificate_error}"
        case aiohttp.ClientConnectorSSLError() | ssl.SSLError():
            return Failure.TLS, "the TLS handshake failed"
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientConnectionResetError():
            return Failure.RESET, "the connection was closed without an answer"
        case aiohttp.ClientOSError():
            return _classify_os_error(error)
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return Failure.INVALID, "the service URI cannot be connected to"
        case aiohttp.ClientError() | HttpProcessingError() | ValueError():
            return Failure.PROTOCOL, f"the answer is not HTTP: {_short(error)}"
        case OSError():
            return _classify_os_error(error)
        case _:
            return Failure.PROTOCOL, _short(error)


def _classify_os_error(error: OSError) -> tuple[Failure, str]:
    number = error.errno
    if number == errno.ECONNREFUSED:
        return Failure.REFUSED, "the connection was refused"
    reset = isinstance(error.__cause__, ConnectionResetError)  # found while writing: no number
    if reset or number in (errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED):
        return Failure.RESET, "the connection was reset"
    if number == errno.ETIMEDOUT:
        return Failure.TIMEOUT, "the host did not answer"
    if number in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL):
        return Failure.UNREACHABLE, "the host cannot be reached"
    return Failure.UNREACHABLE, f"the connection failed: {_short(error)}"


def _short(error: BaseException) -> str:
    """An error in words, on one line; without what the client adds, which looks like an answer."""
    text = str(error)
    if isinstance(error, aiohttp.ClientResponseError | HttpProcessingError):
        text = error.message
    return " ".join(text.split()).removesuffix(" ^")[:200] or type(error).__name__
