"""The installation: the names that ARM's clients use for it, made by the first migration."""

from dataclasses import dataclass

from sqlalchemy import select, update

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

    def intake_stopped_ms(self) -> int:
        """Since when the producers refuse events, milliseconds since the epoch; 0: they do not.

        Raises:
            StoreUnavailableError: The database does not answer, or is not migrated.
        """
        with self._database.reading() as connection:
            query = select(tables.installation.c.intake_stopped_ms)
            return int(connection.execute(query).scalar_one())

    def stop_intake(self, at_ms: int) -> int:
        """Stop the intake, or start it again; the time of an earlier stop is kept.

        Args:
            at_ms: The time, milliseconds since the epoch; 0: the intake starts again.

        Returns:
            Since when it is stopped.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        column = tables.installation.c.intake_stopped_ms
        change = update(tables.installation).values(intake_stopped_ms=at_ms)
        if at_ms:
            change = change.where(column == 0)
        with self._database.writing() as connection:
            connection.execute(change)
            return int(connection.execute(select(column)).scalar_one())
