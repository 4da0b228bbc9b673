"""Why a request is refused: every such error of the producer on one screen.

A value that breaks a rule is an `InvalidValueError` of `schemas`, answered with 400. The broker's
and the store's own errors are answered with 503. Everything else that can be wrong stands here.
"""

from typing import ClassVar

from portcall.schemas.errors import PortcallError


class RequestRefusedError(PortcallError):
    """A request that is answered with an error of its own; its text is the message.

    Attributes:
        status: The HTTP status.
        code: The word for machines in ``{"error": {"code", "message"}}``.
        headers: What the answer says besides.
        closes: Whether the connection ends with the answer, because the body was not read.
    """

    status: ClassVar[int]
    code: ClassVar[str]
    headers: ClassVar[dict[str, str]] = {}
    closes: ClassVar[bool] = False


class UnauthorizedError(RequestRefusedError):
    """There is no token, or nobody has it."""

    status = 401
    code = "Unauthorized"
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": 'Bearer realm="portcall"'}


class ForbiddenError(RequestRefusedError):
    """The token is somebody's who may not publish at all."""

    status = 403
    code = "Forbidden"


class UnknownRegistryError(RequestRefusedError):
    """There is no such registry, or none any more, or none that the token's holder may know of.

    Args:
        name: As it was sent.
    """

    status = 404
    code = "RegistryNotFound"

    def __init__(self, name: str) -> None:
        super().__init__(f"the registry {name[:64]!r} does not exist")


class SlowBodyError(RequestRefusedError):
    """The body did not arrive in time."""

    status = 408
    code = "RequestTimeout"
    closes = True


class BodyTooLargeError(RequestRefusedError):
    """The body is larger than any good one."""

    status = 413
    code = "BodyTooLarge"
    closes = True


class UnsupportedTypeError(RequestRefusedError):
    """The body's type or encoding is not one that this path reads."""

    status = 415
    code = "UnsupportedMediaType"


class UnavailableError(RequestRefusedError):
    """What the request needs is away for now: the sender must send it again."""

    status = 503
    code = "ServiceUnavailable"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "2"}
