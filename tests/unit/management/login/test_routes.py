"""Login over the API: the metadata, the authority, tokens; what strangers learn."""

import time
from urllib.parse import urlencode

import jwt
import pytest
from jwt import PyJWK

from portcall.store.access.access_tokens import AUDIENCE
from portcall.store.access.principals import PrincipalRow, Principals, Role, digest_of, new_secret
from portcall.store.errors import StoreUnavailableError
from tests.unit.management.api import VERSION, Answer, Json, ManagementApi

FORM = "application/x-www-form-urlencoded"
HOST = "management.test:8400"
ADFS = "/adfs/oauth2/token"


class Robot:
    """A principal, and its secret."""

    def __init__(self, api: ManagementApi, role: Role = Role.READER, **values: Json) -> None:
        api.store.signing_keys.ensure()
        self.api = api
        self.secret = new_secret()
        self.row: PrincipalRow = api.store.principals.create(
            "robot", role=role, digest=digest_of(self.secret), **values
        )

    async def log_in(self, path: str = ADFS, **changes: str | None) -> Answer:
        fields = {
            "client_id": self.row.client_id,
            "client_secret": self.secret,
            "grant_type": "client_credentials",
            "scope": f"{AUDIENCE}/.default",
            **changes,
        }
        kept = {name: value for name, value in fields.items() if value is not None}
        content = urlencode(kept).encode()
        return await self.api.request(
            "POST", path, content, query="", token=None, content_type=FORM
        )


@pytest.fixture
def robot(api: ManagementApi) -> Robot:
    return Robot(api)


async def open_page(api: ManagementApi, path: str, **more: Json) -> Answer:
    return await api.request("GET", path, query="", token=None, **more)


async def test_the_metadata_are_those_of_the_recipe(api: ManagementApi) -> None:
    answer = await open_page(api, "/metadata/endpoints")
    origin = f"http://{HOST}"
    assert answer.json == {
        "name": "Portcall",
        "resourceManager": origin,
        "portal": origin,
        "gallery": origin,
        "graphAudience": f"{origin}/graph/",
        "authentication": {
            "loginEndpoint": f"{origin}/adfs",
            "audiences": ["https://management.local.azurecr/"],
            "tenant": "adfs",
            "identityProvider": "ADFS",
        },
        "suffixes": {"acrLoginServer": "azurecr.io"},
    }
    assert (await api.request("GET", "/METADATA/endpoints/", query=VERSION)).status == 200


async def test_addresses_are_those_by_which_the_client_came(api: ManagementApi) -> None:
    answer = await open_page(api, "/metadata/endpoints", headers={"Host": "[::1]:9"})
    assert answer.json["resourceManager"] == "http://[::1]:9"


@pytest.mark.parametrize("host", ["", "a/b", "evil host", 'x"y', "a" * 256])
async def test_a_host_that_is_none_is_refused(api: ManagementApi, host: str) -> None:
    for path in ("/metadata/endpoints", "/adfs/.well-known/openid-configuration"):
        answer = await open_page(api, path, headers={"Host": host})
        assert (answer.status, answer.error["code"]) == (400, "InvalidHostHeader")


async def test_the_authority_is_described_in_both_forms(api: ManagementApi) -> None:
    adfs = (await open_page(api, "/adfs/.well-known/openid-configuration")).json
    assert adfs["issuer"] == f"http://{HOST}/adfs"
    assert adfs["token_endpoint"] == f"http://{HOST}{ADFS}"
    assert adfs["jwks_uri"] == f"http://{HOST}/adfs/discovery/keys"
    tenant = api.installation.tenant
    path = f"/{tenant.upper()}/v2.0/.well-known/openid-configuration"
    directory = (await open_page(api, path)).json
    assert directory["issuer"] == f"http://{HOST}/{tenant}/v2.0"
    assert directory["token_endpoint"] == f"http://{HOST}/{tenant}/oauth2/v2.0/token"


@pytest.mark.parametrize(
    "path",
    [ADFS, "/adfs/oauth2/v2.0/token", "/{tenant}/oauth2/v2.0/token", "/{tenant}/oauth2/token"],
)
async def test_a_token_is_given_for_the_right_secret(
    api: ManagementApi, robot: Robot, path: str
) -> None:
    answer = await robot.log_in(path.format(tenant=api.installation.tenant))
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    token = answer.json.pop("access_token")
    assert {"token_type": "Bearer", "expires_in": 3600, "ext_expires_in": 3600}.items() <= (
        answer.json.items()
    )
    keys = (await open_page(api, "/adfs/discovery/keys")).json["keys"]
    header = jwt.get_unverified_header(token)
    (key,) = [PyJWK(each) for each in keys if each["kid"] == header["kid"]]
    claims = jwt.decode(token, key.key, algorithms=["RS256"], audience=AUDIENCE)
    assert claims["appid"] == robot.row.client_id
    assert (claims["tid"], claims["roles"]) == (api.installation.tenant, ["reader"])
    assert claims["iss"].startswith(f"http://{HOST}/")
    found = api.store.principals.get(robot.row.client_id)
    assert found is not None and found.used_ms is not None


async def test_the_public_keys_have_no_private_half(api: ManagementApi) -> None:
    api.store.signing_keys.ensure()
    for path in ("/adfs/discovery/keys", f"/{api.installation.tenant}/discovery/v2.0/keys"):
        (key,) = (await open_page(api, path)).json["keys"]
        assert set(key) == {"kty", "key_ops", "n", "e", "kid", "use", "alg"}


async def test_whoever_is_wrong_is_told_the_same(api: ManagementApi, robot: Robot) -> None:
    other = "6f1f4a9c-0000-4000-8000-00000000000f"
    answers = [
        await robot.log_in(client_secret=new_secret()),
        await robot.log_in(client_secret="guess"),  # noqa: S106 (a wrong one)
        await robot.log_in(client_id=other),
        await robot.log_in(client_id="robot"),
        await robot.log_in(client_id="' OR 1=1 --"),
    ]
    api.store.principals.revoke(robot.row.client_id)
    answers.append(await robot.log_in())
    assert {(answer.status, answer.text) for answer in answers} == {(401, answers[0].text)}
    assert answers[0].json["error"] == "invalid_client"
    assert answers[0].json["error_codes"] == [7000215]
    assert "Retry-After" not in answers[0].headers


async def test_an_expired_client_gets_no_token(api: ManagementApi) -> None:
    robot = Robot(api, expires_ms=int(time.time() * 1000) - 1)
    assert (await robot.log_in()).status == 401


@pytest.mark.parametrize("tenant", ["common", "6f1f4a9c-0000-4000-8000-00000000000f", "%ff"])
async def test_another_tenant_is_an_invalid_request(
    api: ManagementApi, robot: Robot, tenant: str
) -> None:
    answers = [
        await robot.log_in(f"/{tenant}/oauth2/v2.0/token"),
        await open_page(api, f"/{tenant}/v2.0/.well-known/openid-configuration"),
        await open_page(api, f"/{tenant}/discovery/v2.0/keys"),
    ]
    for answer in answers:
        assert (answer.status, answer.json["error"]) == (400, "invalid_request")
        assert "AADSTS90002" in answer.json["error_description"]
        assert api.installation.tenant not in answer.text


async def test_a_body_is_bounded(api: ManagementApi) -> None:
    content = b"client_id=" + b"x" * 17_000
    answer = await api.request("POST", ADFS, content, query="", token=None, content_type=FORM)
    assert (answer.status, answer.json["error"]) == (413, "invalid_request")


async def test_without_its_store_there_are_no_tokens(
    api: ManagementApi, robot: Robot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(Principals, "get", away)
    answer = await robot.log_in()
    assert (answer.status, answer.json["error"]) == (503, "temporarily_unavailable")


async def test_other_methods_are_not_allowed(api: ManagementApi) -> None:
    answer = await open_page(api, ADFS)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/adfs", "/adfs/oauth2/authorize", "/metadata", "/msi", "/x"])
async def test_what_else_there_is_strangers_do_not_learn(api: ManagementApi, path: str) -> None:
    assert (await open_page(api, path)).status == 401
