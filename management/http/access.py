"""Who calls: a bearer token becomes a principal, or a 401 that tells nothing."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Protocol

from portcall.management.http.errors import ArmError
from portcall.store.access.principals import Role
from portcall.store.bearers import Bearers

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="portcall"'}


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who was let in.

    Attributes:
        name: As it stands in the log.
        role: What it may do.
        client_id: A GUID; empty for the administrator's own token.
        registry: A publisher's own, in lower case.
    """

    name: str
    role: Role
    client_id: str = ""
    registry: str = ""

    @property
    def administrator(self) -> bool:
        """Whether it may do everything, exports included."""
        return self.role is Role.ADMINISTRATOR


class Authenticator(Protocol):
    """Knows tokens."""

    async def principal_of(self, token: str) -> Principal | None:
        """Whose token it is; None: nobody's."""


class AdministratorToken:
    """The one token that every installation has.

    Args:
        token: The token, as the settings have it.
    """

    def __init__(self, token: str) -> None:
        self._digest = _digest(token)

    async def principal_of(self, token: str) -> Principal | None:
        """The administrator, or None; takes the same time for every wrong token."""
        if hmac.compare_digest(_digest(token), self._digest):
            return Principal("administrator", Role.ADMINISTRATOR)
        return None


class Tokens:
    """Every token: the administrator's, and those of principals.

    Args:
        administrator: Knows the one that the settings have.
        bearers: Knows all others.
    """

    def __init__(self, administrator: AdministratorToken, bearers: Bearers) -> None:
        self._administrator = administrator
        self._bearers = bearers

    async def principal_of(self, token: str) -> Principal | None:
        """Whose token it is; None: nobody's.

        Raises:
            StoreUnavailableError: It is not the administrator's, and the store does not answer.
        """
        found = await self._administrator.principal_of(token)
        if found is not None:
            return found
        holder = await self._bearers.holder(token)
        if holder is None:
            return None
        return Principal(holder.name, holder.role, holder.client_id, holder.registry)


def _digest(token: str) -> bytes:
    # Of equal length whatever was sent: the time of the comparison tells nothing about it.
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


async def authenticate(authorization: str | None, authenticator: Authenticator) -> Principal:
    """Let a caller in.

    Args:
        authorization: The header; None: there was none.
        authenticator: Knows the tokens.

    Raises:
        ArmError: 401: no token, or one that nobody has.
        StoreUnavailableError: The store knows, and does not answer.
    """
    if not authorization:
        raise ArmError(
            401,
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.",
            headers=CHALLENGE,
        )
    scheme, _, token = authorization.partition(" ")
    principal = None
    if scheme.lower() == "bearer" and token.strip():
        principal = await authenticator.principal_of(token.strip())
    if principal is None:
        raise ArmError(
            401, "InvalidAuthenticationToken", "The access token is invalid.", headers=CHALLENGE
        )
    return principal
