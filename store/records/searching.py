"""Searching the records: filters, newest first, in bounded time however many records there are.

A search scans backwards from the newest record, or from where the last search stopped, through
windows of ids. It ends with a full page, at the beginning of the log, or after `BUDGET_S`; then it
says how far it got. `store.records.scan` defines the windows.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from portcall.store.database.database import Database
from portcall.store.records.event_log import StoredRecord, read_record
from portcall.store.records.filters import Filter, RecordLine
from portcall.store.records.scan import RecordScan

BUDGET_S = 0.25


@dataclass(frozen=True, slots=True)
class FoundRecords:
    """The result of a search.

    Attributes:
        lines: Newest first.
        next: Where to continue (the *before* of the next search); None: there is no more.
        searched_to_ms: When the oldest searched record began; None: none was searched.
        is_full: Whether the search ended because the page was full; otherwise, with a *next*,
            because its time was over: "nothing found since ..., search on?".
    """

    lines: list[RecordLine]
    next: int | None = None
    searched_to_ms: int | None = None
    is_full: bool = False


class Searching:
    """Finds records.

    All methods may raise `StoreUnavailableError`: the database does not answer.
    """

    def __init__(self, database: Database, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock_s = clock_s

    def search(
        self,
        wanted: Filter,
        *,
        before: int | None = None,
        limit: int = 50,
        budget_s: float = BUDGET_S,
    ) -> FoundRecords:
        """The next matching records, newest first.

        Args:
            wanted: The filter.
            before: Only records with a smaller id: the *next* of the search before.
            limit: How many at most.
            budget_s: How long to search; it may read one window more after that.
        """
        deadline_s = self._clock_s() + budget_s
        with self._database.reading() as connection:
            walk = RecordScan(connection, wanted, before)
            lines: list[RecordLine] = []
            while not walk.is_over:
                lines += walk.step(limit - len(lines))
                if len(lines) == limit:
                    return FoundRecords(lines, lines[-1].id, lines[-1].started_ms, is_full=True)
                if self._clock_s() >= deadline_s:
                    return FoundRecords(lines, walk.next, walk.reached_ms())
            return FoundRecords(lines, None, walk.reached_ms())

    def get(self, record_id: int) -> StoredRecord | None:
        """One record with its request, its response and its event; None: there is none."""
        with self._database.reading() as connection:
            return read_record(connection, record_id)
