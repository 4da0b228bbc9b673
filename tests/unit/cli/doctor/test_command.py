"""The doctor on made-up installations; the real one is looked at in tests/e2e."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest
import typer

from portcall.cli.doctor import checks, findings, traffic_checks, verdicts
from portcall.cli.doctor.checks import CheckedInstallation, site_of
from portcall.cli.doctor.failing import failing
from portcall.cli.doctor.filling import filling
from portcall.cli.doctor.findings import Finding, Verdict
from portcall.cli.errors import NotRunningError
from portcall.cli.output import Output
from portcall.cli.transport import Reply
from portcall.runtime.errors import BrokerError
from portcall.schemas.topology import Topology
from tests.unit.cli.conftest import Run

AMQP = "amqp://guest:guest@127.0.0.1/"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home folder of an installation that runs: this test is all its processes."""
    folder = tmp_path / ".portcall"
    folder.mkdir(mode=0o700)
    ready = {
        "amqp_url": AMQP,
        "database_url": f"sqlite:///{tmp_path / 'none.db'}",
        "processes": [{"role": "router", "pid": os.getpid()}],
    }
    (folder / "ready.json").write_text(json.dumps(ready))
    (folder / "ready.json").chmod(0o600)
    return folder


class FakeBroker:
    """A broker with every queue that it is asked about, but for those in *missing*."""

    def __init__(self) -> None:
        self.problem = ""
        self.missing: set[str] = set()
        self.difference = ""
        self.applied: list[Topology] = []

    async def ping(self, url: str) -> str:
        assert url == AMQP
        if self.problem:
            raise BrokerError(self.problem)
        return "4.3.6"

    async def depths(self, _url: str, queues: Iterable[str]) -> dict[str, int | None]:
        return {queue: None if queue in self.missing else 0 for queue in queues}

    async def apply(self, _url: str, topology: Topology) -> None:
        self.applied.append(topology)
        if self.difference:
            raise BrokerError(self.difference)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> FakeBroker:
    fake = FakeBroker()
    for name in ("ping", "depths", "apply"):
        monkeypatch.setattr(checks, name, getattr(fake, name))
    return fake


def found(site: CheckedInstallation) -> dict[str, Finding]:
    return {finding.check: finding for finding in checks.broker(site)}


def test_all_is_well(
    home: Path, broker: FakeBroker, portcall: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "schema_problem", lambda _url: None)
    monkeypatch.setattr(checks, "webhooks", lambda _site: findings.webhooks([]))
    monkeypatch.setattr(traffic_checks, "filling", lambda _site: filling("/x", 10**12, 0.0))
    monkeypatch.setattr(traffic_checks, "failing", lambda _site: failing([], 0))
    ended = portcall("doctor", "-o", "json")
    told = json.loads(ended.out)
    assert (ended.code, told["ok"], ended.err) == (0, True, "")
    assert {each["check"]: each["verdict"] for each in told["checks"]} == dict.fromkeys(
        ("python", "variables", "home", "ready.json", "processes", "broker", "topology", "direct way", "queues", "dead letters", "database", "webhooks", "failing webhooks",
         "disk growth",
         "binds", "clock", "disk"), "ok",
    ) | {"encryption keys": "unknown", "certificate": "unknown", "ignored events": "unknown", "recorder": "unknown"}  # fmt: skip


def test_the_terminal_gets_a_line_for_each_and_what_to_do(
    home: Path, broker: FakeBroker, portcall: Run
) -> None:
    broker.problem = "connection refused"
    home.chmod(0o755)
    ended = portcall("doctor", "-o", "table")
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert lines[0].split()[:2] == ["ok", "python"]
    assert "wrong    home                 .portcall can be read by others (mode 0755)" in lines
    assert "                              do: chmod 700 .portcall" in lines
    assert any(
        line.startswith("wrong    broker               connection refused") for line in lines
    )
    wrong = [line.split()[1] for line in lines if line.startswith("wrong ")]
    assert lines[-1] == f"Wrong: {', '.join(wrong)}. The lines `do:` say how to fix it."


@pytest.mark.parametrize(
    ("given", "last"),
    [
        ([findings.ok("disk", "")], "Nothing is wrong."),
        (
            [findings.ok("disk", ""), findings.unknown("clock", "no server")],
            "Nothing is wrong. Not checked: clock.",
        ),
        (
            [findings.wrong("sources", "a", "x"), findings.wrong("sources", "b", "x")],
            "Wrong: sources. The lines `do:` say how to fix it.",
        ),
    ],
    ids=["well", "unknown", "twice the same"],
)
def test_the_last_line_says_which_findings_to_read(
    given: list[Finding], last: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with suppress(typer.Exit):
        verdicts.report(given, Output.TABLE)
    assert capsys.readouterr().out.splitlines()[-1] == last


def test_without_an_installation_it_says_what_to_start(portcall: Run) -> None:
    ended = portcall("doctor", "-o", "json")
    verdicts = {each["check"]: each["verdict"] for each in json.loads(ended.out)["checks"]}
    assert ended.code == 1
    assert verdicts["ready.json"] == "wrong"
    assert verdicts["broker"] == verdicts["database"] == "unknown"


def test_roles_that_run_alone_need_no_home(
    broker: FakeBroker, portcall: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTCALL_AMQP_URL", AMQP)
    monkeypatch.setenv("PORTCALL_DATABASE_URL", "sqlite:////nowhere/x.db")
    monkeypatch.setattr(checks, "schema_problem", lambda _url: None)
    ended = portcall("doctor", "-o", "json")
    verdicts = {each["check"]: each["verdict"] for each in json.loads(ended.out)["checks"]}
    assert ended.code == 0
    assert verdicts["home"] == verdicts["ready.json"] == "unknown"
    assert verdicts["topology"] == "ok"


def test_a_home_of_somebody_else(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert checks.home(site_of({})).verdict is Verdict.WRONG


def test_a_ready_file_that_others_can_read(home: Path) -> None:
    (home / "ready.json").chmod(0o644)
    first, _ = checks.running(site_of({}))
    assert (first.verdict, first.advice) == (Verdict.WRONG, "chmod 600 .portcall/ready.json")


def test_a_process_that_ended_does_not_live_even_unwaited() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not checks.lives(child.pid)
    assert not checks.lives(child.pid)
    assert checks.lives(os.getpid())


def test_missing_queues_are_told_and_nothing_is_declared(home: Path, broker: FakeBroker) -> None:
    broker.missing = {"portcall.log"}
    findings = found(site_of({}))
    assert findings["topology"].found == "missing queues: portcall.log"
    assert broker.applied == []


def test_queues_that_differ_are_told(home: Path, broker: FakeBroker) -> None:
    broker.difference = "inequivalent arg 'x-max-age'"
    assert found(site_of({}))["topology"].verdict is Verdict.WRONG
    [applied] = broker.applied
    assert (applied.exchanges, applied.bindings) == ((), ())


def test_the_settings_of_what_runs_decide_about_the_queues(
    home: Path, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = {"PORTCALL_RETRY_SCHEDULE": "1s,7s", "PORTCALL_SHARDS": "3"}
    monkeypatch.setattr("portcall.cli.commands.topology.environment_of", lambda _ready: running)
    list(checks.broker(site_of({"PORTCALL_SHARDS": "5"})))
    [applied] = broker.applied
    names = {queue.name for queue in applied.queues}
    assert {"portcall.wait.7s", "portcall.deliver.2"} <= names
    assert "portcall.deliver.3" not in names


def test_a_setting_that_is_wrong_is_told_by_name(home: Path, broker: FakeBroker) -> None:
    findings = found(site_of({"PORTCALL_SHARDS": "many"}))
    assert "PORTCALL_SHARDS" in findings["settings"].found


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param(
            "sqlite:////nowhere/x.db", "the file /nowhere/x.db does not exist", id="no file"
        ),
        pytest.param("mysql://x", "mysql is not known", id="no such kind"),
        pytest.param("postgresql://x@127.0.0.1:1/x", "does not answer", id="no server"),
    ],
)
def test_a_database_that_cannot_be_used(url: str, said: str) -> None:
    finding = checks.database(CheckedInstallation(Path(), {"PORTCALL_DATABASE_URL": url}, None))
    assert finding.verdict is Verdict.WRONG
    assert said in finding.found


class FakeRole:
    """What a role's health server answers; stands in for the transport."""

    status = 200
    body = b"{}"
    gone = False

    def __init__(self, _url: str, **_options: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def request(self, _method: str, target: str) -> Reply:
        if self.gone:
            raise NotRunningError("nobody answers at http://x (refused): start it")
        date = {"date": "Sun, 22 Nov 2026 10:00:00 GMT"}
        return Reply(200 if target == "/live" else self.status, self.body, date)


@pytest.mark.parametrize(
    ("status", "body", "gone", "verdict", "said"),
    [
        pytest.param(200, b"{}", False, Verdict.OK, "live and ready", id="ready"),
        pytest.param(
            503, b'{"problems": {"broker": "away"}}', False, Verdict.WRONG, "broker: away",
            id="not ready",
        ),
        pytest.param(503, b"<html>", False, Verdict.WRONG, "status 503", id="not ours"),
        pytest.param(200, b"", True, Verdict.WRONG, "not live: nobody answers", id="gone"),
    ],
)  # fmt: skip
def test_roles_are_asked_how_they_are(
    *,
    status: int,
    body: bytes,
    gone: bool,
    verdict: Verdict,
    said: str,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Role(FakeRole):
        pass

    Role.status, Role.body, Role.gone = status, body, gone
    monkeypatch.setattr(checks, "HttpTransport", Role)
    (home / "run").mkdir()
    (home / "run" / "router-1.json").write_text('{"health_url": "http://x"}')
    [(finding, date_s)] = checks.roles(site_of({}))
    assert (finding.check, finding.verdict) == ("role router-1", verdict)
    assert said in finding.found
    assert date_s == (None if gone else 1_795_341_600.0)


@pytest.mark.parametrize("content", ["", "[]", "{}", "7"])
def test_a_run_file_that_cannot_be_read_is_told(content: str, home: Path) -> None:
    (home / "run").mkdir()
    (home / "run" / "router.json").write_text(content)
    [(finding, _)] = checks.roles(site_of({}))
    assert (finding.check, finding.verdict) == ("role router", Verdict.WRONG)


def test_the_disk_of_a_home_that_is_not_there_yet(tmp_path: Path) -> None:
    finding = checks.disk(CheckedInstallation(tmp_path / "a" / "b", {}, None))
    assert str(tmp_path) in finding.found
