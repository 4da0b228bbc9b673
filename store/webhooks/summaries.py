"""Webhooks by name and status only, without sealed fields: for pages, findings and metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, func, select

from portcall.schemas.webhooks import Cause, Status
from portcall.store.database import counters
from portcall.store.database.database import Database, chunks
from portcall.store.database.tables import MAX_BIG, registries, webhooks
from portcall.store.database.tables import counters as stored

FAILING_AFTER_MS = 60_000
"""From then on a webhook counts as failing: after a single failure the next attempt may succeed."""


@dataclass(frozen=True, slots=True)
class KnownWebhook:
    """A webhook's name, and whether it receives POSTs.

    Attributes:
        id: The store's number.
        registry: Its registry's name, as created.
        name: Its own, as created.
        status: Whether it receives POSTs.
        cause: Why it is disabled; `Cause.OWNER` while it is enabled.
        reason: Why Portcall disabled it; else empty.
        changed_ms: When its status last changed, milliseconds since the epoch.
        revision: The revision of its last change.
        failing_since_ms: The first of the failures since its last success; 0: there is none.
    """

    id: int
    registry: str
    name: str
    status: Status
    cause: Cause
    reason: str
    changed_ms: int
    revision: int
    failing_since_ms: int = 0

    @property
    def path(self) -> str:
        """The form for people: ``registry/name``."""
        return f"{self.registry}/{self.name}"


class KnownWebhooks:
    """Reads them.

    Args:
        database: The database.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def by_ids(self, ids: Sequence[int]) -> dict[int, KnownWebhook]:
        """Those that exist, by id.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        possible = [each for each in ids if 0 < each <= MAX_BIG]
        with self._database.reading() as connection:
            return {
                row.id: _known(row)
                for chunk in chunks(possible)
                for row in connection.execute(_query().where(webhooks.c.id.in_(chunk)))
            }

    def disabled_by_themselves(self, after_revision: int = -1) -> list[KnownWebhook]:
        """Those that were disabled automatically and still are, in the order in which they changed.

        Args:
            after_revision: Only those that were changed after it.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        query = (
            _query()
            .where(webhooks.c.status == Status.DISABLED.value)
            .where(webhooks.c.cause != Cause.OWNER.value)
            .where(webhooks.c.revision > after_revision)
            .order_by(webhooks.c.revision, webhooks.c.id)
        )
        with self._database.reading() as connection:
            return [_known(row) for row in connection.execute(query)]

    def failing(self, until_ms: int, limit: int) -> tuple[list[KnownWebhook], int]:
        """Enabled ones of which every attempt has failed, and how many there are.

        Args:
            until_ms: Only those whose first failure was until then, milliseconds since the epoch.
            limit: How many to return, those that have failed for the longest time.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        fails = (
            webhooks.c.status == Status.ENABLED.value,
            webhooks.c.failing_since_ms > 0,
            webhooks.c.failing_since_ms <= until_ms,
        )
        query = _query().where(*fails).order_by(webhooks.c.failing_since_ms, webhooks.c.id)
        with self._database.reading() as connection:
            count = connection.execute(select(func.count()).select_from(webhooks).where(*fails))
            rows = connection.execute(query.limit(limit)).all()
            return [_known(row) for row in rows], count.scalar_one()

    def told(self) -> int:
        """The revision up to which the operator was notified of disabled webhooks.

        The first call returns the newest revision: earlier changes are not news.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        named = select(stored.c.value).where(stored.c.name == counters.TOLD)
        with self._database.reading() as connection:
            found: int | None = connection.execute(named).scalar_one_or_none()
        if found is not None:
            return found
        with self._database.writing() as connection:
            newest = counters.read(connection, counters.REVISION)
            counters.begin(connection, counters.TOLD, newest)
            return counters.read(connection, counters.TOLD)

    def note_told(self, revision: int) -> None:
        """Note that the operator was notified up to a revision; an earlier one changes nothing.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        with self._database.writing() as connection:
            counters.lift(connection, counters.TOLD, revision)


def _query() -> Select[Any]:
    return select(
        webhooks.c.id,
        registries.c.name.label("registry"),
        webhooks.c.name,
        webhooks.c.status,
        webhooks.c.cause,
        webhooks.c.status_reason,
        webhooks.c.status_changed_ms,
        webhooks.c.revision,
        webhooks.c.failing_since_ms,
    ).join(registries)


def _known(row: Row[Any]) -> KnownWebhook:
    return KnownWebhook(
        id=row.id,
        registry=row.registry,
        name=row.name,
        status=Status(row.status),
        cause=Cause(row.cause),
        reason=row.status_reason,
        changed_ms=row.status_changed_ms,
        revision=row.revision,
        failing_since_ms=row.failing_since_ms,
    )
