"""The load test's registry: those that others left are named, and its own is taken away."""

import pytest

from portcall.cli.client import Management
from portcall.cli.errors import NotRunningError
from portcall.cli.loadtest import through as loadthrough
from tests.unit.cli.fakes import EVERY_REGISTRY, REGISTRIES, REGISTRY, SERVER, FakeApi, arm_error

NAME = "loadtest0123456789ab"
PATH = f"{REGISTRIES}/{NAME}"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    monkeypatch.setattr(loadthrough, "BACK_S", 0.0)
    return FakeApi()


def test_what_killed_load_tests_left_is_found_by_its_name(api: FakeApi) -> None:
    names = (NAME, "loadtests", "myloadtest0123456789ab", "loadtest0123456789AB")
    api.on("GET", EVERY_REGISTRY, {"value": [{**REGISTRY, "name": name} for name in names]})
    assert loadthrough._left_over(Management(SERVER, api)) == [NAME]


@pytest.mark.parametrize("status", [200, 204, 404])
async def test_the_registry_is_taken_away_without_a_word(
    api: FakeApi, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    api.on("DELETE", PATH, status=status)
    await loadthrough._delete(Management(SERVER, api), PATH, NAME)
    assert [each.method for each in api.asked] == ["DELETE"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("reason", ["nobody answers", "later"])
async def test_where_it_cannot_be_deleted_no_report_is_lost(
    api: FakeApi, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if reason == "nobody answers":
        api.errors["DELETE", PATH] = NotRunningError(reason)
    api.on("DELETE", PATH, arm_error("ServiceUnavailable", "later"), status=503)
    await loadthrough._delete(Management(SERVER, api), PATH, NAME)
    said = " ".join(capsys.readouterr().err.split())
    assert f"portcall registry delete {NAME}" in said
    assert reason in said


async def test_a_server_that_is_back_in_time_is_asked_again(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loadthrough, "BACK_S", 60.0)
    monkeypatch.setattr(loadthrough, "AGAIN_S", 0.0)
    management = Management(SERVER, api)
    before = api.request

    def first(method: str, target: str, *more: object) -> object:
        api.request = before  # type: ignore[method-assign]  # only the first call fails
        raise NotRunningError("nobody answers")

    api.request = first  # type: ignore[method-assign, assignment]  # the same
    api.on("DELETE", PATH, status=204)
    await loadthrough._delete(management, PATH, NAME)
    assert [each.method for each in api.asked] == ["DELETE"]
    assert capsys.readouterr().err == ""
