"""How az logs in, and what it says when it may not."""

import json
from pathlib import Path

import pytest

from portcall.cli.ports import free_ports
from tests.azure.az import Az
from tests.azure.conftest import IDENTITY_HEADER
from tests.installation import Document, Installation, new_name
from tests.sink import eventually


@pytest.fixture
def stranger(registered: Az, tmp_path: Path) -> Az:
    """An az in a configuration folder of its own, that knows the server."""
    az = Az(tmp_path / "portcall-tests-stranger", registered.environ["REQUESTS_CA_BUNDLE"])
    az.folder.mkdir()
    clouds = (registered.folder / "clouds.config").read_text()
    (az.folder / "clouds.config").write_text(clouds)
    (az.folder / "config").write_text((registered.folder / "config").read_text())
    return az


def test_a_service_principal_gets_the_subscription(az: Az, pipeline: Installation) -> None:
    ready = pipeline.ready
    account = az("account", "show").json
    assert account["id"] == ready["subscription"]
    assert account["tenantId"] == ready["tenant"]
    assert account["user"] == {"name": ready["client_id"], "type": "servicePrincipal"}
    assert [each["id"] for each in az("account", "list").json] == [ready["subscription"]]


def test_a_token_is_handed_out(az: Az) -> None:
    token = az("account", "get-access-token").json
    assert token["tokenType"] == "Bearer"
    assert token["accessToken"]


@pytest.mark.parametrize("wrong", ["client_secret", "client_id"])
def test_a_wrong_secret_is_told(stranger: Az, pipeline: Installation, wrong: str) -> None:
    ended = stranger.log_in(pipeline.ready, **{wrong: "11111111-1111-4111-8111-111111111111"})
    assert ended.code == 1
    assert "ERROR" in ended.err
    assert "Traceback" not in ended.err
    assert pipeline.ready["client_secret"] not in ended.err
    assert stranger("acr", "list").code == 1


async def new_token(pipeline: Installation, *words: str) -> Document:
    code, out, err = await pipeline.portcall("token", "create", *words)
    assert code == 0, err
    made: Document = json.loads(out)
    return made


def log_in(az: Az, pipeline: Installation, token: Document) -> None:
    ended = az.log_in(
        pipeline.ready, client_id=token["clientId"], client_secret=token["clientSecret"]
    )
    assert ended.code == 0, ended.err


async def test_a_reader_looks_and_changes_nothing(
    stranger: Az, pipeline: Installation, registry: str
) -> None:
    name = new_name("reader")
    log_in(stranger, pipeline, await new_token(pipeline, name, "--role", "reader"))
    assert stranger.acr("show", "-n", registry).json["name"] == registry
    ended = stranger.webhook(
        "create", "-r", registry, "-n", "readerhook", "--uri", "http://x.test/", "--actions", "push"
    )
    assert (ended.code, ended.out) == (1, "")
    assert "(AuthorizationFailed)" in ended.err


async def test_what_was_revoked_is_refused(stranger: Az, pipeline: Installation) -> None:
    token = await new_token(pipeline, new_name("gone"), "--role", "administrator")
    log_in(stranger, pipeline, token)
    assert (await pipeline.portcall("token", "revoke", token["name"]))[0] == 0

    def is_refused() -> bool:
        return stranger.acr("list").code == 1

    await eventually(is_refused, within_s=10, what="it is refused")
    ended = stranger.acr("list")
    assert "InvalidAuthenticationToken" in ended.err


def test_a_managed_identity_needs_no_secret(stranger: Az, pipeline: Installation) -> None:
    for header in ("another-header-of-nobody", IDENTITY_HEADER):
        stranger.environ |= {
            "IDENTITY_ENDPOINT": f"{pipeline.ready['management_url']}/msi/token",
            "IDENTITY_HEADER": header,
        }
        ended = stranger("login", "--identity")
        assert (ended.code == 0) is (header == IDENTITY_HEADER), ended.err
    account = stranger("account", "show").json
    assert account["id"] == pipeline.ready["subscription"]
    assert account["user"]["name"] == "systemAssignedIdentity"
    assert stranger.acr("list").code == 0


@pytest.mark.usefixtures("rabbitmq_installed")
def test_a_login_survives_a_restart_of_the_server(az: Az, tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    installation = Installation(tmp_path / "home", {"PORTCALL_MANAGEMENT_TLS_BIND": address})
    installation.start()
    try:
        again = Az(tmp_path / "portcall-tests-restart", installation.ready["ca_file"])
        again.register(f"https://{address}")
        assert again.log_in(installation.ready).code == 0
        assert installation.stop() == 0
        away = again.acr("list")
        assert (away.code, "Traceback" in away.err) == (1, False)
        installation.start()
        assert again.acr("list").json == []
    finally:
        installation.clean_up()


def test_without_a_login_nothing_is_shown(stranger: Az) -> None:
    ended = stranger("acr", "list")
    assert ended.code == 1
    assert "az login" in ended.err


def test_another_ca_is_not_trusted(stranger: Az, pipeline: Installation) -> None:
    stranger.environ.pop("REQUESTS_CA_BUNDLE")
    ended = stranger.log_in(pipeline.ready)
    assert ended.code == 1
    assert "certificate verify failed" in ended.err.lower()
