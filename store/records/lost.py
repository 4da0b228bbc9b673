"""Deliveries to publish again, by event and webhook, whatever their records say.

An event is stored with its first record. An event without any record was in the broker only.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from portcall.schemas.events import PING
from portcall.store.database.database import Database
from portcall.store.database.tables import events, records
from portcall.store.records.selection import SelectedDelivery, enabled_webhooks, event_of


class LostDelivery(NamedTuple):
    """A delivery that was accepted, and is in no queue.

    Attributes:
        event_id: Its event.
        digest: Of the event, in hex.
        webhook_id: Its webhook.
    """

    event_id: str
    digest: str
    webhook_id: int


class Lost:
    """Finds what is needed to publish lost deliveries again.

    All methods may raise `StoreUnavailableError`: the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, wanted: Sequence[LostDelivery]) -> dict[LostDelivery, SelectedDelivery]:
        """The deliveries whose event is stored; a ping is never sent again."""
        found: dict[LostDelivery, SelectedDelivery] = {}
        with self._database.reading() as connection:
            enabled = enabled_webhooks(connection, sorted({each.webhook_id for each in wanted}))
            for each in wanted:
                selected = _read(connection, each, enabled.get(each.webhook_id))
                if selected is not None:
                    found[each] = selected
        return found


def _read(
    connection: Connection,
    wanted: LostDelivery,
    enabled: bool | None,  # noqa: FBT001 (a field)
) -> SelectedDelivery | None:
    query = (
        select(events)
        .where(events.c.event_id == wanted.event_id)
        .where(events.c.digest == bytes.fromhex(wanted.digest))
        .where(events.c.action != PING)
        .order_by(events.c.key.desc())
    )
    rows = connection.execute(query).all()
    if not rows:
        return None
    last = select(func.max(records.c.attempt), func.max(records.c.id)).where(
        records.c.event_key.in_([row.key for row in rows]),
        records.c.webhook_id == wanted.webhook_id,
    )
    attempt, record_id = connection.execute(last).one()
    return SelectedDelivery(
        record_id or 0, event_of(rows[0]), wanted.webhook_id, attempt or 0, enabled
    )
