"""The webhooks of a registry with the fields that decide whether one gets an event."""

from dataclasses import dataclass

from sqlalchemy import select, text

from portcall.schemas.events import Action
from portcall.schemas.filters import Filters
from portcall.schemas.globs.scopes import Scopes, stored_scopes
from portcall.schemas.scopes import Scope, parse_scope
from portcall.schemas.webhooks import Status
from portcall.store.database.database import Database
from portcall.store.database.tables import (
    NAMES_TAGS_POSTGRESQL,
    NAMES_TAGS_SQLITE,
    webhooks,
)


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A webhook without its URI and content.

    Attributes:
        id: The store's number.
        name: As created.
        status: Whether it receives POSTs.
        status_reason: Why Portcall disabled it; else empty.
        actions: The bits of its actions.
        scope: The part of the registry that it covers.
        filters: What it does not want to hear; None: nothing is held back.
        scopes: Patterns that narrow it; None: there are none.
    """

    id: int
    name: str
    status: Status
    status_reason: str
    actions: int
    scope: Scope
    filters: Filters | None = None
    scopes: Scopes | None = None


class Subscribers:
    """Reads them, all of a registry at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, registry: str) -> list[Subscriber]:
        """The webhooks of a registry (its key), by name.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        query = (
            select(
                webhooks.c.id,
                webhooks.c.name,
                webhooks.c.status,
                webhooks.c.status_reason,
                webhooks.c.actions,
                webhooks.c.scope,
                webhooks.c.filters,
                webhooks.c.scopes,
            )
            .where(webhooks.c.registry_key == registry)
            .order_by(webhooks.c.name_key)
        )
        with self._database.reading() as connection:
            return [
                Subscriber(
                    row.id,
                    row.name,
                    Status(row.status),
                    row.status_reason,
                    row.actions,
                    parse_scope(row.scope),
                    row.filters,
                    stored_scopes(row.scopes),
                )
                for row in connection.execute(query)
            ]

    def untagging(self) -> frozenset[str]:
        """The keys of registries whose enabled webhooks want to know of deleted tags.

        They have `untag`, the last of the actions, or the filter `tagsOnDelete`.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        enabled = select(webhooks.c.registry_key).where(webhooks.c.status == Status.ENABLED.value)
        # Each as often as it is found: for distinct ones, SQLite would read all webhooks.
        untag = enabled.where(webhooks.c.actions >= Action.UNTAG.bit)
        names_tags = NAMES_TAGS_SQLITE if self._database.is_sqlite else NAMES_TAGS_POSTGRESQL
        naming = enabled.where(text(names_tags))
        with self._database.reading() as connection:
            return frozenset(
                key for query in (untag, naming) for key in connection.execute(query).scalars()
            )
