"""`portcall az-env`: the lines, and the check with programs of our own in place of az."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import pytest

from portcall.cli.az import check as azcheck
from portcall.cli.az.check import complaint, environment
from portcall.cli.az.env import target_of
from portcall.cli.az.lines import AzTarget, Shell, lines, no_proxy_for
from portcall.cli.errors import NotRunningError
from portcall.cli.transport import Reply
from tests.unit.cli.conftest import Run

SECRET = "s3cret-of-the-principal"  # noqa: S105 (of nobody)
READY = {
    "management_tls_url": "https://127.0.0.1:8443",
    "ca_file": "/home/me/it's here/ca.pem",
    "client_id": "11111111-1111-4111-8111-111111111111",
    "client_secret": SECRET,
    "tenant": "22222222-2222-4222-8222-222222222222",
}
WHO = {
    "AZURE_CLIENT_ID": "an-id",
    "AZURE_CLIENT_SECRET": SECRET,
    "AZURE_TENANT_ID": "a-tenant",
}


def write_ready(home: Path, **changes: object) -> None:
    home.mkdir(exist_ok=True)
    (home / "ready.json").write_text(json.dumps(READY | changes, indent=2))


@pytest.fixture
def home(somewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a server that runs; no proxies, nothing of Azure's."""
    for name in (
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "REQUESTS_CA_BUNDLE",
        *WHO,
    ):
        monkeypatch.delenv(name, raising=False)
    folder = somewhere / ".portcall"
    write_ready(folder)
    return folder


class FakeAz:
    """A program that writes down how it was called, and ends as it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "az"
        self.ends: dict[str, tuple[int, str]] = {}
        self.say("version", out='{"azure-cli": "2.91.0"}')
        self.say("acr", out="[{}, {}]")

    def say(self, command: str, *, out: str = "", err: str = "", code: int = 0) -> None:
        """Let every call whose first word is *command* end so."""
        (self.folder / f"{command}.out").write_text(out)
        (self.folder / f"{command}.err").write_text(err)
        (self.folder / f"{command}.code").write_text(str(code))
        self.path.write_text(
            "#!/bin/sh\n"
            f"cd '{self.folder}'\n"
            'echo "$* < $(cat)" >>calls\n'
            "env >environ\n"
            'cat "$1.out" 2>/dev/null; cat "$1.err" >&2 2>/dev/null\n'
            'exit "$(cat "$1.code" 2>/dev/null || echo 0)"\n'
        )
        self.path.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    @property
    def environ(self) -> dict[str, str]:
        told = (self.folder / "environ").read_text().splitlines()
        return dict(line.split("=", 1) for line in told if "=" in line)


@pytest.fixture
def az(somewhere: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> FakeAz:
    """An az on PATH that does what it is told."""
    folder = somewhere / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return FakeAz(folder)


class FakeServer:
    """What the server answers to the question for its endpoints."""

    def __init__(self) -> None:
        self.reply = Reply(200, b'{"authentication": {"loginEndpoint": "https://x/adfs"}}', {})
        self.problem = ""
        self.asked: list[tuple[str, str]] = []

    def __call__(self, url: str, *, ca_file: str, **_options: object) -> Self:
        self.asked.append((url, ca_file))
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def request(self, _method: str, _target: str) -> Reply:
        if self.problem:
            raise NotRunningError(self.problem)
        return self.reply


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    fake = FakeServer()
    monkeypatch.setattr(azcheck, "HttpTransport", fake)
    return fake


def target(**changes: Any) -> AzTarget:  # noqa: ANN401 (its own fields)
    fields = {
        "url": "https://127.0.0.1:8443",
        "folder": Path("/h/azure"),
        "client_id": "an-id",
        "client_secret": SECRET,
        "tenant": "a-tenant",
    }
    return AzTarget(**{**fields, **changes})


@pytest.mark.parametrize("shell", Shell)
def test_the_lines_have_every_setting_and_no_secret(
    home: Path, portcall: Run, shell: Shell
) -> None:
    ended = portcall("az-env", "--shell", shell.value)
    assert (ended.code, ended.err) == (0, "")
    assert SECRET not in ended.out
    for told in (
        "AZURE_CONFIG_DIR", str(home / "azure-portcall-8443"), "REQUESTS_CA_BUNDLE", "ca.pem",
        "AZURE_CORE_COLLECT_TELEMETRY", "register", "https://127.0.0.1:8443", "--service-principal",
        READY["client_id"], READY["tenant"], f"{home / 'ready.json'}", "@-",
    ):  # fmt: skip
        assert told in ended.out, told


def test_a_posix_shell_runs_the_lines(home: Path, portcall: Run, az: FakeAz) -> None:
    az.say("cloud")
    ended = portcall("az-env")
    shell = shutil.which("sh")
    assert shell is not None
    subprocess.run([shell, "-eu", "-c", ended.out], check=True, stdin=subprocess.DEVNULL)  # noqa: S603 (our own lines)
    assert az.calls == [
        "cloud show --name Portcall < ",
        "cloud set --name Portcall --only-show-errors < ",
        (
            f"login --service-principal --username {READY['client_id']}"
            f" --tenant {READY['tenant']} --password @- --output none < {SECRET}"
        ),
    ]
    assert az.environ["REQUESTS_CA_BUNDLE"] == READY["ca_file"]
    assert az.environ["AZURE_CONFIG_DIR"] == str(home / "azure-portcall-8443")


def test_a_cloud_that_is_not_known_is_registered(home: Path, portcall: Run, az: FakeAz) -> None:
    az.say("cloud", code=3)
    script = portcall("az-env").out
    subprocess.run(["/bin/sh", "-c", script], check=True, stdin=subprocess.DEVNULL)  # noqa: S603 (our own lines)
    assert az.calls[1] == (
        "cloud register --name Portcall --endpoint-resource-manager https://127.0.0.1:8443 < "
    )


@pytest.mark.parametrize(
    ("shell", "quoted"),
    [
        (Shell.SH, "'/it'\"'\"'s'"),
        (Shell.FISH, r"'/it\'s'"),
        (Shell.POWERSHELL, "'/it''s'"),
    ],
)
def test_each_shell_has_its_own_quotes(shell: Shell, quoted: str) -> None:
    assert quoted in lines(target(ca_file=Path("/it's")), shell)


@pytest.mark.parametrize("shell", Shell)
def test_without_a_ready_file_the_secret_comes_from_the_environment(shell: Shell) -> None:
    told = lines(target(), shell)
    assert SECRET not in told
    assert "AZURE_CLIENT_SECRET" in told.splitlines()[-1]
    assert "REQUESTS_CA_BUNDLE" not in told


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({}, None, id="no proxy"),
        pytest.param({"HTTP_PROXY": "http://p"}, None, id="a proxy for others"),
        pytest.param({"HTTPS_PROXY": "http://p"}, "127.0.0.1", id="a proxy"),
        pytest.param({"https_proxy": "http://p", "no_proxy": "a.example"}, "a.example,127.0.0.1", id="with exceptions"),
        pytest.param({"HTTPS_PROXY": "http://p", "NO_PROXY": "localhost,127.0.0.1"}, None, id="excepted"),
        pytest.param({"ALL_PROXY": "http://p", "NO_PROXY": "*"}, None, id="all excepted"),
    ],
)  # fmt: skip
def test_a_proxy_is_gone_around(environ: Mapping[str, str], expected: str | None) -> None:
    assert no_proxy_for("https://127.0.0.1:8443", environ) == expected


def test_another_server_is_reached_as_the_environment_says(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = target_of("https://p.example/", {**WHO, "REQUESTS_CA_BUNDLE": "/ca.pem"})
    assert (found.url, found.client_id, found.tenant) == ("https://p.example", "an-id", "a-tenant")
    assert (found.client_secret, found.ready_file) == (SECRET, None)
    assert found.ca_file == Path("/ca.pem")
    assert found.folder == Path.home() / ".azure-portcall-p.example-443"
    assert target_of("https://127.0.0.1:8443/", {}).ready_file == home / "ready.json"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        pytest.param(("--url", "http://127.0.0.1:8400"), 2, "https only", id="http"),
        pytest.param(("--url", "8443"), 2, "https only", id="no address"),
        pytest.param(("--url", "https://p.example"), 2, "set AZURE_CLIENT_ID, AZURE_CLIENT_SECRET, AZURE_TENANT_ID", id="nobody"),
        pytest.param(("--check", "--az", "/no/az"), 2, "--az: /no/az", id="no program"),
        pytest.param(("--shell", "csh"), 2, "csh", id="no shell"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told(
    home: Path, portcall: Run, arguments: tuple[str, ...], code: int, told: str
) -> None:
    ended = portcall("az-env", *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert told in ended.err


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"management_tls_url": None}, "PORTCALL_MANAGEMENT_TLS_BIND"), (None, "not running here")],
)
def test_without_a_server_it_says_what_to_start(
    home: Path, portcall: Run, changes: dict[str, object] | None, told: str
) -> None:
    if changes is None:
        (home / "ready.json").unlink()
    else:
        write_ready(home, **changes)
    ended = portcall("az-env")
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err


def test_the_check_runs_every_step_in_a_folder_that_is_gone_afterwards(
    home: Path, portcall: Run, az: FakeAz, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CONFIG_DIR", "/home/me/.azure")
    monkeypatch.setenv("AZURE_CLIENT_ID", "somebody else")
    ended = portcall("az-env", "--check", "-o", "json")
    assert (ended.code, ended.err) == (0, "")
    told = json.loads(ended.out)
    assert told["ok"] is True
    assert [each["check"] for each in told["checks"]] == [
        "az", "server", "cloud", "login", "registries",
    ]  # fmt: skip
    assert [call.split()[:2] for call in az.calls] == [
        ["version", "--output"], ["cloud", "register"], ["cloud", "set"],
        ["login", "--service-principal"], ["acr", "list"],
    ]  # fmt: skip
    assert az.calls[3].endswith(f"< {SECRET}")
    assert "AZURE_CLIENT_ID" not in az.environ
    folder = Path(az.environ["AZURE_CONFIG_DIR"])
    assert folder.name.startswith("azure-portcall-")
    assert not folder.parent.exists()
    assert server.asked == [(READY["management_tls_url"], READY["ca_file"])]


@pytest.mark.parametrize(
    ("command", "err", "check", "found", "advice"),
    [
        pytest.param("version", "ERROR: broken", "az", "broken", "install it", id="az is broken"),
        pytest.param("cloud", "ERROR: Name in use", "cloud", "Name in use", "portcall doctor", id="cloud"),
        pytest.param("login", "ERROR: AADSTS7000215: Invalid client secret.", "login", "AADSTS7000215", "portcall token create", id="secret"),
        pytest.param("login", f"ERROR: invalid_client {SECRET}", "login", "***", "portcall token create", id="secret told"),
        pytest.param("login", "ERROR: Max retries (Caused by SSLError: certificate verify failed)", "login", "verify failed", "CA file", id="certificate"),
        pytest.param("acr", "WARNING: a\nERROR: Connection refused\nTo learn more", "registries", "Connection refused", "start `portcall up`", id="away"),
    ],
)  # fmt: skip
def test_the_first_step_that_fails_ends_the_check(
    portcall: Run, az: FakeAz, server: FakeServer, *,
    command: str, err: str, check: str, found: str, advice: str,
) -> None:  # fmt: skip
    az.say(command, err=err, code=1)
    ended = portcall("az-env", "--check", "-o", "json")
    last = json.loads(ended.out)["checks"][-1]
    assert ended.code == 1
    assert (last["check"], last["verdict"]) == (check, "wrong")
    assert found in last["found"]
    assert advice in last["advice"]
    assert SECRET not in ended.out


def test_without_az_it_says_how_to_get_it(
    home: Path, portcall: Run, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(home))
    ended = portcall("az-env", "--check", "-o", "table")
    assert ended.code == 1
    assert "az is not on PATH" in ended.out
    assert "install-azure-cli" in ended.out


def test_another_program_of_that_name_is_not_az(
    portcall: Run, az: FakeAz, server: FakeServer
) -> None:
    az.say("version", out="az 1.0")
    ended = portcall("az-env", "--check", "-o", "table")
    assert (ended.code, "is not Microsoft's az" in ended.out) == (1, True)


@pytest.mark.parametrize(
    ("problem", "found", "advice"),
    [
        pytest.param(
            "the certificate of X is not trusted (no): set SSL_CERT_FILE", "not trusted",
            "CA file", id="certificate",
        ),
        pytest.param("nobody answers at X (refused): start it", "nobody answers", "start it", id="away"),
    ],
)  # fmt: skip
def test_a_server_that_cannot_be_asked_is_told_before_az_is(
    portcall: Run, az: FakeAz, server: FakeServer, *, problem: str, found: str, advice: str
) -> None:
    server.problem = problem
    ended = portcall("az-env", "--check", "-o", "json")
    last = json.loads(ended.out)["checks"][-1]
    assert (ended.code, last["check"]) == (1, "server")
    assert found in last["found"]
    assert advice in last["advice"]
    assert len(az.calls) == 1


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(Reply(200, b"<html>", {}), id="no json"),
        pytest.param(Reply(200, b"{}", {}), id="another"),
        pytest.param(Reply(404, b"{}", {}), id="not found"),
    ],
)
def test_a_server_that_is_no_portcall_is_told(
    portcall: Run, az: FakeAz, server: FakeServer, reply: Reply
) -> None:
    server.reply = reply
    ended = portcall("az-env", "--check", "-o", "json")
    assert (ended.code, json.loads(ended.out)["checks"][-1]["check"]) == (1, "server")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ERROR: (Code) said\nCode: Code", "(Code) said"),
        ("WARNING: w\nERROR: e", "e"),
        ("Traceback\nValueError: x\n", "ValueError: x"),
        ("", ""),
    ],
)
def test_a_complaint_is_the_line_of_the_error(text: str, expected: str) -> None:
    assert complaint(text) == expected


def test_az_gets_nothing_that_points_elsewhere() -> None:
    environ = {"PATH": "/bin", "ARM_X": "1", "AZURE_X": "1", "IDENTITY_ENDPOINT": "x"}
    found = environment(target(), environ | {"REQUESTS_CA_BUNDLE": "/others.pem"})
    assert found == {"PATH": "/bin", **target().variables()}
