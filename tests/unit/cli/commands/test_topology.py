import json
import subprocess
from collections.abc import Iterable, Iterator

import pytest

from portcall.cli.commands import topology
from portcall.cli.commands.topology import document, queue_rows, settings_of
from portcall.cli.errors import UsageError
from portcall.runtime.errors import BrokerError, SettingsError
from portcall.schemas.topology import Topology
from tests.unit.cli.conftest import Run

AMQP = "amqp://guest:guest@127.0.0.1/"


@pytest.fixture
def role() -> Iterator[int]:
    """The pid of a process that was started as a role is."""
    environ = {"PORTCALL_AMQP_URL": AMQP, "PORTCALL_SHARDS": "3", "PORTCALL_HOME": "/x"}
    pipe = subprocess.PIPE
    with subprocess.Popen(["/bin/cat"], stdin=pipe, stdout=pipe, bufsize=0, env=environ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        # Until the program runs, the kernel may show an empty environment.
        process.stdin.write(b"x")
        assert process.stdout.read(1) == b"x"
        yield process.pid
        process.stdin.close()


def test_what_runs_here_goes_before_this_shells_environment(role: int) -> None:
    ready = {"amqp_url": "amqp://ready/", "processes": [{"pid": "none"}, {"pid": role}]}
    environ = {"PORTCALL_AMQP_URL": AMQP, "PORTCALL_SHARDS": "7", "PORTCALL_RETRY_SCHEDULE": "7s"}
    settings = settings_of(environ, ready)
    assert (settings.amqp_url, settings.shards) == ("amqp://ready/", 3)
    assert len(settings.retry_schedule_ms) == 10  # the default: the role was given none


def test_this_shells_environment_stands_in_for_roles_that_cannot_be_looked_at() -> None:
    ready = {"amqp_url": "amqp://ready/", "processes": [{"role": "router", "pid": 1 << 22}, {}]}
    settings = settings_of({"PORTCALL_SHARDS": "7"}, ready)
    assert (settings.amqp_url, settings.shards) == ("amqp://ready/", 7)


def test_the_environment_is_enough() -> None:
    assert settings_of({"PORTCALL_AMQP_URL": AMQP}, {}).amqp_url == AMQP


def test_without_a_broker_it_says_how_to_name_one() -> None:
    with pytest.raises(UsageError, match="set PORTCALL_AMQP_URL, such as amqp://"):
        settings_of({}, {})


def test_a_wrong_setting_is_told() -> None:
    with pytest.raises(SettingsError, match="PORTCALL_SHARDS"):
        settings_of({"PORTCALL_AMQP_URL": AMQP, "PORTCALL_SHARDS": "0"}, {})


def test_rows_and_document_say_what_is_missing() -> None:
    wanted = settings_of({"PORTCALL_AMQP_URL": AMQP, "PORTCALL_SHARDS": "1"}, {}).topology
    counts: dict[str, int | None] = {queue.name: 0 for queue in wanted.queues}
    counts |= {"portcall.log": None, "portcall.dead": 5}
    rows = {row["QUEUE"]: row for row in queue_rows(wanted, counts)}
    assert rows["portcall.log"]["MESSAGES"] == "missing"
    assert rows["portcall.dead"] == {
        "QUEUE": "portcall.dead",
        "MESSAGES": "5",
        "TYPE": "quorum",
        "ARGUMENTS": "overflow=reject-publish max-length-bytes=4294967296 delivery-limit=1000000",
    }
    shown = document(wanted, counts)
    assert {each["name"]: each["messages"] for each in shown["queues"]} == counts
    assert shown["relays"] == [
        {"exchange": "portcall.shards", "source": "portcall.events", "key": "#"}
    ]
    shard = {"exchange": "portcall.shards", "queue": "portcall.deliver.0", "key": ""}
    assert shard | {"headers": {"portcall-shard": "0"}} in shown["bindings"]
    assert len(shown["exchanges"]) == len(wanted.exchanges)


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Topology]]:
    """What was declared where."""
    declared: list[tuple[str, Topology]] = []

    async def apply(url: str, wanted: Topology) -> None:
        if "refused" in url:
            raise BrokerError("the broker at refused cannot be reached")
        declared.append((url, wanted))

    async def depths(_url: str, queues: Iterable[str]) -> dict[str, int | None]:
        return dict.fromkeys(queues, 1)

    monkeypatch.setattr(topology, "apply", apply)
    monkeypatch.setattr(topology, "depths", depths)
    monkeypatch.setenv("PORTCALL_AMQP_URL", AMQP)
    return declared


def test_apply_declares_everything(applied: list[tuple[str, Topology]], portcall: Run) -> None:
    ended = portcall("topology", "apply")
    assert (ended.code, ended.out) == (0, "")
    assert "The broker has" in ended.err
    [(url, wanted)] = applied
    assert url == AMQP
    assert wanted.exchanges
    assert wanted.bindings


def test_apply_tells_what_the_broker_says(
    applied: list[tuple[str, Topology]], portcall: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTCALL_AMQP_URL", "amqp://refused/")
    ended = portcall("topology", "apply")
    assert (ended.code, ended.err) == (1, "error: the broker at refused cannot be reached\n")


def test_show_prints_a_table_or_json(applied: list[tuple[str, Topology]], portcall: Run) -> None:
    assert portcall("topology", "show", "-o", "table").out.startswith("QUEUE ")
    assert {"exchanges", "queues", "bindings", "relays"} == set(
        json.loads(portcall("topology", "show").out)
    )


def test_without_a_broker_nothing_is_declared(portcall: Run) -> None:
    ended = portcall("topology", "apply")
    assert (ended.code, "PORTCALL_AMQP_URL" in ended.err) == (2, True)
