"""Bodies: whole events by their ids, for previews; those without a record yet are missing."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, select

from portcall.schemas.events import Event
from portcall.store.database.database import chunks
from portcall.store.database.tables import events
from portcall.store.records import stored_extras


def of_events(connection: Connection, registry: str, event_ids: Sequence[str]) -> list[Event]:
    """Events of a registry, by id in the given order; of one id the newest.

    Args:
        connection: Reads.
        registry: The registry's key.
        event_ids: Which.
    """
    found: dict[str, Event] = {}
    for chunk in chunks(list(event_ids)):
        query = (
            select(events)
            .where(events.c.event_id.in_(chunk) & (events.c.registry == registry))
            .order_by(events.c.key)
        )
        for row in connection.execute(query):
            found[row.event_id] = Event(
                id=row.event_id,
                registry=row.registry,
                action=row.action,
                accepted_ms=row.accepted_ms,
                body=msgspec.Raw(row.body),
                repository=row.repository,
                tag=row.tag,
                extras=stored_extras.read(row.extras),
            )
    return [found[event_id] for event_id in event_ids if event_id in found]
