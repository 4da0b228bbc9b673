"""How the cloud and its authority describe themselves to clients: documents, without I/O.

Source: recorded requests of az and MSAL.
"""

from portcall.management.login.shapes import Authority, Cloud, CloudLogin, CloudSuffixes
from portcall.store.access import access_tokens as accesstokens

ADFS = "/adfs"


def cloud(origin: str) -> Cloud:
    """What `az cloud register` reads."""
    return Cloud(
        name="Portcall",
        resource_manager=origin,
        portal=origin,
        gallery=origin,
        graph_audience=f"{origin}/graph/",
        authentication=CloudLogin(
            login_endpoint=f"{origin}{ADFS}",
            audiences=[accesstokens.AUDIENCE],
            tenant="adfs",
            identity_provider="ADFS",
        ),
        suffixes=CloudSuffixes(acr_login_server="azurecr.io"),
    )


def adfs_configuration(origin: str) -> Authority:
    """The authority as AD FS describes itself."""
    base = f"{origin}{ADFS}"
    return _authority(base, f"{base}/oauth2", f"{base}/discovery/keys")


def directory_configuration(origin: str, tenant: str) -> Authority:
    """The authority as Entra ID describes a tenant."""
    base = f"{origin}/{tenant}"
    return _authority(f"{base}/v2.0", f"{base}/oauth2/v2.0", f"{base}/discovery/v2.0/keys")


def _authority(issuer: str, oauth: str, keys: str) -> Authority:
    """Clients want the other endpoints named, too; there is nothing at them."""
    return Authority(
        issuer=issuer,
        authorization_endpoint=f"{oauth}/authorize",
        token_endpoint=f"{oauth}/token",
        device_authorization_endpoint=f"{oauth}/devicecode",
        jwks_uri=keys,
        grant_types_supported=["client_credentials"],
        token_endpoint_auth_methods_supported=["client_secret_post"],
        response_types_supported=["token"],
        subject_types_supported=["public"],
        id_token_signing_alg_values_supported=[accesstokens.ALGORITHM],
    )
