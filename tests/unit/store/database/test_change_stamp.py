"""A stamp changes with every commit of any connection, and with nothing else."""

import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from portcall.store.database import change_stamp
from portcall.store.database.change_stamp import ChangeStamp
from portcall.store.engine import open_store

COMMIT = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('INSERT INTO t VALUES (1)'); c.commit()"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a file?.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (a)")
    connection.commit()
    connection.close()
    return path


@pytest.fixture
def stamp(path: Path) -> ChangeStamp:
    return ChangeStamp(str(path))


def test_it_stays_while_nothing_is_committed(path: Path, stamp: ChangeStamp) -> None:
    first = stamp.read()
    assert first is not None
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    assert stamp.read() == first, "an open transaction"
    connection.execute("COMMIT")
    assert stamp.read() == first, "an empty one"
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO t VALUES (1)")
    connection.execute("ROLLBACK")
    connection.execute("SELECT * FROM t").fetchall()
    connection.close()
    assert stamp.read() == first
    stamp.close()


def test_it_changes_with_each_commit(path: Path, stamp: ChangeStamp) -> None:
    found = [stamp.read()]
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("INSERT INTO t VALUES (1)")
    found.append(stamp.read())
    connection.close()
    subprocess.run([sys.executable, "-c", COMMIT, path], check=True, timeout=60)  # noqa: S603 (ours)
    found.append(stamp.read())
    assert None not in found
    assert len(set(found)) == 3
    stamp.close()


class Noted(sqlite3.Connection):
    """Each of them is noted until it is closed; Python 3.13 warns of those that are not."""

    open = 0

    def __init__(self, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401 (handed on)
        super().__init__(*arguments, **settings)
        Noted.open += 1

    def close(self) -> None:
        Noted.open -= 1
        super().close()


def test_it_does_not_wait_for_a_lock(
    path: Path, stamp: ChangeStamp, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = partial(sqlite3.connect, factory=Noted)
    monkeypatch.setattr(
        change_stamp, "sqlite3", SimpleNamespace(connect=noted, Error=sqlite3.Error)
    )
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    other.execute("INSERT INTO t VALUES (1)")
    assert stamp.read() is None
    assert Noted.open == 0
    other.execute("COMMIT")
    other.close()
    assert stamp.read() is not None
    stamp.close()


def test_connections_are_told_apart(path: Path, stamp: ChangeStamp) -> None:
    first = stamp.read()
    stamp.close()
    assert stamp.read() != first, "something may have been committed in between"
    stamp.close()


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert ChangeStamp(str(tmp_path / "none.db")).read() is None
    assert list(tmp_path.iterdir()) == []


def test_a_store_on_postgresql_has_none() -> None:
    store = open_store("postgresql://user@127.0.0.1:1/none")
    assert store.stamp() is None
    store.close()
