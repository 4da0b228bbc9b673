"""Login: the metadata for `az cloud register`, the authority, and its tokens.

These routes need no token; they reveal the addresses, the tenant to clients that know it, and the
public keys. One authority has two forms: ``/adfs``, because MSAL does not verify that name
elsewhere, and ``/{tenant}`` for azure-identity.
"""

import asyncio
import hmac
import time
from dataclasses import dataclass

from aiohttp import web
from jwt.algorithms import RSAAlgorithm

from portcall.management.http.calls import Call, answer, read_body
from portcall.management.http.errors import ArmError
from portcall.management.http.routes import Routes
from portcall.management.login import shapes
from portcall.management.login.authority import (
    ADFS,
    adfs_configuration,
    cloud,
    directory_configuration,
)
from portcall.management.login.oauth import (
    MAX_BODY_BYTES,
    OAuthError,
    TokenRequest,
    invalid_client,
    invalid_request,
    is_guid,
    read_request,
)
from portcall.runtime.clock import now_ms
from portcall.runtime.logs import get_logger
from portcall.store.access import access_tokens as accesstokens
from portcall.store.access.principals import PrincipalRow, digest_of, is_secret
from portcall.store.access.signing_keys import PublicKey, SigningKey
from portcall.store.database.installation import Installation
from portcall.store.engine import Store
from portcall.store.errors import StoreUnavailableError

KEYS_FRESH_S = 10.0
MAX_STRANGERS = 4
"""How many logins are checked at a time."""
_NOBODY = digest_of("")
NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class _Keys:
    """The cached keys.

    Attributes:
        signing: Signs.
        public: Verifies.
        until_s: When to read them again, by the monotonic clock.
    """

    signing: SigningKey
    public: tuple[PublicKey, ...]
    until_s: float


class LoginHandlers:
    """The routes that need no token.

    Args:
        store: Knows the principals and the keys.
        installation: Its tenant.
    """

    def __init__(self, *, store: Store, installation: Installation) -> None:
        self._store = store
        self._tenant = installation.tenant
        self._strangers = asyncio.Semaphore(MAX_STRANGERS)
        self._keys: _Keys | None = None
        self._log = get_logger()

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", "/metadata/endpoints", self.endpoints)
        routes.add("GET", f"{ADFS}/.well-known/openid-configuration", self.adfs)
        routes.add("GET", f"{ADFS}/discovery/keys", self.keys)
        for version in ("", "/v2.0"):  # azure-identity's aio client uses the second
            routes.add("POST", f"{ADFS}/oauth2{version}/token", self.adfs_token)
        tenant = "/{tenant}"
        for version in ("", "/v2.0"):
            path = f"{tenant}{version}/.well-known/openid-configuration"
            routes.add("GET", path, self.directory)
            routes.add("GET", f"{tenant}/discovery{version}/keys", self.directory_keys)
            routes.add("POST", f"{tenant}/oauth2{version}/token", self.directory_token)

    async def endpoints(self, call: Call) -> web.Response:
        """GET the cloud's endpoints."""
        return answer(cloud(call.named_origin))

    async def adfs(self, call: Call) -> web.Response:
        """GET the authority's configuration, as AD FS has it."""
        return answer(adfs_configuration(call.named_origin))

    async def directory(self, call: Call) -> web.Response:
        """GET the authority's configuration, as Entra ID has it."""
        try:
            self._check_tenant(call)
        except OAuthError as error:
            return _refused(error)
        return answer(directory_configuration(call.named_origin, self._tenant))

    async def keys(self, call: Call) -> web.Response:  # noqa: ARG002 (they are the same for all)
        """GET the public keys of tokens."""
        found = (await asyncio.to_thread(self._known_keys)).public
        return answer(shapes.PublicKeys([_public_key(key) for key in found]))

    async def directory_keys(self, call: Call) -> web.Response:
        """The same, for a tenant."""
        try:
            self._check_tenant(call)
        except OAuthError as error:
            return _refused(error)
        return await self.keys(call)

    async def adfs_token(self, call: Call) -> web.Response:
        """POST for a token, at AD FS's address."""
        return await self._answered(call, f"{call.named_origin}{ADFS}")

    async def directory_token(self, call: Call) -> web.Response:
        """POST for a token, at Entra ID's addresses."""
        return await self._answered(call, f"{call.named_origin}/{self._tenant}/v2.0")

    async def _answered(self, call: Call, issuer: str) -> web.Response:
        try:
            if "tenant" in call.names:
                self._check_tenant(call)
            token = await self._token(call, issuer)
        except OAuthError as error:
            self._log.info("login.refused", error=error.error, number=error.number)
            return _refused(error)
        response = answer(
            shapes.AccessToken(
                token_type="Bearer",  # noqa: S106 (a kind of token)
                expires_in=token.lifetime_s,
                ext_expires_in=token.lifetime_s,
                access_token=token.text,
            )
        )
        response.headers.update(NO_STORE)
        return response

    async def _token(self, call: Call, issuer: str) -> accesstokens.AccessToken:
        try:
            content = await read_body(call.request, MAX_BODY_BYTES)
        except ArmError as error:
            raise OAuthError(error.status, "invalid_request", error.message, 900144) from error
        request = read_request(content, call.request.content_type, call.named_origin)
        try:
            async with self._strangers:
                principal = await asyncio.to_thread(self._admitted, request)
            return await asyncio.to_thread(self.issued, principal, issuer, request.audience)
        except StoreUnavailableError as error:
            raise OAuthError(
                503, "temporarily_unavailable", "The store cannot be reached now.", 90033
            ) from error

    def _admitted(self, request: TokenRequest) -> PrincipalRow:
        """The principal that logs in.

        Raises:
            OAuthError: There is none, or the secret is wrong.
        """
        principal = None
        if is_guid(request.client_id) and is_secret(request.client_secret):
            principal = self._store.principals.get(request.client_id)
        expected = principal.digest if principal else _NOBODY
        is_right = hmac.compare_digest(digest_of(request.client_secret), expected)
        if principal is None or not is_right or not principal.is_live(now_ms()):
            raise invalid_client()
        self._store.principals.used(principal.client_id)
        return principal

    def issued(
        self, principal: PrincipalRow, issuer: str, audience: str
    ) -> accesstokens.AccessToken:
        """A token for an authenticated principal; blocks.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        token = accesstokens.issue(
            principal,
            key=self._known_keys().signing,
            issuer=issuer,
            audience=audience,
            tenant=self._tenant,
            now_s=int(time.time()),
        )
        self._log.info("token.issued", client_id=principal.client_id, audience=audience)
        return token

    def _known_keys(self) -> "_Keys":
        """The keys, cached for some seconds; blocks when it reads the store.

        Raises:
            SealedError: The encryption key is missing.
            StoreUnavailableError: The database does not answer.
        """
        known = self._keys
        if known is None or time.monotonic() >= known.until_s:
            table = self._store.signing_keys
            until_s = time.monotonic() + KEYS_FRESH_S
            known = self._keys = _Keys(table.signing(), tuple(table.list()), until_s)
        return known

    def _check_tenant(self, call: Call) -> None:
        if call.names["tenant"].lower() != self._tenant:
            raise invalid_request(
                f"Tenant '{call.names['tenant'][:64]}' not found; ready.json names the one"
                " that there is.",
                90002,
            )


def _refused(error: OAuthError) -> web.Response:
    response = answer(error.document(), error.status)
    response.headers.update(NO_STORE)
    if error.status in (408, 413):
        response.force_close()  # do not wait for the rest of the body
    return response


def _public_key(key: PublicKey) -> shapes.PublicKey:
    # Field by field: a newer PyJWT may write more of them.
    made = RSAAlgorithm.to_jwk(key.public, as_dict=True)
    return shapes.PublicKey(
        kty=made["kty"],
        key_ops=made["key_ops"],
        n=made["n"],
        e=made["e"],
        kid=key.kid,
        use="sig",
        alg=accesstokens.ALGORITHM,
    )
