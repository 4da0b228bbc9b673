"""The event log on SQLite: the contract, and what only a file can show."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from portcall.store.engine import open_store
from tests.unit.store.contract.eventlog import (
    AppendingContract,
    DetailContract,
    PruningContract,
    ReadingContract,
    rows_in,
)
from tests.unit.store.samples import STREAM


class TestAppending(AppendingContract):
    """On SQLite."""


class TestReading(ReadingContract):
    """On SQLite."""


class TestPruning(PruningContract):
    """On SQLite."""


class TestDetail(DetailContract):
    """On SQLite."""


_WRITER = """
import sys
from portcall.store.engine import open_store
from tests.unit.store.samples import STREAM, event, frame, record

log = open_store(sys.argv[1]).eventlog
position, offset = None, 0
while True:
    frames = [frame([record(i) for i in range(3)], [event(f"e{offset}")], frame_id=f"f{offset}")]
    position = log.append(STREAM, position, [(offset, frames[0])])
    offset += 1
    print(position.offset, flush=True)
"""


def test_a_killed_writer_leaves_rows_and_position_in_agreement(
    sqlite_url: str, tmp_path: Path
) -> None:
    writer = subprocess.Popen(  # noqa: S603 (our own interpreter)
        [sys.executable, "-c", _WRITER, sqlite_url], stdout=subprocess.PIPE, cwd=Path.cwd()
    )
    assert writer.stdout is not None
    committed = [int(writer.stdout.readline()) for _ in range(20)][-1]
    os.kill(writer.pid, signal.SIGKILL)
    committed = max([committed, *(int(line) for line in writer.stdout.read().split())])
    writer.wait(timeout=10)
    writer.stdout.close()

    store = open_store(sqlite_url)
    position = store.eventlog.position(STREAM)
    assert position is not None
    assert position.offset >= committed
    assert rows_in(store, "records") == 3 * rows_in(store, "frames") == 3 * (position.offset + 1)
    store.close()
