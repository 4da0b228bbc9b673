"""Tokens over the API: made, listed, revoked."""

import time

import pytest

from portcall.management.login.tokens import PATH
from portcall.store.access.principals import digest_of, is_secret
from tests.unit.management.api import Answer, Json, ManagementApi


async def create(api: ManagementApi, **body: Json) -> Answer:
    return await api.request("POST", PATH, {"name": "robot", "role": "reader", **body})


async def test_a_token_is_made_and_its_secret_told_once(api: ManagementApi) -> None:
    answer = await create(api, expiresAfter="90d")
    assert answer.status == 201
    made = answer.json
    secret = made.pop("clientSecret")
    assert is_secret(secret)
    assert (made["name"], made["role"], made["registry"]) == ("robot", "reader", None)
    assert (made["status"], made["lastUsedAt"], made["revokedAt"]) == ("live", None, None)
    row = api.store.principals.by_digest(digest_of(secret))
    assert row is not None and row.client_id == made["clientId"]
    assert row.expires_ms is not None
    assert abs(row.expires_ms - time.time() * 1000 - 90 * 86_400_000) < 60_000
    shown = await api.request("GET", f"{PATH}/{made['clientId']}")
    assert shown.json == made
    listed = await api.request("GET", PATH)
    assert made in listed.json["value"]
    assert secret not in shown.text + listed.text


async def test_a_publisher_is_of_a_registry_that_there_is(api: ManagementApi) -> None:
    made = await create(api, role="publisher", registry="ALPHA")
    assert (made.status, made.json["registry"]) == (201, "alpha")
    missing = await create(api, name="other", role="publisher", registry="Missing")
    assert (missing.status, missing.error["code"]) == (404, "ResourceNotFound")
    assert "registries/Missing" in missing.error["message"]


@pytest.mark.parametrize(
    ("body", "target"),
    [
        pytest.param({"name": None}, "name", id="no name"),
        pytest.param({"name": ""}, "name", id="empty name"),
        pytest.param({"name": "-x"}, "name", id="an option"),
        pytest.param({"name": "a b"}, "name", id="blank"),
        pytest.param({"name": "x" * 65}, "name", id="long"),
        pytest.param({"name": 7}, "name", id="number"),
        pytest.param({"role": "root"}, "role", id="another role"),
        pytest.param({"role": None}, "role", id="no role"),
        pytest.param({"role": ["reader"]}, "role", id="a list"),
        pytest.param({"registry": "Alpha"}, "registry", id="a reader of a registry"),
        pytest.param({"role": "publisher"}, "registry", id="a publisher of none"),
        pytest.param({"role": "publisher", "registry": "a"}, "registry", id="no registry's name"),
        pytest.param({"expiresAfter": "soon"}, "expiresAfter", id="no duration"),
        pytest.param({"expiresAfter": 90}, "expiresAfter", id="no unit"),
        pytest.param({"expiresAfter": "3651d"}, "expiresAfter", id="too long"),
        pytest.param({"expiresAfter": "-1d"}, "expiresAfter", id="negative"),
        pytest.param({"scope": "x"}, "scope", id="unknown field"),
    ],
)
async def test_what_is_wrong_is_named(
    api: ManagementApi, body: dict[str, Json], target: str
) -> None:
    before = len(api.store.principals.list())
    answer = await create(api, **body)
    assert (answer.status, answer.error["target"]) == (400, target)
    assert target in answer.error["message"]
    assert len(api.store.principals.list()) == before


async def test_a_name_is_taken_once(api: ManagementApi) -> None:
    made = await create(api)
    again = await create(api, name="ROBOT")
    assert (again.status, again.error["code"], again.error["target"]) == (
        409,
        "TokenExists",
        "name",
    )
    await api.request("POST", f"{PATH}/{made.json['clientId']}/revoke")
    assert (await create(api)).status == 201


async def test_a_revoked_token_is_listed_as_such(api: ManagementApi) -> None:
    made = (await create(api)).json
    path = f"{PATH}/{made['clientId']}"
    revoked = await api.request("POST", f"{path.upper()}/revoke")
    assert (revoked.status, revoked.json["status"]) == (200, "revoked")
    assert revoked.json["revokedAt"] is not None
    assert (await api.request("GET", path)).json == revoked.json
    assert (await api.request("POST", f"{path}/revoke")).json == revoked.json


@pytest.mark.parametrize("client", ["robot", "6f1f4a9c-0000-4000-8000-00000000000f", "%00"])
async def test_an_unknown_one_is_not_found(api: ManagementApi, client: str) -> None:
    for method, path in (("GET", f"{PATH}/{client}"), ("POST", f"{PATH}/{client}/revoke")):
        answer = await api.request(method, path)
        assert (answer.status, answer.error["code"]) == (404, "TokenNotFound")


async def test_an_expired_one_is_listed_as_such(api: ManagementApi) -> None:
    made = (await create(api, expiresAfter="1ms")).json
    time.sleep(0.005)  # noqa: ASYNC251 (longer than it lives; the clock is the store's, too)
    listed = (await api.request("GET", f"{PATH}/{made['clientId']}")).json
    assert listed["status"] == "expired"
