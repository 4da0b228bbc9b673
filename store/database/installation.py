"""The installation: the names that ARM's clients use for it, made by the first migration."""

from dataclasses import dataclass

from sqlalchemy import select

from portcall.store.database import tables
from portcall.store.database.database import Database


@dataclass(frozen=True, slots=True)
class Installation:
    """The identity of this installation.

    Attributes:
        tenant: A GUID.
        subscription: A GUID.
        resource_group: The name of the default resource group.
        created_ms: When the database was made, milliseconds since the epoch.
    """

    tenant: str
    subscription: str
    resource_group: str
    created_ms: int


class InstallationTable:
    """The only row of ``installation``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self) -> Installation:
        """Read it.

        Raises:
            StoreUnavailableError: The database does not answer, or is not migrated.
        """
        columns = tables.installation.c
        query = select(
            columns.tenant, columns.subscription, columns.resource_group, columns.created_ms
        )
        with self._database.reading() as connection:
            return Installation(*connection.execute(query).one())
