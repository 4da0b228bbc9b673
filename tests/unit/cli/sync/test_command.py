"""The command line of `portcall source sync`, and one run of it without a network."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from portcall.cli.server import Server
from portcall.cli.sync import command, run
from portcall.cli.sync.publish import Publishing
from portcall.cli.sync.registry import credentials
from portcall.cli.sync.registry.catalogue import Catalogue, Found
from portcall.cli.sync.registry.errors import RegistryError
from portcall.cli.sync.registry.kinds import Api
from portcall.cli.sync.run import Sync
from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import REG, SERVER, FakeApi
from tests.unit.cli.sync.fakes import A, B
from tests.unit.cli.sync.test_scan import FakeCatalogue

FROM = ("--from", "https://registry.test")
THIS = ("source", "sync", "-r", "myregistry", *FROM)
SEEN = {"repository": "a", "tag": "v1", "digest": B, "seenAt": "2026-05-01T09:04:05.0000000Z"}


@dataclass
class Away:
    """A registry and a producer in memory, and what the commands ask of them."""

    catalogue: FakeCatalogue
    sent: list[dict[str, Any]] = field(default_factory=list)
    syncs: list[Sync] = field(default_factory=list)


@pytest.fixture
def away(api: FakeApi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Away:
    """A registry with two tags: one that Portcall knows otherwise, and a new one."""
    away = Away(FakeCatalogue({"a": {"v1": Found(A), "v2": Found(A)}}))
    api.on("GET", f"{REG}/knownTags", {"value": [SEEN]})
    api.on("POST", f"{REG}/adoptTags", {})
    monkeypatch.setenv("PORTCALL_HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    def server(_url: str | None) -> Server:
        return SERVER

    async def catalogue(_client: object, _api: Api) -> tuple[Api, Catalogue]:
        return Api.DISTRIBUTION, away.catalogue

    async def send(_self: Publishing, body: bytes) -> tuple[None, float]:
        away.sent += json.loads(body)
        return None, 0.0

    monkeypatch.setattr(command, "find_server", server)
    monkeypatch.setattr(run, "catalogue_of", catalogue)
    monkeypatch.setattr(Publishing, "_try", send)
    return away


def test_without_a_terminal_it_counts_and_says_how_to_go_on(away: Away, portcall: Run) -> None:
    ended = portcall(*THIS, "-o", "json")
    report = json.loads(ended.out)
    assert (ended.code, away.sent) == (0, [])
    assert (report["missed"], report["published"]) == ({"new": 1, "moved": 1}, 0)
    assert [each["tag"] for each in report["events"]] == ["v1", "v2"]
    assert "Missed: 2 pushes, of 2 tags." in ended.err
    assert "--yes is needed" in ended.err


def test_yes_publishes_each_marked(away: Away, portcall: Run, tmp_path: Path) -> None:
    ended = portcall(*THIS, "--yes", "-o", "table")
    assert ended.code == 0
    assert [each["target"]["tag"] for each in away.sent] == ["v1", "v2"]
    assert all(each["portcall"] == {"backfilled": True} for each in away.sent)
    assert ended.out.splitlines()[-1].split()[-3:] == ["1", "1", "2"]
    assert list((tmp_path / "sync").iterdir()) == []


@pytest.mark.parametrize("options", [("--dry-run",), ("--dry-run", "--yes")])
def test_a_dry_run_publishes_nothing(away: Away, portcall: Run, options: tuple[str, ...]) -> None:
    assert portcall(*THIS, *options).code == 0
    assert away.sent == []


def test_more_than_the_maximum_is_refused(away: Away, portcall: Run) -> None:
    ended = portcall(*THIS, "--yes", "--max", "1")
    assert (ended.code, away.sent) == (1, [])
    assert "2 events were missed, more than --max 1" in ended.err


def test_adopting_tells_portcall_and_publishes_nothing(
    away: Away, api: FakeApi, portcall: Run
) -> None:
    away.catalogue.content = {"a": {"v2": Found(A)}}
    report = json.loads(portcall(*THIS, "--adopt", "--yes", "-o", "json").out)
    assert (report["adopted"], away.sent) == (2, [])
    (adoption,) = [each.body for each in api.asked if each.method == "POST"]
    assert adoption == {
        "tags": [
            {"repository": "a", "tag": "v2", "digest": A},
            {"repository": "a", "tag": "v1", "digest": None},
        ]
    }


def test_tags_that_were_removed_alone_are_forgotten_with_deletes(
    away: Away, api: FakeApi, portcall: Run
) -> None:
    away.catalogue.content, away.catalogue.manifests = {"a": {}}, {B: False}
    assert portcall(*THIS, "--deletes").code == 0
    assert [each for each in api.asked if each.method == "POST"] == []
    report = json.loads(portcall(*THIS, "--deletes", "--yes", "-o", "json").out)
    assert (report["gone"], away.sent) == ({"tags": 1, "untagged": 1, "unclear": 0}, [])
    (forgotten,) = [each.body for each in api.asked if each.method == "POST"]
    assert forgotten == {"tags": [{"repository": "a", "tag": "v1", "digest": None}]}


def test_an_error_shows_what_was_done(
    away: Away, portcall: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = away.catalogue.look

    async def broken(repository: str, tag: str) -> Found | None:
        if tag == "v2":
            raise RegistryError("https://registry.test does not answer")
        return await look(repository, tag)

    monkeypatch.setattr(away.catalogue, "look", broken)
    ended = portcall(*THIS, "--yes", "--rate", "1000", "-o", "json")
    assert (ended.code, json.loads(ended.out)["published"]) == (1, 0)
    assert "does not answer" in ended.err
    assert len(list((tmp_path / "sync").iterdir())) == 1  # the same command goes on


def test_nothing_known_is_told_before_everything_counts_as_missed(
    away: Away, api: FakeApi, portcall: Run
) -> None:
    api.answers[("GET", f"{REG}/knownTags")] = [(200, {"value": []})]
    assert "--adopt" in portcall(*THIS).err


def test_the_password_is_read_from_standard_input_and_never_shown(
    away: Away, portcall: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[object] = []
    real: Callable[..., object] = credentials.find_credentials

    def find(host: str, username: str, password: str, environ: Mapping[str, str]) -> object:
        found.append((host, username, password))
        return real(host, username, password, environ)

    monkeypatch.setattr(command, "find_credentials", find)
    monkeypatch.setattr("sys.stdin", io.StringIO("s3cret\n"))
    ended = portcall(*THIS, "--username", "robot", "--password-stdin", "--dry-run")
    assert found == [("registry.test", "robot", "s3cret")]
    assert "s3cret" not in ended.out + ended.err
    assert away.sent == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ((), "--from"),
        (("--from", "ftp://x"), "--from"),
        ((*FROM, "--repository", "A b"), "--repository"),
        ((*FROM, "--adopt", "--deletes"), "--adopt"),
        ((*FROM, "--api", "quay"), "--api"),
        ((*FROM, "--rate", "-1"), "--rate"),
        ((*FROM, "--username", "me"), "no password"),
        ((*FROM, "--ca", "missing.pem"), "--ca"),
    ],
)
def test_wrong_options_are_named(
    away: Away, portcall: Run, options: tuple[str, ...], problem: str
) -> None:
    ended = portcall("source", "sync", "-r", "myregistry", *options)
    assert ended.code == 2
    assert problem in ended.err
    assert away.sent == []
