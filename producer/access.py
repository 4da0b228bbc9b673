"""Who may publish: the bearer token of a request, compared in constant time."""

import hmac
from typing import Protocol

from producer.errors import UnauthorizedError


class Access(Protocol):
    """Decides whether a token opens a registry."""

    async def admits(self, token: str, registry: str) -> bool:
        """Whether the holder of *token* may publish events of *registry* (in lower case)."""
        ...


class AdministratorAccess:
    """Admits the administrator, to every registry."""

    def __init__(self, token: str) -> None:
        self._token = _bytes(token)

    async def admits(self, token: str, registry: str) -> bool:  # noqa: ARG002 (the protocol's)
        """Whether *token* is the administrator's."""
        return hmac.compare_digest(_bytes(token), self._token)


def bearer_token(authorization: str | None) -> str:
    """The token in an ``Authorization`` header.

    Raises:
        UnauthorizedError: There is no such header, or it is of another scheme.
    """
    scheme, _, token = (authorization or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise UnauthorizedError("a token is required: send the header Authorization: Bearer TOKEN")
    return token


def _bytes(token: str) -> bytes:
    """A header's bytes: the HTTP library gives those that are not UTF-8 as surrogates."""
    return token.encode("utf-8", "surrogateescape")
