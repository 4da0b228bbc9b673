"""Links that sign in once: printed by `portcall up` and `portcall console`, opened in a browser.

A link carries a code in its fragment, which browsers do not send. The code is sealed with the
installation's key: every management process can read it, other installations cannot. The code
itself gives no access: it is exchanged, once, for a token that ends with the session.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from portcall.management.console.session.sealing import Seal
from portcall.management.console.session.sessions import LONGEST_S
from portcall.management.http.access import Principal
from portcall.schemas.errors import PortcallError
from portcall.store.access.principals import (
    SESSION_PREFIX,
    PrincipalRow,
    Role,
    digest_of,
    is_session_name,
    new_secret,
)
from portcall.store.engine import Store
from portcall.store.errors import NameTakenError, TooManyPrincipalsError

PREFIX = "portcall_link_"
LIFE_S = 600
"""Long enough to get to a browser, short enough for a terminal's history."""


class LinkError(PortcallError):
    """A link does not sign in; the message says why, for the user to read."""


class _Link(msgspec.Struct, frozen=True, array_like=True, tag="link"):
    nonce: str
    until_s: int
    client_id: str


@dataclass(frozen=True, slots=True)
class NewCode:
    """A new code.

    Attributes:
        text: The code itself.
        until_s: When it expires, seconds since the epoch.
    """

    text: str
    until_s: int

    def __repr__(self) -> str:
        """Without the secret."""
        return f"NewCode(until_s={self.until_s})"


@dataclass(frozen=True, slots=True)
class CodeExchange:
    """The result of exchanging a code.

    Attributes:
        token: The session's token.
        principal: Its principal.
    """

    token: str
    principal: Principal

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Entry({self.principal!r})"


class Links:
    """Makes codes, and exchanges each of them once.

    Args:
        seal: Seals them.
        store: Keeps the tokens that they are exchanged for.
        clock: Seconds since the epoch.
    """

    def __init__(self, seal: Seal, store: Store, clock: Callable[[], float] = time.time) -> None:
        self._seal = seal
        self._store = store
        self._clock = clock

    def make(self, issuer: Principal) -> NewCode:
        """A code for an administrator's session.

        Args:
            issuer: The administrator who asks. The code works only while the issuer's token does.
        """
        until_s = int(self._clock()) + LIFE_S
        link = _Link(secrets.token_hex(8), until_s, issuer.client_id)
        return NewCode(PREFIX + self._seal.sealed(link), until_s)

    async def exchange(self, code: str) -> CodeExchange:
        """Exchange a code for a token; this works once.

        Raises:
            LinkError: The code is invalid, expired, or was used.
            StoreUnavailableError: The database does not answer.
        """
        link = self._seal.opened(code.removeprefix(PREFIX), _Link)
        if link is None or not code.startswith(PREFIX):
            raise LinkError("This link is not of this installation, or not all of it was copied.")
        if self._clock() >= link.until_s:
            raise LinkError(f"This link worked for {LIFE_S // 60} minutes, which are over.")
        return await asyncio.to_thread(self._exchanged, link)

    def _exchanged(self, link: _Link) -> CodeExchange:
        """The token has the link's name: of two concurrent exchanges one finds the name taken."""
        principals = self._store.principals
        name = SESSION_PREFIX + link.nonce
        issuer = principals.get(link.client_id) if link.client_id else None
        if link.client_id and not self._is_live(issuer):
            raise LinkError("The token that this link was made with has expired or was revoked.")
        if any(each.name == name for each in principals.list()):
            raise LinkError("This link was used already: each signs in once.")
        secret = new_secret()
        try:
            made = principals.create(
                name,
                role=Role.ADMINISTRATOR,
                digest=digest_of(secret),
                expires_ms=self._end_of(issuer),
            )
        except NameTakenError:
            raise LinkError("This link was used already: each signs in once.") from None
        except TooManyPrincipalsError as error:
            raise LinkError(
                f"There are {error.limit} tokens already, and the session needs one: revoke some."
            ) from error
        return CodeExchange(secret, Principal(made.name, made.role, made.client_id))

    async def end(self, principal: Principal) -> None:
        """Revoke the token of a session that a link started; other tokens stay.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        if principal.client_id and is_session_name(principal.name):
            await asyncio.to_thread(self._store.principals.revoke, principal.client_id)

    def _is_live(self, issuer: PrincipalRow | None) -> bool:
        return issuer is not None and issuer.is_live(int(self._clock() * 1000))

    def _end_of(self, issuer: PrincipalRow | None) -> int:
        """When a session that begins now ends, milliseconds since the epoch: its issuer's end."""
        end_ms = int((self._clock() + LONGEST_S) * 1000)
        if issuer is None or issuer.expires_ms is None:
            return end_ms
        return min(end_ms, issuer.expires_ms)


def code_maker(store: Store) -> Callable[[Principal], NewCode]:
    """A function that makes codes with the installation's key; it blocks while it reads that."""

    def make(issuer: Principal) -> NewCode:
        return Links(Seal([store.signing_keys.signing()]), store).make(issuer)

    return make
