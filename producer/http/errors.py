"""Why a request is refused: all such errors of the producer on one screen.

A value that breaks a rule is an `InvalidValueError` of `schemas`, answered with 400. Errors of the
broker and the store are answered with 503. All other errors are here.
"""

from typing import ClassVar

from portcall.schemas.errors import PortcallError


class RequestRefusedError(PortcallError):
    """A request that gets an error of its own; the exception's text is the message.

    Attributes:
        status: The HTTP status.
        code: The word for machines in ``{"error": {"code", "message"}}``.
        headers: Additional headers of the answer.
        closes: Whether the connection ends with the answer, because the body was not read.
    """

    status: ClassVar[int]
    code: ClassVar[str]
    headers: ClassVar[dict[str, str]] = {}
    closes: ClassVar[bool] = False


class UnauthorizedError(RequestRefusedError):
    """There is no token, or it is not valid."""

    status = 401
    code = "Unauthorized"
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": 'Bearer realm="portcall"'}


class UnprovenError(RequestRefusedError):
    """A request to a source has no valid proof; the connection ends, as its body was not read."""

    status = 401
    code = "Unauthorized"
    closes = True


class ForbiddenError(RequestRefusedError):
    """The token's holder may not publish at all, or the sender's network is not allowed."""

    status = 403
    code = "Forbidden"


class UnknownRegistryError(RequestRefusedError):
    """The registry does not exist, or the token's holder may not know that it does.

    Args:
        name: As it was sent.
    """

    status = 404
    code = "RegistryNotFound"

    def __init__(self, name: str) -> None:
        super().__init__(f"the registry {name[:64]!r} does not exist")


class UnknownSourceError(RequestRefusedError):
    """The registry has no source of that name, or does not exist."""

    status = 404
    code = "SourceNotFound"

    def __init__(self) -> None:
        super().__init__("there is no such source: `portcall source list` shows the addresses")


class SlowBodyError(RequestRefusedError):
    """The body did not arrive in time."""

    status = 408
    code = "RequestTimeout"
    closes = True


class BodyTooLargeError(RequestRefusedError):
    """The body is larger than any valid one."""

    status = 413
    code = "BodyTooLarge"
    closes = True


class UnsupportedTypeError(RequestRefusedError):
    """The body's type or encoding is not one that this path reads."""

    status = 415
    code = "UnsupportedMediaType"


class UnavailableError(RequestRefusedError):
    """Something that the request needs is unavailable: the sender must send it again."""

    status = 503
    code = "ServiceUnavailable"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "2"}
