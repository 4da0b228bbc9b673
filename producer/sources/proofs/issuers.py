"""Issuers of tokens: how each names itself in them, and where it has its keys.

============================================  ====================================================
issuer                                        is also
============================================  ====================================================
``https://accounts.google.com``               ``accounts.google.com``, in some of Google's tokens
``https://sts.windows.net/TENANT/``           the next one: the same Entra tenant, for
``https://login.microsoftonline.com/          applications that ask for tokens of version 1, and
TENANT/v2.0``                                 of version 2
============================================  ====================================================

No address out of a token is ever called: its issuer must be equal to one of these.

Source: the issuers' own OpenID configurations; OpenID Connect Discovery 1.0, section 4.3.
"""

import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

GOOGLE = "https://accounts.google.com"
_ENTRA = re.compile(
    r"https://(?:login\.microsoftonline\.com/(?P<two>[0-9a-f-]{36})/v2\.0"
    r"|sts\.windows\.net/(?P<one>[0-9a-f-]{36}))/?",
    re.ASCII | re.IGNORECASE,
)
KEY_HOSTS: Mapping[str, tuple[str, ...]] = {
    "accounts.google.com": ("www.googleapis.com",),
    "sts.windows.net": ("login.microsoftonline.com", "login.windows.net"),
}
"""Where else an issuer has its keys. Source: their OpenID configurations."""


class KeysUnavailableError(Exception):
    """The issuer's keys are not available now: the sender should try again."""


def names_of(issuer: str) -> Mapping[str, str]:
    """What a token's ``iss`` may be, and the issuer whose keys then count."""
    if issuer.rstrip("/") == GOOGLE:
        return {GOOGLE: GOOGLE, GOOGLE.removeprefix("https://"): GOOGLE}
    entra = _ENTRA.fullmatch(issuer)
    if entra:
        tenant = (entra["one"] or entra["two"]).lower()
        both = f"https://sts.windows.net/{tenant}/", _second_version(tenant)
        return {each: each for each in both}
    return {issuer: issuer}


def configuration_of(issuer: str) -> str:
    """The address of an issuer's configuration."""
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def keys_of(issuer: str, configuration: bytes) -> str:
    """The address of the issuer's keys, if it is on a host of the issuer.

    Args:
        issuer: Whose configuration it should be.
        configuration: What was at its address.

    Raises:
        KeysUnavailableError: It is of another issuer, or names no usable address.
    """
    try:
        read = json.loads(configuration)
        address, named = str(read["jwks_uri"]), str(read["issuer"])
        found, own = urlsplit(address), urlsplit(issuer)
        host, own_host = found.hostname or "", own.hostname or ""
        is_own = host == own_host and found.port == own.port
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise KeysUnavailableError("its configuration cannot be read") from error
    if named != issuer:
        raise KeysUnavailableError(f"its configuration is of another issuer: {named[:100]!r}")
    if found.scheme != own.scheme or not (is_own or host in KEY_HOSTS.get(own_host, ())):
        raise KeysUnavailableError(f"its keys are on another host: {host[:100]!r}")
    return address


def _second_version(tenant: str) -> str:
    return f"https://login.microsoftonline.com/{tenant}/v2.0"
