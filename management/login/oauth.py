"""Requests to the token endpoint, and its errors in OAuth's words, as MSAL expects them. Pure.

Source: RFC 6749 sections 4.4 and 5.2; the codes after ``AADSTS`` are Entra ID's for the same
mistakes, because az and people look for them.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from portcall.management.login import shapes
from portcall.schemas.errors import PortcallError
from portcall.store.access.access_tokens import AUDIENCE, AUDIENCES

MAX_BODY_BYTES = 16 * 1024
MAX_FIELDS = 32
MAX_VALUE = {"client_id": 64, "client_secret": 256, "grant_type": 64, "scope": 1024}
MAX_OTHER_VALUE = 4096
CLIENT_CREDENTIALS = "client_credentials"
_DEFAULT = "/.default"


class OAuthError(PortcallError):
    """An error answer of the token endpoint.

    Attributes:
        status: The HTTP status.
        error: OAuth's code.
        description: The problem, for the client to read.
        number: Entra ID's number for it.
    """

    def __init__(self, status: int, error: str, description: str, number: int) -> None:
        super().__init__(f"{error}: {description}")
        self.status = status
        self.error = error
        self.description = description
        self.number = number

    def document(self) -> shapes.OAuthError:
        """The body of the answer."""
        return shapes.OAuthError(
            error=self.error,
            error_description=f"AADSTS{self.number}: {self.description}",
            error_codes=[self.number],
        )


def invalid_request(description: str, number: int = 900144) -> OAuthError:
    """The request itself is wrong."""
    return OAuthError(400, "invalid_request", description, number)


def invalid_client() -> OAuthError:
    """The client is unknown or revoked, or the secret is wrong: the answer does not say which."""
    return OAuthError(
        401,
        "invalid_client",
        "The client id or the client secret is wrong, or the client has expired or was revoked.",
        7000215,
    )


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A request for a token by a client's own secret.

    Attributes:
        client_id: As sent.
        client_secret: As sent.
        audience: The token's audience, one of `AUDIENCES`.
    """

    client_id: str
    client_secret: str
    audience: str


def read_request(content: bytes, content_type: str, origin: str) -> TokenRequest:
    """Read the body of a request.

    Args:
        content: The body.
        content_type: Its type, without parameters.
        origin: The client's URL for us: it may ask for a token for that, too.

    Raises:
        OAuthError: The request is invalid or not supported.
    """
    fields = _fields(content, content_type)
    grant = _required(fields, "grant_type")
    if grant != CLIENT_CREDENTIALS:
        raise OAuthError(
            400,
            "unsupported_grant_type",
            f"The grant type '{grant}' is not supported; use '{CLIENT_CREDENTIALS}'.",
            70003,
        )
    client_id = _required(fields, "client_id")
    if "client_assertion" in fields and "client_secret" not in fields:
        raise OAuthError(
            401, "invalid_client", "Certificates are not supported; send 'client_secret'.", 7000218
        )
    secret = _required(fields, "client_secret")
    return TokenRequest(client_id, secret, _audience(fields, origin))


def _fields(content: bytes, content_type: str) -> Mapping[str, str]:
    if content_type != "application/x-www-form-urlencoded":
        raise invalid_request("Content-Type must be application/x-www-form-urlencoded.")
    try:
        pairs = parse_qsl(
            content.decode("utf-8"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except UnicodeDecodeError as error:
        raise invalid_request("The request body is not UTF-8.") from error
    except ValueError as error:
        raise invalid_request(
            f"The request body is not a form of at most {MAX_FIELDS} fields."
        ) from error
    return _checked(pairs)


def _checked(pairs: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields:
            raise invalid_request(f"The parameter '{name[:64]}' is there twice.")
        if len(value) > MAX_VALUE.get(name, MAX_OTHER_VALUE):
            raise invalid_request(f"The parameter '{name[:64]}' is too long.")
        fields[name] = value
    return fields


def _required(fields: Mapping[str, str], name: str) -> str:
    value = fields.get(name, "")
    if not value:
        raise invalid_request(f"The request body must contain the parameter '{name}'.")
    return value


def _audience(fields: Mapping[str, str], origin: str) -> str:
    """The token's audience; ours by default."""
    scope, resource = fields.get("scope", ""), fields.get("resource", "")
    if not scope and not resource:
        return AUDIENCE
    found = audience_of(resource or scope.removesuffix(_DEFAULT), origin)
    if found is None or (scope and not scope.endswith(_DEFAULT)):
        name = "scope" if scope else "resource"
        example = AUDIENCE.rstrip("/") + (_DEFAULT if scope else "")
        raise OAuthError(
            400,
            "invalid_scope",
            f"The {name} '{(scope or resource)[:128]}' is not known here; use '{example}'.",
            70011,
        )
    return found


def audience_of(resource: str, origin: str) -> str | None:
    """The audience that *resource* means; None: it is not ours."""
    if resource in AUDIENCES:
        return resource
    if resource.rstrip("/").lower() == origin.lower():
        return AUDIENCE
    return None


def is_guid(text: str) -> bool:
    """Whether *text* is a GUID in its usual form."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
