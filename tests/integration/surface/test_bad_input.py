"""Bad input to every server and to the command: refused by name, and nothing comes of it.

All of it goes to one installation whose every role runs. Its webhooks lead to a socket that must
not be reached, and the last tests look: at the store, at the queues, at that socket, and that the
same socket is reached when the input is good.
"""

import json
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from portcall.cli import main
from portcall.cli.up.broker import PrivateBroker
from portcall.schemas.topology import JOURNAL, LOG
from portcall.schemas.webhooks import Sku
from portcall.store.engine import Store, open_store
from portcall.store.secrets.keys import KeySource
from tests.integration.surface.cli_rows import LINES, Line
from tests.integration.surface.roles import (
    REGISTRIES,
    TOKEN,
    Roles,
    connections,
    listening,
    running_roles,
)
from tests.integration.surface.rows import BEARER, EVENTS_PATH, ROWS, Bad, send
from tests.integration.surface.token_rows import LOGINS, BadLogin
from tests.rabbit import ErlangShell
from tests.unit.management.source_rows import add_sources

EVERY_ROLE = ("management", "producer", "router", "deliverer", "recorder")
PUSH = {"action": "push", "target": {"repository": "team/app", "tag": "v1"}}
HEADERS = {"Authorization": BEARER, "Content-Type": "application/json"}


@dataclass
class World:
    """A whole installation, and what it looked like before."""

    roles: Roles
    trap: socket.socket
    before: list[str] = field(default_factory=list)
    queued: dict[str, int | None] = field(default_factory=dict)

    def dump(self) -> list[str]:
        """The store, without marks: who asks for an event waits until the recorder read one."""
        return [line for line in self._rows() if "'mark:" not in line]

    def marks(self) -> int:
        """How many marks were read; each is an empty frame in both streams."""
        return sum(line.startswith('INSERT INTO "frames" VALUES(\'mark:') for line in self._rows())

    def unmarked(self) -> dict[str, int | None]:
        """How many messages are in each queue, without marks; of a stream a moment late."""
        marks = dict.fromkeys((LOG, JOURNAL), self.marks())
        return {
            queue: (count or 0) - marks.get(queue, 0)
            for queue, count in self.roles.depths().items()
        }

    def _rows(self) -> list[str]:
        with closing(sqlite3.connect(f"file:{self.roles.database}?mode=ro", uri=True)) as database:
            return list(database.iterdump())


@pytest.fixture(scope="module")
def world(
    tmp_path_factory: pytest.TempPathFactory,
    private_broker: PrivateBroker,
    erlang_shell: ErlangShell,
    migrated_file: Path,
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("badinput")
    running = running_roles(
        EVERY_ROLE, folder, broker=private_broker, shell=erlang_shell, migrated=migrated_file
    )
    with listening() as trap, running as roles:
        stock(roles, f"http://127.0.0.1:{trap.getsockname()[1]}/trap")
        made = World(roles, trap)
        made.before, made.queued = made.dump(), roles.depths()
        yield made


def stock(roles: Roles, uri: str) -> None:
    """What the tables speak of: a full registry, one that is too full for a smaller SKU."""
    vault = KeySource(text="", home=roles.database.parent).vault()
    store = open_store(f"sqlite:///{roles.database}", vault)
    for registry, sku, names in (
        ("Basic", Sku.BASIC, ("webhook01", "webhook02")),
        ("Three", Sku.STANDARD, ("webhook01", "webhook02", "webhook03")),
        ("Alpha", Sku.PREMIUM, ("webhook01", "disabled1")),
    ):
        store.registries.put(
            registry, location="westus", sku=sku, tags={}, resource_group="portcall"
        )
        for name in names:
            put(store, registry, name, uri)
    disabled = store.webhooks.get("alpha", "disabled1")
    assert disabled is not None
    store.webhooks.disable(disabled.id, "410 Gone", 0)
    add_sources(store)
    store.close()


def put(store: Store, registry: str, name: str, uri: str) -> None:
    store.webhooks.put(registry, name, location="westus", tags={}, uri=uri, headers={}, actions=31)


def within_s(patience_s: float, holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def test_the_tables_are_long_enough() -> None:
    assert len(ROWS) + len(LINES) + len(LOGINS) >= 700
    for table in (LINES, LOGINS):
        assert len({row.id for row in table}) == len(table)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_bad_request_is_refused(world: World, row: Bad) -> None:
    answer = row.send(world.roles.urls[row.server])
    if row.method == "HEAD":
        assert answer.status == row.status
        return
    assert (answer.status, answer.error["code"]) == (row.status, row.code), answer.body
    assert row.names in answer.error["message"], answer.body
    assert answer.headers["Content-Type"].startswith("application/json")
    if row.server == "management":
        assert answer.error.get("target") == row.target, answer.body


@pytest.mark.parametrize("row", LOGINS, ids=lambda row: row.id)
def test_a_bad_login_is_refused(world: World, row: BadLogin) -> None:
    headers = {"Content-Type": row.content_type} if row.content_type else {}
    answer = send(world.roles.urls["management"], "POST", row.path, headers, row.body)
    told = json.loads(answer.body)
    assert (answer.status, told["error"]) == (row.status, row.error), answer.body
    assert row.says in told["error_description"]
    assert set(told) == {"error", "error_description", "error_codes"}
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Cache-Control"] == "no-store"


# A command is a process of its own and closes its connections by ending; here it only returns.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("line", LINES, ids=lambda line: line.id)
def test_a_bad_command_line_is_refused(
    world: World,
    line: Line,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORTCALL_HOME", str(tmp_path))
    ready = {
        "management_url": world.roles.urls["management"],
        "producer_url": world.roles.urls["producer"],
        "token": TOKEN,
        "subscription": REGISTRIES.split("/")[2],
        "resource_group": "portcall",
    }
    (tmp_path / "ready.json").write_text(json.dumps(ready))
    code = main.run(list(line.arguments))
    told = capsys.readouterr()
    assert code == line.code, told.err
    assert line.says in told.err
    assert told.err.startswith("error: ")
    assert "Traceback" not in told.err and "bug in portcall" not in told.err
    assert told.out == ""


def test_nothing_was_stored_published_or_connected_to(world: World) -> None:
    assert connections(world.trap, within_s=1.5) == 0
    # A private node counts a stream once a minute.
    assert within_s(75, lambda: world.unmarked() == world.queued), world.unmarked()
    assert world.dump() == world.before


def test_and_the_servers_work(world: World) -> None:
    """The same webhooks get what is good: it could have been seen."""
    for path in ("/live", "/ready"):
        for server in ("management", "producer"):
            assert send(world.roles.urls[server], "GET", path, {}).status == 200
    path = f"{REGISTRIES}/Alpha/webhooks?api-version=2025-11-01"
    assert send(world.roles.urls["management"], "GET", path, HEADERS).status == 200
    answer = send(
        world.roles.urls["producer"], "POST", EVENTS_PATH, HEADERS, json.dumps(PUSH).encode()
    )
    assert answer.status == 202
    assert connections(world.trap, within_s=20) == 1
    assert within_s(20, lambda: world.dump() != world.before)
