"""How az logs in, and what it says when it may not."""

from pathlib import Path

import pytest

from tests.azure.az import Az
from tests.installation import Installation


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


def test_without_a_login_nothing_is_shown(stranger: Az) -> None:
    ended = stranger("acr", "list")
    assert ended.code == 1
    assert "az login" in ended.err


def test_another_ca_is_not_trusted(stranger: Az, pipeline: Installation) -> None:
    stranger.environ.pop("REQUESTS_CA_BUNDLE")
    ended = stranger.log_in(pipeline.ready)
    assert ended.code == 1
    assert "certificate verify failed" in ended.err.lower()
