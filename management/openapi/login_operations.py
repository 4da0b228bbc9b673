"""The operations of login and of tokens; see `management.openapi.operations`."""

from collections.abc import Mapping, Sequence

from portcall.management.login import console_links as consolelinks
from portcall.management.login import identity, tokens
from portcall.management.login import shapes as login
from portcall.management.login.authority import ADFS
from portcall.management.openapi.operation_rows import Row, post


def _authority(base: str, name: str, version: str) -> Sequence[Row]:
    """An authority at one of its addresses; AD FS's is like the first of a tenant."""
    return (
        Row(
            *("GET", f"{base}{version}/.well-known/openid-configuration", f"get{name}Authority"),
            "Get how the authority describes itself.",
            login.Authority,
            refusals=(400,),
            open=True,
        ),
        Row(
            *("GET", f"{base}/discovery{version}/keys", f"get{name}Keys"),
            "Get the public keys that tokens are signed with.",
            login.PublicKeys,
            refusals=(400, 503),
            open=True,
        ),
        _login(f"{base}/oauth2{version}/token", f"get{name}Token"),
    )


def _login(path: str, name: str) -> Row:
    return Row(
        *("POST", path, name, "Log in."),
        login.AccessToken,
        login.TokenRequest,
        refusals=(400, 401, 408, 413, 429, 503),
        open=True,
    )


LOGIN: Mapping[str, Sequence[Row]] = {
    "tokens": (
        Row("GET", tokens.PATH, "listTokens", "List the clients.", login.TokenList),
        Row(
            *("POST", tokens.PATH, "createToken", "Make a client with a role, and its secret."),
            login.NewToken,
            tokens.TokenCreate,
            status=201,
            refusals=(404, 409),
        ),
        Row("GET", f"{tokens.PATH}/{{client}}", "getToken", "Get a client.", login.Token),
        post(
            *(f"{tokens.PATH}/{{client}}/revoke", "revokeToken"),
            "Revoke a client: it is let in no more, within two seconds.",
            login.Token,
        ),
        Row(
            *("POST", consolelinks.PATH, "createConsoleLink"),
            "Make a link that signs in to the console once.",
            login.ConsoleLink,
            status=201,
        ),
    ),
    "login": (
        Row(
            *("GET", "/metadata/endpoints", "getCloud", "Get what `az cloud register` reads."),
            login.Cloud,
            refusals=(400,),
            open=True,
        ),
        *_authority(ADFS, "Adfs", ""),
        _login(f"{ADFS}/oauth2/v2.0/token", "getAdfsV2Token"),
        *_authority("/{tenant}", "Tenant", ""),
        *_authority("/{tenant}", "TenantV2", "/v2.0"),
        Row(
            *("GET", identity.PATH, "getIdentityToken"),
            "Get a token of the managed identity, where a setting has it served.",
            login.IdentityToken,
            query=("identityVersion", "identityHeader", "identityResource"),
            refusals=(400, 401, 429),
            open=True,
        ),
    ),
}
"""By what they belong to."""
