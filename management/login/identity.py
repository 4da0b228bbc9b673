"""The managed identity: tokens for clients with the right header, if a setting enables it.

Source: App Service's ``IDENTITY_ENDPOINT`` and ``IDENTITY_HEADER``, api-version 2019-08-01, as
MSAL and azure-identity use them.
"""

import asyncio
import hmac
import uuid

from aiohttp import web

from portcall.management.http.calls import Call, answer
from portcall.management.http.routes import Routes
from portcall.management.login.authority import ADFS
from portcall.management.login.oauth import audience_of
from portcall.management.login.routes import NO_STORE, LoginHandlers
from portcall.management.login.shapes import IdentityRefusal, IdentityToken
from portcall.store.access.principals import PrincipalRow, Role, digest_of, new_secret
from portcall.store.database.installation import Installation
from portcall.store.engine import Store
from portcall.store.errors import NameTakenError

PATH = "/msi/token"
API_VERSION = "2019-08-01"
NAME = "managed-identity"
MAX_RESOURCE = 1024


class IdentityHandler:
    """The route of the managed identity.

    Args:
        header: The header's secret value.
        identity: The identity whose tokens they get.
        store: Knows whether it was revoked.
        login: Makes the tokens.
    """

    def __init__(self, *, header: str, identity: str, store: Store, login: LoginHandlers) -> None:
        self._header = digest_of(header)
        self._identity = identity
        self._store = store
        self._login = login

    def add_to(self, routes: Routes) -> None:
        """Add the route."""
        routes.add("GET", PATH, self.token)

    async def token(self, call: Call) -> web.Response:
        """GET a token for a resource."""
        given = call.request.headers.get("X-IDENTITY-HEADER", "")
        if not hmac.compare_digest(digest_of(given), self._header):
            return _refused(401, "X-IDENTITY-HEADER is missing or wrong.")
        if call.parameter("api-version") != API_VERSION:
            return _refused(400, f"api-version: must be {API_VERSION}.")
        if any(call.parameter(name) for name in ("object_id", "mi_res_id", "principal_id")):
            return _refused(400, "Only the system-assigned identity, or its client_id, is known.")
        if (call.parameter("client_id") or self._identity).lower() != self._identity:
            return _refused(400, "client_id: is not that of the identity.")
        origin = call.named_origin
        resource = call.parameter("resource") or ""
        audience = audience_of(resource, origin) if len(resource) <= MAX_RESOURCE else None
        if audience is None:
            return _refused(400, f"resource: '{resource[:128]}' is not known here.")
        return await self._issued(f"{origin}{ADFS}", audience, resource)

    async def _issued(self, issuer: str, audience: str, resource: str) -> web.Response:
        principal = await asyncio.to_thread(self._store.principals.get, self._identity)
        if principal is None or principal.revoked_ms is not None:
            return _refused(400, "The identity was revoked.")
        token = await asyncio.to_thread(self._login.issued, principal, issuer, audience)
        response = answer(
            IdentityToken(
                access_token=token.text,
                expires_on=str(token.expires_s),
                resource=resource,
                token_type="Bearer",  # noqa: S106 (a kind of token)
                client_id=self._identity,
            )
        )
        response.headers.update(NO_STORE)
        return response


def ensure_identity(store: Store, installation: Installation) -> str:
    """The client id of the identity, whose principal is made at first use; blocks.

    It is an administrator with a random secret that is not stored. A revoked one stays revoked.

    Raises:
        StoreUnavailableError: The database does not answer.
    """
    client_id = str(uuid.uuid5(uuid.UUID(installation.tenant), NAME))
    if store.principals.get(client_id) is None:
        _create(store, client_id)
    return client_id


def _create(store: Store, client_id: str) -> PrincipalRow | None:
    try:
        return store.principals.create(
            NAME, role=Role.ADMINISTRATOR, digest=digest_of(new_secret()), client_id=client_id
        )
    except NameTakenError:  # by another process, just now
        return store.principals.get(client_id)


def _refused(status: int, message: str) -> web.Response:
    response = answer(IdentityRefusal(status, message), status)
    response.headers.update(NO_STORE)
    return response
