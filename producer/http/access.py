"""Who may publish: the administrator, and the publishers of the registry.

To a publisher of another registry this one is not there: what tenants there are is nobody's
business but the administrator's.
"""

import hmac
from typing import Protocol

from portcall.producer.http.errors import (
    ForbiddenError,
    UnauthorizedError,
    UnavailableError,
    UnknownRegistryError,
)
from portcall.store.access.principals import PrincipalRow, Role
from portcall.store.errors import StoreUnavailableError


class Access(Protocol):
    """Decides whether a token opens a registry."""

    async def check(self, token: str, registry: str) -> None:
        """Let the holder of *token* publish events of *registry*, in whatever case.

        Raises:
            UnauthorizedError: Nobody holds the token.
            ForbiddenError: Its holder may not publish at all.
            UnknownRegistryError: Its holder may publish to another registry only.
            UnavailableError: That cannot be found out now.
        """
        ...


class Holders(Protocol):
    """What is needed of `store.bearers.Bearers`."""

    async def holder(self, token: str) -> PrincipalRow | None:
        """Whose token it is."""
        ...


class TokenAccess:
    """Admits the administrator to every registry, and a publisher to its own.

    Args:
        administrator: The token that the settings have; it needs no store.
        holders: Knows all others.
    """

    def __init__(self, administrator: str, holders: Holders) -> None:
        self._administrator = _bytes(administrator)
        self._holders = holders

    async def check(self, token: str, registry: str) -> None:
        """As `Access.check`."""
        if hmac.compare_digest(_bytes(token), self._administrator):
            return
        try:
            holder = await self._holders.holder(token)
        except StoreUnavailableError as error:
            raise UnavailableError("the store does not answer; send it again") from error
        if holder is None:
            raise UnauthorizedError("the token is not one that may publish events of this registry")
        match holder.role:
            case Role.ADMINISTRATOR:
                return
            case Role.READER:
                raise ForbiddenError(
                    f"the token is of {holder.name!r}, a reader: it may not publish"
                )
            case Role.PUBLISHER if holder.registry != registry.lower():
                # Nothing is looked up: whether there is that registry makes no difference at all.
                raise UnknownRegistryError(registry)


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
