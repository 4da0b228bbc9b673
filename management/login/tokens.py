"""Tokens over HTTP, for `portcall token`: principals are made, listed and revoked.

The path is Portcall's own: ARM has nothing similar, and no Azure client uses it.
"""

import asyncio
import re
from typing import Annotated

from aiohttp import web
from msgspec.structs import asdict
from pydantic import AfterValidator, PlainValidator
from pydantic_core import PydanticCustomError

from portcall.management.http import field_schemas as said
from portcall.management.http.bodies import Body
from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import (
    ArmError,
    FieldFault,
    invalid_content,
    registry_not_found,
)
from portcall.management.http.fields import Limit, Name
from portcall.management.http.lookups import Lookups
from portcall.management.http.routes import Routes
from portcall.management.login.oauth import is_guid
from portcall.management.login.shapes import NewToken, Token, TokenList
from portcall.runtime.clock import now_ms
from portcall.runtime.logs import get_logger
from portcall.schemas.timestamps import acr_timestamp
from portcall.store.access.principals import (
    PrincipalRow,
    Role,
    digest_of,
    is_session_name,
    new_secret,
)
from portcall.store.engine import Store
from portcall.store.errors import NameTakenError, TooManyPrincipalsError

PATH = "/portcall/tokens"
MAX_LIFE_MS = 3650 * 86_400_000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def _label(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise PydanticCustomError(
            "rule",
            "must be 1 to 64 letters, digits, dots, dashes and underscores, the first a letter or"
            " a digit",
        )
    if is_session_name(text):
        raise PydanticCustomError(
            "rule", "must be another one: names of this form are those of the console's sessions"
        )
    return text


def _role(value: object) -> Role:
    try:
        return Role(str(value).lower())
    except ValueError:
        allowed = ", ".join(Role)
        raise PydanticCustomError(
            "rule", "must be one of {allowed}", {"allowed": allowed}
        ) from None


def _life(life_ms: int | None) -> int | None:
    if life_ms is not None and life_ms > MAX_LIFE_MS:
        raise PydanticCustomError("rule", "must be at most 3650d, or none")
    return life_ms


class TokenCreate(Body):
    """The body of POST tokens.

    Attributes:
        name: Its purpose; different from all names that are not revoked.
        role: What it may do.
        registry: The registry of a publisher; only for that role.
        expires_after: Its lifetime, milliseconds from now; 0 or None: it does not expire.
    """

    name: Annotated[str, AfterValidator(_label), said.LABEL]
    role: Annotated[Role, PlainValidator(_role), said.ROLE]
    registry: Name | None = None
    expires_after: Annotated[Limit, AfterValidator(_life)] = None


class TokenHandlers:
    """The routes of tokens; for administrators only.

    Args:
        store: The store of principals.
        lookups: Knows the resource group.
    """

    def __init__(self, *, store: Store, lookups: Lookups) -> None:
        self._store = store
        self._lookups = lookups
        self._log = get_logger()

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("POST", PATH, self.create)
        routes.add("GET", PATH, self.list, need=Role.ADMINISTRATOR)
        routes.add("GET", f"{PATH}/{{client}}", self.get, need=Role.ADMINISTRATOR)
        routes.add("POST", f"{PATH}/{{client}}/revoke", self.revoke)

    async def create(self, call: Call) -> web.Response:
        """POST a token: 201 with its secret, which is shown only this once."""
        body = await call.body(TokenCreate)
        await self._check_registry(body)
        secret = new_secret()
        try:
            made = await asyncio.to_thread(
                self._store.principals.create,
                body.name,
                role=body.role,
                digest=digest_of(secret),
                registry=body.registry or "",
                expires_ms=now_ms() + body.expires_after if body.expires_after else None,
            )
        except NameTakenError as error:
            raise ArmError(
                409,
                "TokenExists",
                f"name: there is a token '{body.name}' already; revoke it, or choose another name",
                target="name",
            ) from error
        except TooManyPrincipalsError as error:
            raise ArmError(
                403, "QuotaExceeded", f"There are {error.limit} tokens already; revoke some."
            ) from error
        self._say("principal.created", made, call)
        return answer(_with_secret(document(made, now_ms()), secret), 201)

    async def list(self, call: Call) -> web.Response:  # noqa: ARG002 (it has no parameters)
        """GET all tokens, the newest first; there are too few for pages."""
        found = await asyncio.to_thread(self._store.principals.list)
        at_ms = now_ms()
        return answer(TokenList([document(each, at_ms) for each in found]))

    async def get(self, call: Call) -> web.Response:
        """GET one, by its client id."""
        client = call.names["client"]
        found = None
        if is_guid(client):
            found = await asyncio.to_thread(self._store.principals.get, client)
        return answer(document(_found(found, client), now_ms()))

    async def revoke(self, call: Call) -> web.Response:
        """POST revoke: it is refused within two seconds, by every process."""
        client = call.names["client"]
        found = None
        if is_guid(client):
            found = await asyncio.to_thread(self._store.principals.revoke, client)
        revoked = _found(found, client)
        self._say("principal.revoked", revoked, call)
        return answer(document(revoked, now_ms()))

    async def _check_registry(self, body: TokenCreate) -> None:
        if body.role is not Role.PUBLISHER:
            if body.registry is not None:
                fault = FieldFault("registry", "is for the role publisher only; leave it out")
                raise invalid_content([fault])
            return
        if body.registry is None:
            raise invalid_content([FieldFault("registry", "is required for the role publisher")])
        if await asyncio.to_thread(self._store.registries.get, body.registry) is None:
            raise registry_not_found(body.registry, self._lookups.installation.resource_group)

    def _say(self, event: str, principal: PrincipalRow, call: Call) -> None:
        self._log.info(
            event,
            client_id=principal.client_id,
            name=principal.name,
            role=principal.role.value,
            by=call.principal.name,
        )


def document(principal: PrincipalRow, at_ms: int) -> Token:
    """A principal as an answer; its secret is not known here."""
    if principal.revoked_ms is not None:
        status = "revoked"
    else:
        status = "live" if principal.is_live(at_ms) else "expired"
    return Token(
        client_id=principal.client_id,
        name=principal.name,
        role=principal.role,
        registry=principal.registry or None,
        status=status,
        created_at=acr_timestamp(principal.created_ms),
        expires_at=_when(principal.expires_ms),
        last_used_at=_when(principal.used_ms),
        revoked_at=_when(principal.revoked_ms),
    )


def _with_secret(token: Token, secret: str) -> NewToken:
    return NewToken(**asdict(token), client_secret=secret)


def _when(at_ms: int | None) -> str | None:
    return None if at_ms is None else acr_timestamp(at_ms)


def _found(principal: PrincipalRow | None, client: str) -> PrincipalRow:
    if principal is None:
        raise ArmError(
            404, "TokenNotFound", f"There is no token with the client id '{client[:64]}'."
        )
    return principal
