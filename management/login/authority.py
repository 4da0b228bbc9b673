"""How the cloud and its authority describe themselves to clients: documents, without I/O.

Source: recorded requests of az and MSAL.
"""

from portcall.store.access import access_tokens as accesstokens

ADFS = "/adfs"
_ABILITIES: dict[str, object] = {
    "grant_types_supported": ["client_credentials"],
    "token_endpoint_auth_methods_supported": ["client_secret_post"],
    "response_types_supported": ["token"],
    "subject_types_supported": ["public"],
    "id_token_signing_alg_values_supported": [accesstokens.ALGORITHM],
}
"""Clients want the other endpoints named, too; there is nothing at them."""


def cloud(origin: str) -> dict[str, object]:
    """What `az cloud register` reads."""
    return {
        "name": "Portcall",
        "resourceManager": origin,
        "portal": origin,
        "gallery": origin,
        "graphAudience": f"{origin}/graph/",
        "authentication": {
            "loginEndpoint": f"{origin}{ADFS}",
            "audiences": [accesstokens.AUDIENCE],
            "tenant": "adfs",
            "identityProvider": "ADFS",
        },
        "suffixes": {"acrLoginServer": "azurecr.io"},
    }


def adfs_configuration(origin: str) -> dict[str, object]:
    """The authority as AD FS describes itself."""
    base = f"{origin}{ADFS}"
    return {
        "issuer": base,
        "authorization_endpoint": f"{base}/oauth2/authorize",
        "token_endpoint": f"{base}/oauth2/token",
        "device_authorization_endpoint": f"{base}/oauth2/devicecode",
        "jwks_uri": f"{base}/discovery/keys",
        **_ABILITIES,
    }


def directory_configuration(origin: str, tenant: str) -> dict[str, object]:
    """The authority as Entra ID describes a tenant."""
    base = f"{origin}/{tenant}"
    return {
        "issuer": f"{base}/v2.0",
        "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
        "token_endpoint": f"{base}/oauth2/v2.0/token",
        "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
        "jwks_uri": f"{base}/discovery/v2.0/keys",
        **_ABILITIES,
    }
