"""Authorization: the administrator and the publishers of a registry may publish to it.

A publisher of another registry gets the answer for a missing registry: only the administrator may
know which registries exist.
"""

import hmac
from collections.abc import Callable
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
    """Decides whether a token gives access to a registry."""

    async def check(self, token: str, registry: str) -> None:
        """Let the holder of *token* publish events of *registry*, in any case.

        Raises:
            UnauthorizedError: The token is not valid.
            ForbiddenError: Its holder may not publish at all.
            UnknownRegistryError: Its holder may publish to another registry only.
            UnavailableError: The store does not answer.
        """
        ...

    def standing(self, token: str, registry: str) -> "Standing":
        """Tells later whether `check` would let them in, without waiting for it."""
        ...


Standing = Callable[[], bool]
"""Whether a token gives access to a registry; False also if this must be asked."""


class Holders(Protocol):
    """The needed part of `store.bearers.Bearers`."""

    async def holder(self, token: str) -> PrincipalRow | None:
        """The token's holder."""
        ...

    def known(self, token: str) -> Callable[[], PrincipalRow | None]:
        """Tells later its holder, if the answer is fresh."""
        ...


class TokenAccess:
    """Gives the administrator access to every registry, and a publisher to its own.

    Args:
        administrator: The token from the settings; it needs no store.
        holders: Knows all others.
    """

    def __init__(self, administrator: str, holders: Holders) -> None:
        self._administrator = _bytes(administrator)
        self._holders = holders

    async def check(self, token: str, registry: str) -> None:
        """As in `Access.check`."""
        if hmac.compare_digest(_bytes(token), self._administrator):
            return
        try:
            holder = await self._holders.holder(token)
        except StoreUnavailableError as error:
            raise UnavailableError("the store does not answer; send it again") from error
        _judge(holder, registry)

    def standing(self, token: str, registry: str) -> Standing:
        """As in `Access.standing`."""
        if hmac.compare_digest(_bytes(token), self._administrator):
            return lambda: True
        known = self._holders.known(token)

        def stands() -> bool:
            try:
                _judge(known(), registry)
            except (UnauthorizedError, ForbiddenError, UnknownRegistryError):
                return False
            return True

        return stands


def _judge(holder: PrincipalRow | None, registry: str) -> None:
    """Let the holder of a token publish events of *registry*; errors as in `Access.check`."""
    if holder is None:
        raise UnauthorizedError("the token is not one that may publish events of this registry")
    match holder.role:
        case Role.ADMINISTRATOR:
            return
        case Role.READER:
            raise ForbiddenError(f"the token is of {holder.name!r}, a reader: it may not publish")
        case Role.PUBLISHER if holder.registry != registry.lower():
            # No lookup: the answer must not depend on whether the registry exists.
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
    """A header's bytes: the HTTP library decodes invalid UTF-8 to surrogates."""
    return token.encode("utf-8", "surrogateescape")
