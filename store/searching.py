"""Searching the records: filters, newest first, in bounded time however many records there are.

A search walks back from the newest record, or from where the one before stopped. It ends with a
full page, at the beginning of the log, or after `BUDGET_S`: then it says how far it came.
"""

from dataclasses import dataclass

from schemas.records import Outcome
from store.database import Database
from store.eventlog import StoredRecord

BUDGET_S = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLine:
    """One record as a list shows it: without the request, the response and the body.

    Attributes:
        id: Its number in the log; 0: it was seen in the stream, and has none yet.
        event_id: The event's id.
        registry: The event's registry, in lower case.
        action: The event's action.
        repository: Empty for a ping.
        tag: Empty where the event has none.
        accepted_ms: When the event was accepted, milliseconds since the epoch.
        webhook_id: Whose delivery it was.
        attempt: The number of the attempt, from 1.
        outcome: What followed.
        status: The HTTP status; 0 where there was no answer.
        started_ms: When the attempt began, milliseconds since the epoch.
        duration_us: How long it took, microseconds.
    """

    id: int
    event_id: str
    registry: str
    action: str
    repository: str
    tag: str
    accepted_ms: int
    webhook_id: int
    attempt: int
    outcome: Outcome
    status: int
    started_ms: int
    duration_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which records; what is empty or None does not matter.

    Attributes:
        registry: The registry's key: its name in lower case.
        webhook_id: Of this webhook.
        event_id: Of events of this id.
        status_classes: First digits of the HTTP status: 2 to 5; 0: without an answer.
        statuses: Exact HTTP statuses; together with the classes either fits.
        outcomes: What followed.
        actions: The events' actions.
        repository: The event's repository has this in it.
        repository_is_exact: The event's repository is this.
        tag: The event's tag is this.
        first_attempts: True: only attempts number 1; False: only later ones.
        since_ms: Attempts that began then or later, milliseconds since the epoch.
        until_ms: Attempts that began before.
    """

    registry: str = ""
    webhook_id: int | None = None
    event_id: str = ""
    status_classes: frozenset[int] = frozenset()
    statuses: frozenset[int] = frozenset()
    outcomes: frozenset[Outcome] = frozenset()
    actions: frozenset[str] = frozenset()
    repository: str = ""
    repository_is_exact: bool = False
    tag: str = ""
    first_attempts: bool | None = None
    since_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found.

    Attributes:
        lines: Newest first.
        next: Where to go on (the *before* of the next search); None: there is no more.
        searched_to_ms: When the oldest record began that was looked at; None: none was.
        is_full: Whether the search ended because the page was full; otherwise, with a *next*,
            because its time was over: "nothing found since ..., search on?".
    """

    lines: list[RecordLine]
    next: int | None = None
    searched_to_ms: int | None = None
    is_full: bool = False


class Searching:
    """Finds records.

    All of it may raise `StoreUnavailableError`: the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def search(
        self,
        wanted: Filter,
        *,
        before: int | None = None,
        limit: int = 50,
        budget_s: float = BUDGET_S,
    ) -> Found:
        """The next records that fit, newest first.

        Args:
            wanted: Which.
            before: Only records with a smaller id: the *next* of the search before.
            limit: How many at most.
            budget_s: How long to look; one window more may be read after that.
        """
        return Found([])

    def get(self, record_id: int) -> StoredRecord | None:
        """One record with its request, its response and its event; None: there is none."""
        return None
