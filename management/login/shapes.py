"""The shapes of login: requests without a token, and answers; see `management.http.shapes`."""

from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from portcall.management.http.shapes import Shape, Timestamp
from portcall.store.access.principals import Role


class OAuthShape(Struct, frozen=True, forbid_unknown_fields=True):
    """What shapes share whose names are OAuth's."""


class TokenRequest(OAuthShape, frozen=True):
    """What a client sends to log in.

    Attributes:
        client_id: As `portcall token create` told it.
        client_secret: As `portcall token create` told it.
        scope: What for, as Entra ID has it; absent: this API.
        resource: The same as AD FS has it.
    """

    grant_type: Literal["client_credentials"]
    client_id: str
    client_secret: str
    scope: str | UnsetType = UNSET
    resource: str | UnsetType = UNSET


class AccessToken(OAuthShape, frozen=True):
    """A token; whoever bears it is let in."""

    token_type: str
    expires_in: int
    ext_expires_in: int
    access_token: str


class IdentityToken(OAuthShape, frozen=True):
    """A token of the managed identity."""

    access_token: str
    expires_on: str
    resource: str
    token_type: str
    client_id: str


class OAuthError(OAuthShape, frozen=True):
    """Why nobody was logged in.

    Attributes:
        error: OAuth's word.
        error_description: What is wrong; begins with Entra ID's code for it.
        error_codes: The same as numbers.
    """

    error: str
    error_description: str
    error_codes: list[int]


class IdentityRefusal(Shape, frozen=True):
    """Why the managed identity gave no token."""

    status_code: int
    message: str


class Authority(OAuthShape, frozen=True):
    """How the authority describes itself: OpenID's discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    device_authorization_endpoint: str
    jwks_uri: str
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    response_types_supported: list[str]
    subject_types_supported: list[str]
    id_token_signing_alg_values_supported: list[str]


class PublicKey(OAuthShape, frozen=True):
    """A public key, as a JSON Web Key."""

    kty: str
    key_ops: list[str]
    n: str
    e: str
    kid: str
    use: str
    alg: str


class PublicKeys(OAuthShape, frozen=True):
    """The public keys that tokens are signed with."""

    keys: list[PublicKey]


class CloudLogin(Shape, frozen=True):
    """Where one logs in."""

    login_endpoint: str
    audiences: list[str]
    tenant: str
    identity_provider: str


class CloudSuffixes(Shape, frozen=True):
    """What names end with."""

    acr_login_server: str


class Cloud(Shape, frozen=True):
    """What `az cloud register` reads."""

    name: str
    resource_manager: str
    portal: str
    gallery: str
    graph_audience: str
    authentication: CloudLogin
    suffixes: CloudSuffixes


class Token(Shape, frozen=True):
    """A client with its role; its secret was told when it was made.

    Attributes:
        client_id: A GUID.
        registry: Of a publisher; null for all others.
        status: live, expired or revoked.
    """

    client_id: str
    name: str
    role: Role
    registry: str | None
    status: str
    created_at: Timestamp
    expires_at: Timestamp | None
    last_used_at: Timestamp | None
    revoked_at: Timestamp | None


class NewToken(Token, frozen=True):
    """A client that was just made, with its secret, which is told this once."""

    client_secret: str


class TokenList(Shape, frozen=True):
    """All clients, the newest first."""

    value: list[Token]


class ConsoleLink(Shape, frozen=True):
    """A link that signs in to the console once, as an administrator.

    Attributes:
        console_url: The console's address.
        url: The same with a code in the fragment that can be used once.
        expires_at: Until when.
    """

    console_url: str
    url: str
    expires_at: Timestamp
