"""Tokens: which are valid for a source; Google's own package judges the same ones."""

import base64
import hashlib
import hmac
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import google.auth.jwt
import pytest
from google.auth.exceptions import GoogleAuthError

from portcall.producer.sources.proofs.keeping import IssuerKeys
from portcall.producer.sources.proofs.tokens import LEEWAY_S, MAX_TOKEN, TokenProofs
from portcall.schemas.sources import Source
from tests.issuing import (
    AUDIENCE,
    EMAIL,
    FakeIssuer,
    Signer,
    claims,
    ec_signer,
    key_set,
    rsa_signer,
    token_source,
)

ISSUER = "https://issuer.example/realms/ci"
GOOGLE = "https://accounts.google.com"
TENANT = "5f1a1c0e-0000-4000-8000-0123456789ab"
ENTRA = (f"https://sts.windows.net/{TENANT}/", f"https://login.microsoftonline.com/{TENANT}/v2.0")
RSA, EC, STRANGER = rsa_signer(), ec_signer(), rsa_signer()
BY_ALGORITHM = [
    *(rsa_signer(name, name) for name in ("RS384", "RS512", "PS256")),
    ec_signer("ES384", "ES384"),
]


async def proven(token: str, source: Source | None = None, *signers: Signer) -> bool:
    one = source or token_source(ISSUER)
    issuer = FakeIssuer(one.options["issuer"], list(signers) or [RSA, EC])
    return await TokenProofs(IssuerKeys(issuer.fetch)).is_proven(one, token)


def judged(token: str, *signers: Signer) -> bool:
    """Whether google-auth takes it; it knows nothing of issuers and principals."""
    keys = {each.kid: each.public_pem for each in signers or (RSA, EC)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            google.auth.jwt.decode(  # type: ignore[no-untyped-call]  # has no types
                token, certs=keys, audience=AUDIENCE, clock_skew_in_seconds=LEEWAY_S
            )
        except (GoogleAuthError, ValueError):
            return False
    return True


def plain(header: object, payload: object, signature: bytes = b"") -> str:
    parts = [json.dumps(part).encode() for part in (header, payload)]
    return b".".join(
        base64.urlsafe_b64encode(part).rstrip(b"=") for part in (*parts, signature)
    ).decode()


def confused() -> str:
    """HS256 with the public key as its secret, which PyJWT itself refuses to make."""
    unsigned = plain({"alg": "HS256", "kid": RSA.kid, "typ": "JWT"}, claims(ISSUER)).rstrip(".")
    mac = hmac.digest(RSA.public_pem, unsigned.encode(), hashlib.sha256)
    return f"{unsigned}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def changed(token: str) -> str:
    """Another payload under the same signature."""
    head, _, signature = token.split(".")
    return ".".join([head, plain({}, claims(ISSUER, jti="1")).split(".")[1], signature])


@dataclass(frozen=True, slots=True)
class Now:
    """A time of a claim, counted from when the token is made."""

    plus_s: int


def timed(changes: dict[str, Any]) -> dict[str, Any]:
    """The changes with times as tokens have them."""
    now_s = int(time.time())
    return {
        name: now_s + each.plus_s if isinstance(each, Now) else each
        for name, each in changes.items()
    }


TIMES: list[Any] = [
    pytest.param({}, True, id="now"),
    pytest.param({"exp": Now(-30), "iat": Now(-3600)}, True, id="our clock is 30 s ahead"),
    pytest.param({"iat": Now(30)}, True, id="our clock is 30 s behind"),
    pytest.param({"exp": Now(-120), "iat": Now(-3600)}, False, id="expired"),
    pytest.param({"iat": Now(600), "exp": Now(4000)}, False, id="issued in the future"),
    pytest.param({"aud": "https://other.example"}, False, id="another audience"),
    pytest.param({"aud": ["https://other.example", AUDIENCE]}, True, id="ours among the audiences"),
    pytest.param({"aud": AUDIENCE + "/"}, False, id="our audience with a slash"),
    pytest.param({"aud": None}, False, id="no audience"),
    pytest.param({"exp": None}, False, id="no expiry"),
]


@pytest.mark.parametrize("signer", [RSA, EC], ids=["RS256", "ES256"])
@pytest.mark.parametrize(("changes", "expected"), TIMES)
async def test_times_and_audiences_are_checked_as_google_does(
    signer: Signer, changes: dict[str, Any], *, expected: bool
) -> None:
    token = signer.sign(claims(ISSUER, **timed(changes)))
    assert await proven(token) is expected
    if changes.get("aud") != ["https://other.example", AUDIENCE]:  # google-auth takes one only
        assert judged(token) is expected


FORGED: list[Any] = [
    pytest.param(lambda: STRANGER.sign(claims(ISSUER)), id="a stranger's key under our id"),
    pytest.param(lambda: changed(RSA.sign(claims(ISSUER))), id="another payload"),
    pytest.param(lambda: RSA.sign(claims(ISSUER))[:-8], id="a cut signature"),
    pytest.param(lambda: plain({"alg": "none", "kid": RSA.kid}, claims(ISSUER)), id="none"),
    pytest.param(lambda: plain({"alg": "NONE", "kid": RSA.kid}, claims(ISSUER)), id="NONE"),
    pytest.param(confused, id="HS256 with the public key"),
    pytest.param(lambda: RSA.sign(claims(ISSUER), kid="unknown"), id="an unknown key"),
    pytest.param(lambda: RSA.sign(claims(ISSUER), kid=EC.kid), id="the id of another type's key"),
    pytest.param(lambda: "", id="nothing"),
    pytest.param(lambda: "a.b.c", id="garbage"),
    pytest.param(lambda: "\udcff.\udcff.\udcff", id="no UTF-8"),
]


@pytest.mark.parametrize("forge", FORGED)
async def test_what_the_issuer_did_not_sign_is_refused(forge: Callable[[], str]) -> None:
    assert not await proven(forge())
    if forge() and "\udcff" not in forge():
        assert not judged(forge())


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": None},
        {"iss": "https://issuer.example/realms/other"},
        {"iss": ISSUER + "/"},
        {"iss": ISSUER.removeprefix("https://")},
        {"iss": [ISSUER]},
        {"email": "other@acme-prj.iam.gserviceaccount.com"},
        {"email": None},
        {"email": None, "sub": EMAIL},
        {"email": None, "azp": EMAIL},
        {"email": EMAIL.upper()},
        {"email": [EMAIL]},
        {"email_verified": False},
        {"email_verified": None},
        {"email_verified": "true"},
        pytest.param({"nbf": Now(600)}, id="not valid yet"),
        {"exp": 1e400},
        {"exp": "tomorrow"},
        {"exp": [1]},
    ],
    ids=str,
)
async def test_a_good_signature_is_not_enough(changes: dict[str, Any]) -> None:
    assert not await proven(RSA.sign(claims(ISSUER, **timed(changes))))


async def test_not_yet_valid_has_the_same_leeway() -> None:
    assert await proven(RSA.sign(claims(ISSUER, **timed({"nbf": Now(30)}))))


@pytest.mark.parametrize("header", [{"crit": ["exp"], "exp": 1}, {"kid": None}, {"kid": 7}])
async def test_odd_headers_are_refused(header: dict[str, Any]) -> None:
    token = plain({"alg": "RS256", "kid": RSA.kid} | header, claims(ISSUER), b"x" * 256)
    assert not await proven(token)


async def test_a_token_that_is_too_long_is_refused() -> None:
    assert not await proven(RSA.sign(claims(ISSUER, more="x" * MAX_TOKEN)))


@pytest.mark.parametrize("signer", BY_ALGORITHM, ids=lambda one: one.algorithm)
async def test_other_algorithms(signer: Signer) -> None:
    assert await proven(signer.sign(claims(ISSUER)), None, signer)


async def test_a_key_is_used_with_its_own_algorithm_only() -> None:
    other = Signer(RSA.kid, "RS512", RSA.key)
    assert not await proven(other.sign(claims(ISSUER)), None, RSA)


@pytest.mark.parametrize("named", [GOOGLE, "accounts.google.com"])
@pytest.mark.parametrize("configured", [GOOGLE, GOOGLE + "/"])
async def test_google_names_itself_with_and_without_a_scheme(named: str, configured: str) -> None:
    issuer = FakeIssuer(GOOGLE, [RSA], keys_at="https://www.googleapis.com/oauth2/v3/certs")
    proofs = TokenProofs(IssuerKeys(issuer.fetch))
    assert await proofs.is_proven(token_source(configured), RSA.sign(claims(named)))
    assert issuer.asked[1:] == ["https://www.googleapis.com/oauth2/v3/certs"]


@pytest.mark.parametrize("named", ENTRA)
@pytest.mark.parametrize("configured", [*ENTRA, ENTRA[0].rstrip("/"), ENTRA[1].upper().replace(
    "HTTPS", "https"
)])  # fmt: skip
async def test_an_entra_tenant_has_two_names(named: str, configured: str) -> None:
    at = f"https://login.microsoftonline.com/{TENANT}/discovery/v2.0/keys"
    issuer = FakeIssuer(named, [RSA], keys_at=at)
    proofs = TokenProofs(IssuerKeys(issuer.fetch))
    application = "4962773b-9cdb-44cf-a8bf-237846a00ab7"
    one = token_source(configured, email=application)
    version_1 = claims(named, email=None, email_verified=None, appid=application, azp=None)
    version_2 = claims(named, email=None, email_verified=None, azp=application)
    for each in (version_1, version_2):
        assert await proofs.is_proven(one, RSA.sign(each))
        assert not await proofs.is_proven(one, RSA.sign(each | {"appid": "x", "azp": "x"}))
    other = named.replace("5f1a", "5f1b")
    assert not await proofs.is_proven(one, RSA.sign(version_1 | {"iss": other}))


async def test_given_keys_need_no_issuer() -> None:
    one = token_source(ISSUER, jwks=key_set(RSA))
    issuer = FakeIssuer(ISSUER, [EC])
    proofs = TokenProofs(IssuerKeys(issuer.fetch))
    assert await proofs.is_proven(one, RSA.sign(claims(ISSUER)))
    assert not await proofs.is_proven(one, EC.sign(claims(ISSUER)))
    assert not await proofs.is_proven(one, STRANGER.sign(claims(ISSUER)))
    assert issuer.asked == []


@pytest.mark.parametrize("missing", ["issuer", "audience", "email"])
async def test_a_source_without_a_setting_takes_no_token(missing: str) -> None:
    claim = {"issuer": "iss", "audience": "aud", "email": "email"}[missing]
    options = {"issuer": ISSUER, "jwks": key_set(RSA)}
    full, lacking = token_source(**options), token_source(**(options | {missing: ""}))
    for changes in ({}, {claim: ""}, {claim: None}):
        token = RSA.sign(claims(ISSUER, **timed(changes)))
        assert await proven(token, full) is (not changes)
        assert not await proven(token, lacking)
