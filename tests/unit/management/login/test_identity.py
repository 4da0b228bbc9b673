"""The managed identity: for whoever knows the header."""

import jwt
import pytest

from portcall.management.login.identity import ensure_identity
from portcall.store.access.access_tokens import AUDIENCE
from tests.unit.management.api import IDENTITY_HEADER, VERSION, Answer, ManagementApi

QUERY = f"api-version=2019-08-01&resource={AUDIENCE}"


async def ask(
    api: ManagementApi, query: str = QUERY, header: str | None = IDENTITY_HEADER
) -> Answer:
    api.store.signing_keys.ensure()
    headers = {} if header is None else {"X-IDENTITY-HEADER": header}
    return await api.request("GET", "/msi/token", query=query, token=None, headers=headers)


async def test_whoever_knows_the_header_gets_a_token(api: ManagementApi) -> None:
    answer = await ask(api)
    assert answer.status == 200
    document = answer.json
    claims = jwt.decode(document["access_token"], options={"verify_signature": False})
    assert (claims["tid"], claims["aud"]) == (api.installation.tenant, AUDIENCE)
    assert claims["appid"] == document["client_id"] == api.identity
    assert document["expires_on"] == str(claims["exp"])
    assert (document["resource"], document["token_type"]) == (AUDIENCE, "Bearer")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("header", [None, "", IDENTITY_HEADER[:-1], IDENTITY_HEADER.upper()])
async def test_nobody_else_does(api: ManagementApi, header: str | None) -> None:
    answer = await ask(api, header=header)
    assert answer.status == 401
    assert set(answer.json) == {"statusCode", "message"}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (VERSION, "api-version"),
        (f"resource={AUDIENCE}", "api-version"),
        ("api-version=2019-08-01", "resource"),
        ("api-version=2019-08-01&resource=https://graph.microsoft.com/", "resource"),
        (f"api-version=2019-08-01&resource={'x' * 2000}", "resource"),
        (f"{QUERY}&client_id=6f1f4a9c-0000-4000-8000-00000000000f", "client_id"),
        (f"{QUERY}&mi_res_id=/subscriptions/x", "system-assigned"),
    ],
)
async def test_what_it_does_not_know_is_refused(api: ManagementApi, query: str, told: str) -> None:
    answer = await ask(api, query)
    assert (answer.status, answer.json["statusCode"]) == (400, 400)
    assert told in answer.json["message"]


async def test_its_own_client_id_may_be_named(api: ManagementApi) -> None:
    assert (await ask(api, f"{QUERY}&client_id={api.identity.upper()}")).status == 200


async def test_one_that_was_revoked_stays_so(api: ManagementApi) -> None:
    api.store.principals.revoke(api.identity)
    assert ensure_identity(api.store, api.installation) == api.identity
    answer = await ask(api)
    assert (answer.status, answer.json["message"]) == (400, "The identity was revoked.")
