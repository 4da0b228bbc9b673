"""Registries: the sources of events, and how many webhooks each may have."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from portcall.runtime.clock import now_ms
from portcall.schemas.webhooks import Sku
from portcall.store.database import counters
from portcall.store.database.database import Database
from portcall.store.database.tables import registries, sources, webhooks
from portcall.store.intake import known_tags
from portcall.store.webhooks import tombstones


@dataclass(frozen=True, slots=True)
class Registry:
    """One registry.

    Attributes:
        name: As created.
        key: The name in lower case, by which everything refers to it.
        location: The region that its owner gave.
        sku: Its tier, which limits how many webhooks it has.
        tags: ARM tags.
        resource_group: As created.
        login_server: The host name that clients use for the registry itself.
        created_ms: Milliseconds since the epoch.
    """

    name: str
    key: str
    location: str
    sku: Sku
    tags: dict[str, str]
    resource_group: str
    login_server: str
    created_ms: int


class Registries:
    """The table of registries; each change raises the revision."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(
        self,
        name: str,
        *,
        location: str,
        sku: Sku,
        tags: Mapping[str, str],
        resource_group: str,
        login_server: str = "",
    ) -> tuple[Registry, bool]:
        """Create or replace a registry; returns whether it was created.

        The name and the resource group stay as first created. A smaller tier deletes no webhook;
        it only refuses further ones.

        Args:
            name: 5 to 50 letters and digits.
            location: The region.
            sku: The tier.
            tags: ARM tags.
            resource_group: Where it is created.
            login_server: Its host name; empty: ``<name>.portcall.internal``.
        """
        key = name.lower()
        with self._database.writing() as connection:
            counters.bump(connection, counters.REVISION)
            before = read_registry(connection, name)
            registry = Registry(
                name=before.name if before else name,
                key=key,
                location=location,
                sku=sku,
                tags=dict(tags),
                resource_group=before.resource_group if before else resource_group,
                login_server=login_server or f"{key}.portcall.internal",
                created_ms=before.created_ms if before else now_ms(),
            )
            values = asdict(registry) | {"sku": sku.value}
            if before is None:
                connection.execute(insert(registries).values(values))
            else:
                row = update(registries).where(registries.c.key == key)
                connection.execute(row.values(values))
        return registry, before is None

    def get(self, name: str) -> Registry | None:
        """The registry of that name, in any case."""
        with self._database.reading() as connection:
            return read_registry(connection, name)

    def list(self) -> list[Registry]:
        """Every registry, by name."""
        query = select(registries).order_by(registries.c.key)
        with self._database.reading() as connection:
            return [_registry(row) for row in connection.execute(query).mappings()]

    def delete(self, name: str) -> bool:
        """Delete a registry and everything that it owns; returns whether there was one."""
        key = name.lower()
        with self._database.writing() as connection:
            revision = counters.bump(connection, counters.REVISION)
            ids = connection.execute(
                delete(webhooks).where(webhooks.c.registry_key == key).returning(webhooks.c.id)
            )
            tombstones.bury(connection, list(ids.scalars()), revision)
            connection.execute(delete(sources).where(sources.c.registry_key == key))
            known_tags.forget(connection, key)
            gone = connection.execute(delete(registries).where(registries.c.key == key))
            return gone.rowcount > 0


def read_registry(connection: Connection, name: str) -> Registry | None:
    """The registry of that name, in any case."""
    query = select(registries).where(registries.c.key == name.lower())
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _registry(row)


def _registry(row: RowMapping) -> Registry:
    return Registry(**{**row, "sku": Sku(row["sku"])})
