"""Bad requests for a token: OAuth's word for each, and the parameter that the description names."""

import json
from dataclasses import dataclass
from urllib.parse import quote

from portcall.management.login.oauth import MAX_BODY_BYTES, MAX_FIELDS
from tests.integration.surface.roles import TENANT

ADFS = "/adfs/oauth2/token"
V2 = f"/{TENANT}/oauth2/v2.0/token"
FORM = "application/x-www-form-urlencoded"
CLIENT = "11111111-2222-4333-8444-555555555555"
GOOD = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": "x" * 43}


@dataclass(frozen=True)
class BadLogin:
    """One bad request.

    Attributes:
        id: What is bad about it.
        error: OAuth's word.
        says: What the description must have in it.
    """

    id: str
    body: bytes
    status: int
    error: str
    says: str = ""
    path: str = V2
    content_type: str = FORM


def form(**changes: str | None) -> bytes:
    """A good request but for these parameters; those that are None are left out."""
    fields = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return "&".join(f"{name}={quote(value)}" for name, value in fields.items()).encode()


REQUEST, CLIENT_ERROR, SCOPE = "invalid_request", "invalid_client", "invalid_scope"
LOGINS = [
    BadLogin("nothing", b"", 400, REQUEST, "grant_type"),
    BadLogin("no type", form(), 400, REQUEST, "Content-Type", content_type=""),
    BadLogin("JSON", json.dumps(GOOD).encode(), 400, REQUEST, "Content-Type", content_type="application/json"),
    BadLogin("JSON that is called a form", json.dumps(GOOD).encode(), 400, REQUEST, "grant_type"),
    BadLogin("no UTF-8", b"grant_type=\xff", 400, REQUEST, "UTF-8"),
    BadLogin("no UTF-8 in percents", b"grant_type=%ff", 400, REQUEST, "UTF-8"),
    BadLogin("too many fields", b"&".join(b"a%d=1" % i for i in range(MAX_FIELDS + 1)), 400, REQUEST, "at most"),
    BadLogin("a field twice", form() + b"&client_id=" + CLIENT.encode(), 400, REQUEST, "'client_id' is there twice"),
    BadLogin("too large", form(resource="x" * MAX_BODY_BYTES), 413, REQUEST),
    BadLogin("no grant", form(grant_type=None), 400, REQUEST, "'grant_type'"),
    BadLogin("an empty grant", form(grant_type=""), 400, REQUEST, "'grant_type'"),
    BadLogin("a password", form(grant_type="password"), 400, "unsupported_grant_type", "'password'"),
    BadLogin("a code", form(grant_type="authorization_code"), 400, "unsupported_grant_type", "'authorization_code'"),
    BadLogin("a grant that is too long", form(grant_type="x" * 65), 400, REQUEST, "'grant_type' is too long"),
    BadLogin("no client", form(client_id=None), 400, REQUEST, "'client_id'"),
    BadLogin("a client that is too long", form(client_id="x" * 65), 400, REQUEST, "'client_id' is too long"),
    BadLogin("no secret", form(client_secret=None), 400, REQUEST, "'client_secret'"),
    BadLogin("a secret that is too long", form(client_secret="x" * 257), 400, REQUEST, "'client_secret' is too long"),
    BadLogin("a certificate", form(client_secret=None, client_assertion="x"), 401, CLIENT_ERROR, "'client_secret'"),
    BadLogin("a client that is not there", form(), 401, CLIENT_ERROR, "client id"),
    BadLogin("a client that is no GUID", form(client_id="admin"), 401, CLIENT_ERROR, "client id"),
    BadLogin("a client with NUL", form(client_id="a\0"), 401, CLIENT_ERROR, "client id"),
    BadLogin("an injected client", form(client_id="' OR 1=1 --"), 401, CLIENT_ERROR, "client id"),
    BadLogin("a scope of others", form(scope="https://graph.microsoft.com/.default"), 400, SCOPE, "scope"),
    BadLogin("a scope that is one permission", form(scope="user.read"), 400, SCOPE, "scope"),
    BadLogin("a scope that is too long", form(scope="x" * 1025), 400, REQUEST, "'scope' is too long"),
    BadLogin("a resource of others", form(resource="https://vault.azure.net"), 400, SCOPE, "resource"),
    BadLogin("another tenant", form(), 400, REQUEST, "Tenant", f"/{CLIENT}/oauth2/v2.0/token"),
    BadLogin("a tenant in words", form(), 400, REQUEST, "Tenant", "/common/oauth2/token"),
    BadLogin("AD FS: nothing", b"", 400, REQUEST, "grant_type", ADFS),
    BadLogin("AD FS: a client that is not there", form(), 401, CLIENT_ERROR, "client id", ADFS),
]  # fmt: skip
