"""The installation's folder: private, locked, and with what is kept there."""

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from portcall.cli.errors import NodeError, UpError
from portcall.cli.home import Home, write_private
from portcall.cli.up import node
from portcall.cli.up.node import NodeFolder, NodeState
from portcall.cli.up.ready import Addresses, ReadyFile
from portcall.cli.up.roles import Report, _reasons, read_report


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_home_is_for_its_owner_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "deep" / "home")
    home.prepare()
    assert mode_of(home.path) == 0o700


def test_an_open_home_becomes_private(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o755)
    Home(tmp_path / "home").prepare()
    assert mode_of(tmp_path / "home") == 0o700


def test_a_folder_that_others_use_is_left_alone(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(UpError, match=r"a separate folder"):
        Home(shared).prepare()
    assert mode_of(shared) == 0o1777


def test_a_home_that_is_a_file_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(UpError, match="cannot be used"):
        Home(tmp_path / "home").prepare()


def test_a_second_up_is_refused_and_told_the_first_ones_pid(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    with (
        home.locked(),
        pytest.raises(UpError, match=r"already runs in .* \(pid \d+\)"),
        home.locked(),
    ):
        pass
    with home.locked():
        pass


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff"], ids=["empty", "short", "binary"])
def test_a_token_file_without_a_token_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(UpError, match="at least 16 characters") as refused:
        Home(tmp_path).token()
    assert str(tmp_path / "token") in str(refused.value)


def test_the_token_is_made_once_and_kept_private(tmp_path: Path) -> None:
    home = Home(tmp_path)
    token = home.token()
    assert len(token) >= 32
    assert Home(tmp_path).token() == token
    assert mode_of(tmp_path / "token") == 0o600


def test_a_private_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_private(path, "one")
    write_private(path, "two")
    assert path.read_text() == "two"
    assert mode_of(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]


class FakeService:
    """As much of a service as ready.json needs."""

    def __init__(self, role: str, pid: int | None) -> None:
        self.role = self.name = role
        self.pid = pid

    async def launch(self) -> None: ...

    async def wait(self) -> int:
        return 0

    async def problem(self) -> str | None:
        return None

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


ADDRESSES = Addresses(
    management_url="http://127.0.0.1:8400",
    management_tls_url="https://127.0.0.1:8443",
    ca_file="/home/tls/ca.pem",
    producer_url="http://127.0.0.1:8401",
    console_url="http://127.0.0.1:8400/console",
    amqp_url="amqp://user:password@127.0.0.1:5672/",
    database_url="sqlite:////home/portcall.db",
    token="token",  # noqa: S106 (of nobody)
    client_id="c",
    client_secret="secret",  # noqa: S106 (of nobody)
    tenant="t",
    subscription="s",
    resource_group="portcall",
)


def test_ready_json_has_the_keys_of_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    services = [FakeService("rabbitmq", 6), FakeService("router", 2), FakeService("producer", 1)]
    ReadyFile(path).publish(ADDRESSES, services)
    document = json.loads(path.read_text())
    assert set(document) == {
        *("management_url", "management_tls_url", "ca_file", "producer_url", "console_url"),
        *("amqp_url", "database_url", "token", "client_id", "client_secret"),
        *("tenant", "subscription", "resource_group", "processes"),
    }
    with_tls = replace(ADDRESSES, producer_tls_url="https://127.0.0.1:8444")
    ReadyFile(path).publish(with_tls, services)
    assert json.loads(path.read_text())["producer_tls_url"] == "https://127.0.0.1:8444"
    assert document["console_url"] == "http://127.0.0.1:8400/console"
    assert document["processes"] == [
        {"role": "producer", "pid": 1},
        {"role": "router", "pid": 2},
        {"role": "rabbitmq", "pid": 6},
    ]
    assert mode_of(path) == 0o600


def test_ready_json_follows_the_pids_but_is_never_there_too_early(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    path.write_text("of a predecessor")
    file = ReadyFile(path)
    file.remove()
    router = FakeService("router", 2)
    file.update([router])
    assert not path.exists()
    file.publish(ADDRESSES, [router])
    router.pid = 7
    file.update([router])
    assert json.loads(path.read_text())["processes"] == [{"role": "router", "pid": 7}]
    file.remove()
    file.update([router])
    assert not path.exists()


def test_a_node_keeps_its_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = NodeState("portcall", "password", "cookie", 1, 2, 3)
    folder = NodeFolder(tmp_path)
    folder.prepare(state)
    assert folder.load_state() == state
    for name in ("node.json", ".erlang.cookie", "rabbitmq.conf"):
        assert mode_of(tmp_path / name) == 0o600


async def test_a_first_start_that_was_cut_short_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "SETTLE_S", 0)
    folder = NodeFolder(tmp_path / "rabbitmq")
    data = folder.path / "data"
    folder.begin()
    data.mkdir()
    folder.begin()
    assert not data.exists(), "half a start is worth nothing"
    data.mkdir()
    await folder.settle()
    folder.begin()
    assert data.exists(), "a whole one is kept"
    assert not folder.is_new


@pytest.mark.parametrize(
    "text", ["", "[]", '{"user": "portcall"}'], ids=["empty", "list", "partial"]
)
def test_a_damaged_node_file_is_not_overwritten(tmp_path: Path, text: str) -> None:
    (tmp_path / "node.json").write_text(text)
    with pytest.raises(NodeError, match="contains the password"):
        NodeFolder(tmp_path).load_state()
    assert (tmp_path / "node.json").read_text() == text


def test_a_node_takes_nothing_from_the_machines_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RABBITMQ_NODE_PORT", "5672")
    monkeypatch.setenv("ERL_FLAGS", "-name somebody@example.org")
    environment = NodeFolder(tmp_path).environment(NodeState("u", "p", "c", 1, 2, 3))
    assert "RABBITMQ_NODE_PORT" not in environment
    assert environment["RABBITMQ_CONFIG_FILES"].startswith(str(tmp_path)), "/etc/rabbitmq/conf.d"
    assert "ERL_FLAGS" not in environment


@pytest.mark.parametrize(
    ("text", "report"),
    [
        pytest.param('{"pid": 7, "health_url": "http://h"}', Report(7, "http://h"), id="whole"),
        pytest.param("{", None, id="half"),
        pytest.param('{"pid": 7}', None, id="partial"),
        pytest.param("[]", None, id="list"),
        pytest.param(None, None, id="missing"),
    ],
)
def test_a_run_file_is_read_or_waited_for(
    tmp_path: Path, text: str | None, report: Report | None
) -> None:
    path = tmp_path / "router-1.json"
    if text is not None:
        path.write_text(text)
    assert read_report(path) == report


@pytest.mark.parametrize(
    ("body", "reasons"),
    [
        pytest.param(
            '{"problems": {"a": "no broker", "b": "no store"}}', "no broker; no store", id="two"
        ),
        pytest.param("oops", "is not ready", id="no JSON"),
        pytest.param("[]", "is not ready", id="a list"),
        pytest.param('{"problems": []}', "is not ready", id="no reasons"),
    ],
)
def test_the_reasons_of_a_role_are_one_line(body: str, reasons: str) -> None:
    assert _reasons(body) == reasons


def test_a_node_has_its_name_from_the_start(tmp_path: Path) -> None:
    """Else it boots a second Erlang VM first, only to find its epmd."""
    state = NodeState("u", "p", "c", 1, 2, 3)
    environment = NodeFolder(tmp_path).environment(state, name="other@localhost")
    arguments = environment["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"]
    assert environment["RABBITMQ_NODENAME"] == "other@localhost"
    assert "-sname other@localhost" in arguments
    assert "inet_dist_listen_min 2 inet_dist_listen_max 2" in arguments


def test_a_lone_node_has_no_others_to_tell_that_it_lives(tmp_path: Path) -> None:
    NodeFolder(tmp_path).prepare(NodeState("u", "p", "c", 1, 2, 3))
    written = (tmp_path / "advanced.config").read_text()
    assert "{aten, [{heartbeat_interval, 10000}]}" in written
    assert "{quorum_tick_interval, 60000}" in written
