from pathlib import Path
from typing import Self

import pytest

from portcall.cli import completion, main
from portcall.cli.errors import NotRunningError
from tests.unit.cli.fakes import EVERY_REGISTRY, REG, REGISTRY, SERVER, WEBHOOK, FakeApi


class Kept(FakeApi):
    """The API as a transport that is closed after use."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    fake = Kept()
    fake.on("GET", REG, REGISTRY)
    fake.on("GET", EVERY_REGISTRY, {"value": [REGISTRY, {**REGISTRY, "name": "other"}]})
    fake.on("GET", f"{REG}/webhooks", {"value": [WEBHOOK]})
    tokens = [{"name": "ci", "status": "live"}, {"name": "old", "status": "revoked"}]
    fake.on("GET", "/portcall/tokens", {"value": tokens})
    monkeypatch.setattr(completion, "find_server", lambda: SERVER)
    monkeypatch.setattr(completion, "HttpTransport", lambda *_args, **_options: fake)
    return fake


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> "Complete":
    return Complete(monkeypatch, capsys)


class Complete:
    """What bash is offered for the last word of a line."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, line: str) -> list[str]:
        self._monkeypatch.setenv("_PORTCALL_COMPLETE", "complete_bash")
        self._monkeypatch.setenv("COMP_WORDS", line)
        self._monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        with pytest.raises(SystemExit):
            main.run([])
        return self._capsys.readouterr().out.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        pytest.param("portcall webhook list", ["list", "list-events"], id="commands"),
        pytest.param("portcall registry show ", ["myregistry", "other"], id="registries"),
        pytest.param("portcall registry show -n ", ["myregistry", "other"], id="registries by -n"),
        pytest.param("portcall registry delete --name my", ["myregistry"], id="by --name"),
        pytest.param("portcall token revoke ", ["ci"], id="tokens"),
        pytest.param("portcall token revoke -n c", ["ci"], id="tokens by -n"),
        pytest.param("portcall webhook show -r my", ["myregistry"], id="registries by prefix"),
        pytest.param(
            "portcall webhook show -r myregistry -n ", ["ci01hook"], id="webhooks of a registry"
        ),
        pytest.param("portcall webhook show -n ", [], id="webhooks of no registry"),
        pytest.param("portcall webhook show -r none5 -n ", [], id="webhooks of a missing registry"),
        pytest.param(
            "portcall webhook create --actions chart", ["chart_push", "chart_delete"], id="actions"
        ),
        pytest.param("portcall run re", ["recorder"], id="roles"),
    ],
)
def test_names_are_completed(
    line: str, offered: list[str], api: FakeApi, complete: Complete
) -> None:
    assert complete(line) == offered


@pytest.mark.parametrize("line", ["portcall registry show ", "portcall webhook show -r x -n "])
def test_without_a_server_nothing_is_offered_and_nothing_said(
    line: str, complete: Complete, somewhere: Path
) -> None:
    assert complete(line) == []


def test_a_server_that_does_not_answer_is_no_error(api: FakeApi, complete: Complete) -> None:
    api.errors["GET", EVERY_REGISTRY] = NotRunningError("nobody answers")
    assert complete("portcall registry show ") == []
