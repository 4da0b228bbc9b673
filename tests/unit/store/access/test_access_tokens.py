"""Access tokens: what is in them, and what is refused."""

import base64
import hmac
import json
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from portcall.store.access.access_tokens import (
    AUDIENCE,
    AUDIENCES,
    LEEWAY_S,
    is_access_token,
    issue,
    key_id,
    read,
)
from portcall.store.access.principals import PrincipalRow, Role
from portcall.store.access.signing_keys import SigningKey

TENANT = "11111111-2222-4333-8444-555555555555"
CLIENT = "99999999-2222-4333-8444-555555555555"
KEY = SigningKey("one", rsa.generate_private_key(65537, 2048))
OTHER = SigningKey("other", rsa.generate_private_key(65537, 2048))
NOW_S = int(time.time())


def principal(expires_ms: int | None = None) -> PrincipalRow:
    return PrincipalRow(CLIENT, "robot", Role.READER, "", b"", 0, expires_ms, None, None)


def claims(**changes: object) -> dict[str, Any]:
    good = {
        "iss": "https://h/adfs", "aud": AUDIENCE, "iat": NOW_S, "nbf": NOW_S, "exp": NOW_S + 3600,
        "tid": TENANT, "appid": CLIENT,
    }  # fmt: skip
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def signed(key: SigningKey = KEY, kid: str | None = "one", **changes: object) -> str:
    return with_claims(claims(**changes), key, kid)


def with_claims(told: dict[str, Any], key: SigningKey = KEY, kid: str | None = "one") -> str:
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(told, key.private, algorithm="RS256", headers=headers)


@pytest.mark.parametrize("audience", AUDIENCES)
def test_a_token_says_who_logged_in_and_is_read_again(audience: str) -> None:
    token = issue(
        principal(), key=KEY, issuer="https://h/adfs", audience=audience, tenant=TENANT, now_s=NOW_S
    )
    assert is_access_token(token.text) and key_id(token.text) == "one"
    found = jwt.decode(token.text, KEY.public, algorithms=["RS256"], audience=audience)
    assert found.pop("uti")
    assert found == {
        "iss": "https://h/adfs", "aud": audience, "iat": NOW_S, "nbf": NOW_S, "exp": NOW_S + 3600,
        "sub": CLIENT, "oid": CLIENT, "appid": CLIENT, "app_displayname": "robot", "tid": TENANT,
        "roles": ["reader"], "ver": "1.0",
    }  # fmt: skip
    assert (token.expires_s, token.lifetime_s) == (NOW_S + 3600, 3600)
    read_again = read(token.text, keys=[OTHER, KEY], tenant=TENANT)
    assert read_again is not None
    assert (read_again.client_id, read_again.expires_ms) == (CLIENT, (NOW_S + 3600) * 1000)


def test_a_token_does_not_outlive_its_principal() -> None:
    soon = principal(expires_ms=(NOW_S + 10) * 1000)
    token = issue(soon, key=KEY, issuer="i", audience=AUDIENCE, tenant=TENANT, now_s=NOW_S)
    assert token.lifetime_s == 10


PEM = KEY.public.public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)


def part(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def with_public_key_as_secret() -> str:
    """The trick of old: HMAC with what everybody knows."""
    told = (
        part(b'{"alg":"HS256","typ":"JWT","kid":"one"}') + "." + part(json.dumps(claims()).encode())
    )
    return f"{told}.{part(hmac.digest(PEM, told.encode(), 'sha256'))}"


UNSIGNED = part(b'{"alg":"none","kid":"one"}') + "." + part(json.dumps(claims()).encode())
NESTED = part(b'{"kid":' + b"[" * 5000)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(signed(OTHER), id="another key"),
        pytest.param(signed(kid="two"), id="unknown key"),
        pytest.param(signed(kid=None), id="no key named"),
        pytest.param(signed(exp=NOW_S - LEEWAY_S - 5), id="its time is over"),
        pytest.param(signed(nbf=NOW_S + 3600), id="its time has not come"),
        pytest.param(signed(aud="https://graph.microsoft.com/"), id="for somebody else"),
        pytest.param(signed(tid="00000000-2222-4333-8444-555555555555"), id="another tenant"),
        pytest.param(signed(appid="robot"), id="no GUID"),
        pytest.param(signed(appid=7), id="a number"),
        *(pytest.param(with_claims(claims(**{name: None})), id=f"no {name}") for name in claims()),
        pytest.param(signed()[:-6], id="cut"),
        pytest.param(signed().replace(".", ".e30", 1), id="changed"),
        pytest.param(f"{UNSIGNED}.", id="not signed"),
        pytest.param(with_public_key_as_secret(), id="signed with the public key"),
        pytest.param("eyJ..", id="empty"),
        pytest.param("eyJ\udcff.a.b", id="no text"),
        pytest.param(f"{NESTED}.a.b", id="nested"),
    ],
)
def test_what_is_none_of_ours_is_nobodys(token: str) -> None:
    assert read(token, keys=[KEY], tenant=TENANT) is None


def test_that_of_the_table_above_which_is_not_spoilt_is_good() -> None:
    assert read(signed(), keys=[KEY], tenant=TENANT) is not None
    just_over = int(time.time()) - LEEWAY_S // 2
    assert read(signed(exp=just_over), keys=[KEY], tenant=TENANT) is not None
