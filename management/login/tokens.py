"""Tokens over HTTP, for `portcall token`: principals are made, listed and revoked.

A path of Portcall's own: ARM knows nothing like it, and no client of Azure's asks for it.
"""

import asyncio
import re
from typing import Annotated

from aiohttp import web
from pydantic import AfterValidator, PlainValidator
from pydantic_core import PydanticCustomError

from portcall.management.http import field_schemas as said
from portcall.management.http.bodies import Body
from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import ArmError, Fault, invalid_content, registry_not_found
from portcall.management.http.fields import Limit, Name
from portcall.management.http.lookups import Lookups
from portcall.management.http.routes import Routes
from portcall.management.login.oauth import is_guid
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
        name: What it is for; unlike that of any other that is not revoked.
        role: What it may do.
        registry: The registry of a publisher, and of nobody else.
        expires_after: When it stops working, milliseconds from now; 0 or None: never.
    """

    name: Annotated[str, AfterValidator(_label), said.LABEL]
    role: Annotated[Role, PlainValidator(_role), said.ROLE]
    registry: Name | None = None
    expires_after: Annotated[Limit, AfterValidator(_life)] = None


class TokenHandlers:
    """The routes of tokens; for administrators alone.

    Args:
        store: Where principals are kept.
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
        """POST a token: 201 with its secret, which is told this once."""
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
        return answer(document(made, now_ms()) | {"clientSecret": secret}, 201)

    async def list(self, call: Call) -> web.Response:  # noqa: ARG002 (it has no parameters)
        """GET all of them, the newest first; there are never so many that they need pages."""
        found = await asyncio.to_thread(self._store.principals.list)
        at_ms = now_ms()
        return answer({"value": [document(each, at_ms) for each in found]})

    async def get(self, call: Call) -> web.Response:
        """GET one, by its client id."""
        client = call.names["client"]
        found = None
        if is_guid(client):
            found = await asyncio.to_thread(self._store.principals.get, client)
        return answer(document(_found(found, client), now_ms()))

    async def revoke(self, call: Call) -> web.Response:
        """POST revoke: it is let in no more, within two seconds everywhere."""
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
                fault = Fault("registry", "is for the role publisher alone; leave it out")
                raise invalid_content([fault])
            return
        if body.registry is None:
            raise invalid_content([Fault("registry", "is required for the role publisher")])
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


def document(principal: PrincipalRow, at_ms: int) -> dict[str, object]:
    """A principal as JSON; its secret is not known here."""
    if principal.revoked_ms is not None:
        status = "revoked"
    else:
        status = "live" if principal.is_live(at_ms) else "expired"
    return {
        "clientId": principal.client_id,
        "name": principal.name,
        "role": principal.role.value,
        "registry": principal.registry or None,
        "status": status,
        "createdAt": acr_timestamp(principal.created_ms),
        "expiresAt": _when(principal.expires_ms),
        "lastUsedAt": _when(principal.used_ms),
        "revokedAt": _when(principal.revoked_ms),
    }


def _when(at_ms: int | None) -> str | None:
    return None if at_ms is None else acr_timestamp(at_ms)


def _found(principal: PrincipalRow | None, client: str) -> PrincipalRow:
    if principal is None:
        raise ArmError(
            404, "TokenNotFound", f"There is no token with the client id '{client[:64]}'."
        )
    return principal
