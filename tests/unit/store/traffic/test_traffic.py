"""Traffic on SQLite: the contract, and what a kill -9 leaves."""

import subprocess
import sys
from pathlib import Path

from portcall.runtime.clock import now_ms
from portcall.store.engine import open_store
from tests.unit.store.contract.eventlog import rows_in
from tests.unit.store.contract.traffic import (
    AddingUpContract,
    EventsContract,
    ForgettingContract,
)


class TestAddingUp(AddingUpContract):
    """On SQLite."""


class TestEvents(EventsContract):
    """On SQLite."""


class TestForgetting(ForgettingContract):
    """On SQLite."""


_WORKER = """
import os
import sys
from portcall.runtime.clock import now_ms
from portcall.store.engine import open_store
from tests.unit.store.contract.notes import take
from tests.unit.store.contract.eventlog import append
from tests.unit.store.contract.traffic import event, record
from tests.unit.store.samples import frame
from portcall.schemas.journal import accepted

store = open_store(sys.argv[1])
number = 0
while True:
    name = f"{os.getpid()}-{number}"
    records = [record(hook, now_ms()) for hook in range(1, 8)]
    append(store, frame(records, [event()], frame_id=name))
    take(store, accepted(event(event_id=name, at_ms=now_ms())), frame_id=name)
    store.traffic.advance(now_ms=now_ms(), window=5)
    number += 1
    print(number, flush=True)
"""


def test_a_killed_walk_counts_nothing_twice_and_leaves_nothing_out(sqlite_url: str) -> None:
    for _ in range(3):
        worker = subprocess.Popen(  # noqa: S603 (our own interpreter)
            [sys.executable, "-c", _WORKER, sqlite_url], stdout=subprocess.PIPE, cwd=Path.cwd()
        )
        assert worker.stdout is not None
        for _ in range(15):
            worker.stdout.readline()
        worker.kill()
        worker.wait(timeout=10)
        worker.stdout.close()

    store = open_store(sqlite_url)
    while store.traffic.advance(now_ms=now_ms(), window=1_000):
        pass
    until_ms = now_ms()
    recorded, noted = rows_in(store, "records"), rows_in(store, "journal_frames")
    for step_s in (10, 60, 3600):
        total = store.traffic.series(
            since_ms=until_ms - 3_600_000, until_ms=until_ms, step_s=step_s
        ).total
        assert (total.attempts, total.latency.count, total.events) == (recorded, recorded, noted)
    assert recorded >= 3 * 15 * 7
    store.close()
