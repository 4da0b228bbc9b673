"""Who calls: a bearer token becomes a principal, or a 401 that tells nothing."""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Protocol

from management.errors import ArmError

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="portcall"'}


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who was let in.

    Attributes:
        name: As it stands in the log.
        administrator: May do everything, exports included.
    """

    name: str
    administrator: bool


class Authenticator(Protocol):
    """Knows tokens."""

    def principal_of(self, token: str) -> Principal | None:
        """Whose token it is; None: nobody's."""


class AdministratorToken:
    """The one token that every installation has.

    Args:
        token: The token, as the settings have it.
    """

    def __init__(self, token: str) -> None:
        self._digest = _digest(token)

    def principal_of(self, token: str) -> Principal | None:
        """The administrator, or None; takes the same time for every wrong token."""
        if hmac.compare_digest(_digest(token), self._digest):
            return Principal("administrator", administrator=True)
        return None


def _digest(token: str) -> bytes:
    # Of equal length whatever was sent: the time of the comparison tells nothing about it.
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def authenticate(authorization: str | None, authenticator: Authenticator) -> Principal:
    """Let a caller in.

    Args:
        authorization: The header; None: there was none.
        authenticator: Knows the tokens.

    Raises:
        ArmError: 401: no token, or one that nobody has.
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
        principal = authenticator.principal_of(token.strip())
    if principal is None:
        raise ArmError(
            401, "InvalidAuthenticationToken", "The access token is invalid.", headers=CHALLENGE
        )
    return principal
