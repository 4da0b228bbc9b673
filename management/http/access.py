"""Authentication: a bearer token gives a principal, or a 401 without further information."""

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
    """An authenticated client.

    Attributes:
        name: Its name in the log.
        role: What it may do.
        client_id: A GUID; empty for the administrator's own token.
        registry: A publisher's registry, in lower case.
    """

    name: str
    role: Role
    client_id: str = ""
    registry: str = ""

    @property
    def administrator(self) -> bool:
        """Whether it may do everything, including exports."""
        return self.role is Role.ADMINISTRATOR


class Authenticator(Protocol):
    """Checks tokens."""

    async def principal_of(self, token: str) -> Principal | None:
        """The holder of a token; None: it is not valid."""


class AdministratorToken:
    """The administrator's token, which every installation has.

    Args:
        token: The token from the settings.
    """

    def __init__(self, token: str) -> None:
        self._digest = _digest(token)

    async def principal_of(self, token: str) -> Principal | None:
        """The administrator, or None; takes the same time for every wrong token."""
        if hmac.compare_digest(_digest(token), self._digest):
            return Principal("administrator", Role.ADMINISTRATOR)
        return None


class Tokens:
    """All tokens: the administrator's, and those of principals.

    Args:
        administrator: Checks the token from the settings.
        bearers: Checks all others.
    """

    def __init__(self, administrator: AdministratorToken, bearers: Bearers) -> None:
        self._administrator = administrator
        self._bearers = bearers

    async def principal_of(self, token: str) -> Principal | None:
        """The holder of a token; None: it is not valid.

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
    # Digests of equal length: the time of the comparison reveals nothing about the token.
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


async def authenticate(authorization: str | None, authenticator: Authenticator) -> Principal:
    """Authenticate a client.

    Args:
        authorization: The header; None: there was none.
        authenticator: Checks tokens.

    Raises:
        ArmError: 401: no token, or an invalid one.
        StoreUnavailableError: It depends on the store, which does not answer.
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
