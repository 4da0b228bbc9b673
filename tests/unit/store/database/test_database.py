"""The way into the database: URLs, locks, errors."""

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from portcall.schemas.errors import InvalidValueError
from portcall.store.database import database
from portcall.store.database.database import Database, chunks, database_url
from portcall.store.engine import open_store
from portcall.store.errors import StoreUnavailableError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///portcall.db", "sqlite:///portcall.db"),
        ("sqlite:////srv/portcall.db", "sqlite:////srv/portcall.db"),
        ("postgresql://u@h/db", "postgresql+psycopg://u@h/db"),
        ("postgres://u@h:5/db", "postgresql+psycopg://u@h:5/db"),
        ("postgresql+psycopg://u@h/db?sslmode=require", None),
    ],
)
def test_a_url_gets_the_driver_that_we_use(url: str, expected: str | None) -> None:
    assert str(database_url(url)) == (expected or url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "mysql://u@h/db",
        "postgresql+asyncpg://u@h/db",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "postgresql://u@h:port/db",
    ],
)
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidValueError, match="database_url"):
        database_url(url)


def test_a_password_is_not_in_the_refusal() -> None:
    with pytest.raises(InvalidValueError) as caught:
        open_store("mysql://user:hunter2@host/db")
    assert "hunter2" not in str(caught.value)


def test_a_file_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'no' / 'such.db'}")
    with pytest.raises(StoreUnavailableError, match="unable to open database file"):
        store.webhooks.revision()


def test_a_database_without_tables_is_unavailable(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(StoreUnavailableError, match="no such table"):
        store.installation.get()
    store.close()


def test_a_lock_that_is_not_given_in_time_is_unavailable_and_does_not_stay_so(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_TIMEOUT_S", 0)
    store = open_store(sqlite_url)
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as other:
        other.execute("BEGIN IMMEDIATE")
        assert store.registries.list() == []  # readers do not wait for a writer
        with pytest.raises(StoreUnavailableError, match="database is locked"):
            store.registries.delete("myregistry")
    assert not store.registries.delete("myregistry")
    store.close()


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    path = tmp_path / "text.db"
    path.write_text("not a database " * 100)
    store = open_store(f"sqlite:///{path}")
    with pytest.raises(StoreUnavailableError, match="not a database"):
        store.webhooks.revision()
    store.close()


def test_a_process_without_a_free_connection_is_told_so(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "POOL_TIMEOUT_S", 0)
    opened = Database(sqlite_url)
    with ExitStack() as stack:
        for _ in range(15):
            stack.enter_context(opened.reading())
        with pytest.raises(StoreUnavailableError, match="no free connection"), opened.reading():
            pass
    with opened.reading() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    opened.close()


def test_a_connection_in_use_when_the_store_is_closed_is_closed_after_it(sqlite_url: str) -> None:
    """Of a thread whose caller was cancelled."""
    opened = Database(sqlite_url)
    with opened.reading() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        opened.close()
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
        driver.execute("SELECT 1")


def test_an_error_of_ours_is_not_called_an_outage(sqlite_url: str) -> None:
    opened = Database(sqlite_url)

    def insert_twice() -> None:
        with opened.writing() as connection:
            for _ in range(2):
                connection.execute(text("INSERT INTO counters VALUES ('a', 1)"))

    with pytest.raises(IntegrityError):
        insert_twice()
    opened.close()


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)], ids=["FULL", "NORMAL"])
def test_what_must_survive_a_power_cut_waits_for_the_disk(
    sqlite_url: str, *, durable: bool, level: int
) -> None:
    opened = Database(sqlite_url)
    with opened.writing(durable=durable) as connection:
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == level
    opened.close()


def test_the_fewest_connections_are_used_and_each_has_a_small_cache(sqlite_url: str) -> None:
    opened = Database(sqlite_url, cache_mib=3)
    with opened.reading() as first, opened.reading() as second:
        for connection in (first, second):
            assert connection.execute(text("PRAGMA cache_size")).scalar_one() == -3 * 1024
    used = []
    for _ in range(4):
        with opened.reading() as connection:
            used.append(connection.connection.driver_connection)
    assert all(each is used[0] for each in used)
    opened.close()


def test_a_transaction_that_raises_leaves_nothing(sqlite_url: str) -> None:
    opened = Database(sqlite_url)

    def fail() -> None:
        with opened.writing() as connection:
            connection.execute(text("DELETE FROM counters"))
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with opened.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM counters")).scalar_one() == 7
    opened.close()


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (2, [2]), (3, [2, 1]), (4, [2, 2])]
)
def test_chunks(count: int, sizes: list[int]) -> None:
    assert [len(chunk) for chunk in chunks(range(count), 2)] == sizes
