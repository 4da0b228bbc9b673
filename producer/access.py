"""Who may publish: the administrator, and the publishers of the registry."""

import hmac
from typing import Protocol

from producer.errors import ForbiddenError, UnauthorizedError, UnavailableError
from store.errors import StoreUnavailableError
from store.principals import PrincipalRow, Role


class Access(Protocol):
    """Decides whether a token opens a registry."""

    async def check(self, token: str, registry: str) -> None:
        """Let the holder of *token* publish events of *registry* (in lower case).

        Raises:
            UnauthorizedError: Nobody holds the token.
            ForbiddenError: Its holder may not publish there.
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
        if not may_publish(holder, registry):
            raise ForbiddenError(
                f"the token is of {holder.name!r}, {_told(holder)}: it may not publish events of"
                " this registry"
            )


def may_publish(principal: PrincipalRow, registry: str) -> bool:
    """Whether *principal* may publish events of *registry* (in lower case)."""
    match principal.role:
        case Role.ADMINISTRATOR:
            return True
        case Role.PUBLISHER:
            return principal.registry == registry
        case Role.READER:
            return False


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


def _told(principal: PrincipalRow) -> str:
    of = f" of the registry {principal.registry!r}" if principal.registry else ""
    return f"a {principal.role}{of}"


def _bytes(token: str) -> bytes:
    """A header's bytes: the HTTP library gives those that are not UTF-8 as surrogates."""
    return token.encode("utf-8", "surrogateescape")
