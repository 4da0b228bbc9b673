"""A store of the first schema, with what its build wrote, is migrated in place and loses nothing."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from portcall.schemas.records import Outcome
from portcall.schemas.webhooks import Status
from portcall.store.database.migrate import migrate
from portcall.store.engine import Store, open_store
from portcall.store.preparing import prepare_secrets
from portcall.store.records.appending import Position
from tests import ROOT, keys

SQL = ROOT / "tests" / "fixtures" / "upgrade" / "first-store.sql"
SECRET = "whsec_c2hhcmVkIHNlY3JldCBvZiBhIHJlY29yZGluZw=="  # noqa: S105 (made for the recording)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "portcall.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SQL.read_text())
    return path


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    url = f"sqlite:///{path}"
    migrate(url)
    prepare_secrets(url, keys.source())
    opened = open_store(url, keys.vault())
    yield opened
    opened.close()


def test_its_registries_and_webhooks_are_those_of_before(store: Store) -> None:
    (registry,) = store.registries.list()
    assert (registry.name, registry.key) == ("MyRegistry", "myregistry")
    rows = {row.name: row for row in store.webhooks.list("myregistry", limit=10)}
    assert set(rows) == {"signing", "scoped", "turnedoff", "basicauth"}
    assert rows["signing"].secret == SECRET
    assert rows["signing"].headers == {"X-Team": "web"}
    assert (rows["scoped"].scope, rows["scoped"].schedule_ms) == ("team/app:*", (1000, 5000))
    assert rows["turnedoff"].status is Status.DISABLED
    assert rows["basicauth"].authorization == "Basic dXNlcjpwYXNzd29yZA=="
    assert {row.uri for row in rows.values()} == {f"https://example.com/{name}" for name in rows}
    assert store.webhooks.revision() == max(row.revision for row in rows.values()) + 2


def test_its_records_are_those_of_before_and_the_stream_goes_on_behind_them(store: Store) -> None:
    rows = {row.name: row for row in store.webhooks.list("myregistry", limit=10)}
    given_up, retried = store.eventlog.page(rows["scoped"].id, before=None, limit=10)
    assert (given_up.outcome, given_up.attempt) == (Outcome.GIVEN_UP, 2)
    assert (retried.outcome, retried.attempt) == (Outcome.RETRIED, 1)
    (delivered,) = store.eventlog.page(rows["signing"].id, before=None, limit=10)
    assert (delivered.event_id, delivered.body) == ("event-1", b'{"id":"event-1"}')
    assert delivered.detail.answer is not None
    assert delivered.detail.answer.content == "thanks"
    assert store.eventlog.position("portcall.log") == Position(0, "first-frame")
    assert store.eventlog.known_frames(["first-frame"]) == {"first-frame"}


def test_its_secrets_are_sealed(store: Store, path: Path) -> None:
    assert SECRET in SQL.read_text()
    assert store.sealing.key_ids() == [keys.KEY.id]
    with closing(sqlite3.connect(path)) as connection:
        kept = str(connection.execute("SELECT secret, authorization FROM webhooks").fetchall())
    assert SECRET not in kept
    assert "dXNlcjpwYXNzd29yZA==" not in kept
