"""The last record of deliveries, for dead letters that are sent again."""

from collections.abc import Sequence
from dataclasses import dataclass

from portcall.schemas.records import Outcome
from portcall.store.database.database import Database, chunks, matching
from portcall.store.database.tables import events, records

Key = tuple[str, int, int]
"""An event's id, when the event was accepted (ms), and a webhook's id."""

_EVENT_ID = ("event_id",)
_EVENT = ("key", "event_id", "accepted_ms")
_DELIVERY = ("event_key", "webhook_id")
_RECORD = ("id", "event_key", "webhook_id", "attempt", "outcome")


@dataclass(frozen=True, slots=True)
class Last:
    """The last known state of a delivery.

    Attributes:
        attempt: The highest attempt that has a record.
        outcome: The outcome of the newest record.
    """

    attempt: int
    outcome: Outcome


class Lasts:
    """Reads them.

    Args:
        database: The database of the records.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, deliveries: Sequence[Key]) -> dict[Key, Last]:
        """The last state of each of these deliveries; those without a record are missing.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        wanted = set(deliveries)
        ids = [(event_id,) for event_id in {event_id for event_id, _, _ in wanted}]
        found: dict[Key, tuple[int, int, str]] = {}
        with self._database.reading() as connection:
            named = {
                row.key: (row.event_id, row.accepted_ms)
                for chunk in chunks(ids)
                for row in matching(connection, events, _EVENT_ID, _EVENT, chunk)
            }
            webhooks: dict[tuple[str, int], list[int]] = {}
            for event_id, accepted_ms, webhook_id in wanted:
                webhooks.setdefault((event_id, accepted_ms), []).append(webhook_id)
            pairs = [
                (key, each) for key, event in named.items() for each in webhooks.get(event, ())
            ]
            for chunk in chunks(pairs):
                for row in matching(connection, records, _DELIVERY, _RECORD, chunk):
                    delivery = (*named[row.event_key], row.webhook_id)
                    newest, attempt, outcome = found.get(delivery, (0, 0, ""))
                    if row.id > newest:
                        newest, outcome = row.id, row.outcome
                    found[delivery] = (newest, max(attempt, row.attempt), outcome)
        return {
            key: Last(attempt, Outcome(outcome)) for key, (_, attempt, outcome) in found.items()
        }
