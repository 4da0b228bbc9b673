"""Overtaken deliveries: the messages on the ladder that deliverers drop when they come back.

A row is written before the copy is published, and confirmed after it. A process that is killed in
between leaves a row in doubt; then the log decides whether the waiting message is attempted.
Each change raises the revision of the webhook, so that deliverers read the rows with it.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from portcall.schemas.overtaking import Overtaken, Turn
from portcall.store.database import counters
from portcall.store.database.database import Database, chunks, insert_rows
from portcall.store.database.tables import overtaken, webhooks
from portcall.store.errors import TooManyOvertakenError

MOST = 1_000
"""Rows of one webhook; deliverers keep all of them in memory."""
KEPT_MS = 7 * 86_400_000
"""For how long after its time a message may come back: the broker may be away for so long."""


class OvertakenDeliveries:
    """The table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(
        self, webhook_id: int, turn: Turn, *, due_ms: int, now_ms: int
    ) -> tuple[Overtaken, int]:
        """Note that a copy of a delivery will be published; the same again changes nothing.

        Args:
            webhook_id: Its webhook.
            turn: The delivery that waits.
            due_ms: When it comes back, milliseconds since the epoch.
            now_ms: The time.

        Returns:
            The row, which may be confirmed already, and the revision.

        Raises:
            TooManyOvertakenError: The webhook has as many as are kept in memory.
        """
        with self._database.writing() as connection:
            revision = _touch(connection, webhook_id)
            connection.execute(delete(overtaken).where(overtaken.c.kept_until_ms < now_ms))
            found = _read(connection, _is(webhook_id, turn)).get(webhook_id)
            if found:
                return found[0], revision
            mine = select(func.count()).where(overtaken.c.webhook_id == webhook_id)
            if connection.execute(mine).scalar_one() >= MOST:
                raise TooManyOvertakenError(MOST)
            row = (webhook_id, *turn, 0, max(due_ms, now_ms) + KEPT_MS)
            insert_rows(connection, overtaken, [row])
            return Overtaken(turn, is_published=False), revision

    def confirm(self, webhook_id: int, turn: Turn) -> int:
        """Note that the broker has the copy; returns the revision."""
        with self._database.writing() as connection:
            revision = _touch(connection, webhook_id)
            this = _is(webhook_id, turn)
            connection.execute(update(overtaken).where(this).values(is_published=1))
            return revision


def of_webhooks(connection: Connection, ids: Iterable[int]) -> dict[int, list[Overtaken]]:
    """The rows of these webhooks; most have none."""
    found: dict[int, list[Overtaken]] = {}
    for chunk in chunks(list(ids)):
        found |= _read(connection, overtaken.c.webhook_id.in_(chunk))
    return found


def _touch(connection: Connection, webhook_id: int) -> int:
    """Give the webhook a new revision: deliverers drop it from memory, and read it again."""
    revision = counters.bump(connection, counters.REVISION)
    itself = webhooks.c.id == webhook_id
    connection.execute(update(webhooks).where(itself).values(revision=revision))
    return revision


def _is(webhook_id: int, turn: Turn) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = overtaken.c.webhook_id == webhook_id
    for name, value in zip(_TURN, turn, strict=True):
        condition &= overtaken.c[name] == value
    return condition


_TURN = ("delivery", "accepted_ms", "attempt", "first", "began_ms")


def _read(connection: Connection, which: ColumnElement[bool]) -> dict[int, list[Overtaken]]:
    names: Sequence[str] = ("webhook_id", "is_published", *_TURN)
    found: dict[int, list[Overtaken]] = {}
    for row in connection.execute(select(*(overtaken.c[name] for name in names)).where(which)):
        webhook_id, is_published, *turn = row
        delivery, accepted_ms, attempt, first, began_ms = turn
        each = (delivery, accepted_ms, attempt, first, began_ms)
        found.setdefault(webhook_id, []).append(Overtaken(each, is_published=bool(is_published)))
    return found
