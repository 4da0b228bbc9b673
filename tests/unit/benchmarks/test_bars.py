"""Counts of an event that must not grow."""

import json
import sqlite3
from pathlib import Path

import pytest

from benchmarks.harness.counts import transactions
from benchmarks.measurements import bars

CASE = "200/s, fan-out 1, single"


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars of one case."""
    path = tmp_path / "bars.json"
    path.write_text(json.dumps({CASE: {"messages": 5, "transactions": 0.5}}))
    monkeypatch.setattr(bars, "BARS", path)


@pytest.mark.usefixtures("stored")
def test_counts_at_their_bar_are_good() -> None:
    assert bars.broken(CASE, {"counts": {"messages": 5.0, "transactions": 0.1}}) == []


@pytest.mark.usefixtures("stored")
def test_a_count_above_its_bar_is_named() -> None:
    (problem,) = bars.broken(CASE, {"counts": {"messages": 5.01, "transactions": 0.1}})
    assert "5.01 messages an event" in problem
    assert "the bar is 5" in problem


@pytest.mark.usefixtures("stored")
def test_a_case_without_bars_has_none() -> None:
    assert bars.broken("20/s, fan-out 1, single", {"counts": {"messages": 50}}) == []


def test_the_stored_bars_name_what_is_counted() -> None:
    stored = json.loads(bars.BARS.read_text())
    assert set(stored[CASE]) <= {"messages", "confirms", "acks", "transactions", "calls", "sleeps"}


def test_sqlite_counts_transactions(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (n INTEGER)")
    before = transactions(path)
    for number in range(7):
        with connection:
            connection.execute("INSERT INTO t VALUES (?)", (number,))
            connection.execute("INSERT INTO t VALUES (?)", (number,))
    assert transactions(path) - before == 7
    connection.execute("SELECT count(*) FROM t").fetchall()
    assert transactions(path) - before == 7
    connection.close()


def test_a_missing_database_has_no_transactions(tmp_path: Path) -> None:
    assert transactions(tmp_path / "none.db") == 0
