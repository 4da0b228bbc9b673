"""The journal as one object: the recorder writes it, and an audit reads it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection

from portcall.schemas.frames import RawJournalFrame
from portcall.schemas.topology import JOURNAL
from portcall.store.database.database import Database
from portcall.store.intake import deleted_tags, ignored
from portcall.store.intake.deleted_tags import TagsKey
from portcall.store.intake.ignored import IgnoredEvent, IgnoredKind
from portcall.store.journal import accounts, noted
from portcall.store.journal import closing as settling
from portcall.store.journal import entries as noting
from portcall.store.journal.accounts import Accounts
from portcall.store.journal.noted import NotedEvent
from portcall.store.journal.open_events import BEGINNING, Cursor
from portcall.store.records import appending, lease
from portcall.store.records.appending import Position


class Journal:
    """The accepted events and their webhooks, for comparison with the log.

    All methods may raise `StoreUnavailableError`: the database does not answer. Those that write
    raise `LeaseLostError` if another recorder leads.

    Args:
        database: The database.
        term: The term in which a recorder writes; see `store.records.lease`. None: unchecked.
    """

    def __init__(self, database: Database, term: int | None = None) -> None:
        self._database = database
        self._term = term

    def in_term(self, term: int) -> "Journal":
        """The same journal, which a recorder writes in that term of its lease only."""
        return Journal(self._database, term)

    def position(self, stream: str) -> Position | None:
        """The last stored frame of *stream*; None: none yet."""
        with self._database.reading() as connection:
            return appending.read_position(connection, stream)

    def known_frames(self, frame_ids: Sequence[str]) -> set[str]:
        """Which of these frames are stored, if they are among the newest."""
        with self._database.reading() as connection:
            return noting.known_frames(connection, frame_ids)

    def append(
        self,
        stream: str,
        expected: Position | None,
        frames: Sequence[tuple[int, RawJournalFrame]],
    ) -> Position:
        """Store frames and the position of the last in one transaction; `enter` does the rest.

        Args and errors are those of `store.records.event_log.EventLog.append`. A frame that arrives
        twice is stored once.
        """
        with self._writing() as connection:
            return noting.append(connection, stream, expected, frames)

    def enter(self) -> tuple[int, int]:
        """Enter the notes of the next frames, in one short transaction.

        Returns:
            How many frames (fewer than `entries.ENTERED_FRAMES`: there are no more), and how many
            of their notes are unusable.
        """
        with self._writing() as connection:
            return noting.enter(connection)

    def has_entered(self, frame_id: str) -> bool:
        """Whether that frame, and everything before it, is entered."""
        with self._database.reading() as connection:
            return noting.has_entered(connection, frame_id)

    def check(self) -> int:
        """Look for the next events of the log in the journal.

        Returns:
            How many; fewer than `closing.CHUNK`: there are no more.
        """
        return settling.check(self._database, self._term)

    def settle(self, after: Cursor = BEGINNING) -> tuple[int, Cursor | None]:
        """Settle the next events that have ended.

        Returns:
            How many, and the next cursor; None: that was the last.
        """
        return settling.settle(self._database, after, self._term)

    def prune(self, before_ms: int, *, limit: int) -> int:
        """Delete events that were accepted before a time, in one short transaction.

        Their records are deleted by the same time, so a comparison with the log is not possible any
        more.

        Args:
            before_ms: The time, milliseconds since the epoch.
            limit: How many events, settled ones and others each.

        Returns:
            How many events were deleted; call again until it is 0.
        """
        with self._writing() as connection:
            settling.forget_frames(connection, JOURNAL)
            ignored.prune(connection, before_ms)
            deleted_tags.prune(connection, before_ms)
            return settling.prune(connection, before_ms, limit)

    def of_id(self, event_id: str) -> list[NotedEvent]:
        """The events of that id, newest first, if their notes are entered."""
        with self._database.reading() as connection:
            return noted.of_id(connection, event_id)

    def ignored(self, registry: str, event_id: str) -> list[IgnoredEvent]:
        """A registry's (its key) ignored notifications with that id, newest first."""
        with self._database.reading() as connection:
            return ignored.of_id(connection, registry, event_id)

    def deleted_tags(self, wanted: Sequence[TagsKey]) -> dict[TagsKey, list[str]]:
        """The tags that these requests to a registry deleted; only requests that deleted some."""
        with self._database.reading() as connection:
            return deleted_tags.find(connection, wanted)

    def newest_unread(self, since_ms: int, limit: int) -> list[IgnoredEvent]:
        """The last unreadable ones that arrived since a time, newest first."""
        with self._database.reading() as connection:
            return ignored.newest_unread(connection, since_ms, limit)

    def newest_ignored_tags(self, registry: str, limit: int) -> list[IgnoredEvent]:
        """The last deleted tags of a registry (its key) that were ignored, newest first.

        Those that are `untag` events as well are among them, under the same ids.
        """
        with self._database.reading() as connection:
            return ignored.newest_deleted_tags(connection, registry, limit)

    def ignored_kinds(self, since_ms: int) -> list[IgnoredKind]:
        """How many kept notifications since a time became no event, by reason."""
        with self._database.reading() as connection:
            return ignored.kinds(connection, since_ms)

    def newest(self, registry: str, limit: int) -> list[NotedEvent]:
        """The last events of a registry (its key), newest first, without pings."""
        with self._database.reading() as connection:
            return noted.newest(connection, registry, limit)

    def accounts(
        self,
        *,
        horizon_ms: int,
        before_ms: int,
        registry: str | None = None,
        suspects: int = accounts.MAX_SUSPECTS,
    ) -> Accounts:
        """The accepted events, by the result of their deliveries.

        Args:
            horizon_ms: Only events that were accepted since then.
            before_ms: Deliveries that have not changed since then count as unmoved.
            registry: Only of this one, in lower case; None: of all.
            suspects: How many of the unmoved are named at most.
        """
        with self._database.reading() as connection:
            return accounts.read(
                connection,
                horizon_ms=horizon_ms,
                before_ms=before_ms,
                registry=registry,
                limit=suspects,
            )

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._database.writing(durable=False) as connection:
            lease.verify(connection, self._term)
            yield connection
