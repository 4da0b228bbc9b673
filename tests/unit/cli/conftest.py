"""Commands run as people run them, but against a `FakeApi` and outside any home folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from portcall.cli import client, main
from tests.unit.cli.fakes import REG, REGISTRY, SERVER, FakeApi


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture(autouse=True)
def somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory without an installation, and an environment that names none."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "HOME",
        "URL",
        "PRODUCER_URL",
        "TOKEN",
        "AMQP_URL",
        "DATABASE_URL",
        "LOG_LEVEL",
        "SHARDS",
    ):
        monkeypatch.delenv(f"PORTCALL_{name}", raising=False)
    return tmp_path


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> FakeApi:
    """A server that is found, and that has the registry ``myregistry``."""
    fake = FakeApi()
    fake.on("GET", REG, REGISTRY)
    monkeypatch.setattr(client, "find_server", lambda _url: SERVER)
    monkeypatch.setattr(client, "HttpTransport", lambda *_args, **_kwargs: fake)
    return fake


@pytest.fixture
def portcall(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command line."""

    def run(*arguments: str) -> Ended:
        code = main.run(list(arguments))
        told = capsys.readouterr()
        return Ended(code, told.out, told.err)

    return run
