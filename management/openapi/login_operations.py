"""The operations of login and of tokens; see `management.openapi.operations`."""

from collections.abc import Mapping, Sequence

from portcall.management.login import console_links as consolelinks
from portcall.management.login import identity, tokens
from portcall.management.login import shapes as login
from portcall.management.login.authority import ADFS
from portcall.management.openapi.operation_rows import Row, post


def _authority(base: str, name: str, version: str) -> Sequence[Row]:
    """Return the operations of a token authority; AD FS and tenants have the same ones."""
    return (
        Row(
            *("GET", f"{base}{version}/.well-known/openid-configuration", f"get{name}Authority"),
            "Get the metadata of the authority.",
            login.Authority,
            refusals=(400,),
            open=True,
        ),
        Row(
            *("GET", f"{base}/discovery{version}/keys", f"get{name}Keys"),
            "Get the public keys that verify tokens.",
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
            *("POST", tokens.PATH, "createToken", "Create a client with a role, and its secret."),
            login.NewToken,
            tokens.TokenCreate,
            status=201,
            refusals=(404, 409),
        ),
        Row("GET", f"{tokens.PATH}/{{client}}", "getToken", "Get a client.", login.Token),
        post(
            *(f"{tokens.PATH}/{{client}}/revoke", "revokeToken"),
            "Revoke a client; its tokens stop working within two seconds.",
            login.Token,
        ),
        Row(
            *("POST", consolelinks.PATH, "createConsoleLink"),
            "Create a link that signs in to the console once.",
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
            "Get a token of the managed identity, if a setting enables it.",
            login.IdentityToken,
            query=("identityVersion", "identityHeader", "identityResource"),
            refusals=(400, 401, 429),
            open=True,
        ),
    ),
}
"""Operations of login and of tokens, by tag."""
