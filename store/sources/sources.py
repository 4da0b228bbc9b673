"""The table of sources. Each change raises the revision, so that producers read it again."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from portcall.runtime.clock import now_ms
from portcall.schemas.sources import Proof, Source, SourceKind
from portcall.store.database import counters
from portcall.store.database.database import Database
from portcall.store.database.tables import sources
from portcall.store.errors import (
    RegistryNotFoundError,
    SealedError,
    SourceExistsError,
    TooManySourcesError,
)
from portcall.store.secrets.sealing import note_key
from portcall.store.secrets.source_rows import opened_secret, sealed_secret
from portcall.store.secrets.vault import Vault
from portcall.store.webhooks.registries import read_registry

MAX_SOURCES = 100
"""Of one registry: a source for each project of a large Harbor is the most that was wanted."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One source, without its secrets.

    Attributes:
        id: A GUID; never reused.
        registry: The registry's key.
        name: As created.
        kind: Which product sends.
        proof: Which requests are authentic.
        options: The settings of its proof and its adapter.
        networks: Where requests may come from; empty: from anywhere.
        created_ms: Milliseconds since the epoch, like the next three.
        changed_ms: The last change, rotations included.
        rotated_ms: The last rotation; 0: none.
        old_until_ms: Until when the previous secret is accepted; 0: there is none.
    """

    id: str
    registry: str
    name: str
    kind: SourceKind
    proof: Proof
    options: Mapping[str, str] = field(repr=False)
    networks: tuple[str, ...]
    created_ms: int
    changed_ms: int
    rotated_ms: int
    old_until_ms: int


class Sources:
    """The sources of all registries.

    Args:
        database: The database.
        vault: Seals and opens the secrets.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def create(
        self,
        registry: str,
        name: str,
        *,
        kind: SourceKind,
        proof: Proof,
        secret: str,
        options: Mapping[str, str],
        networks: Sequence[str],
    ) -> SourceRow:
        """Make one; all values were checked.

        Args:
            registry: The registry's name, in any case.
            name: Different from the registry's other sources, without regard to case.
            kind: Which product sends.
            proof: Which requests are authentic.
            secret: What its sender knows; empty for OIDC.
            options: The settings of its proof and its adapter.
            networks: Where requests may come from.

        Raises:
            RegistryNotFoundError: There is no such registry.
            SourceExistsError: It has such a source.
            TooManySourcesError: It has `MAX_SOURCES` already.
            SealedError: There is no encryption key.
            StoreUnavailableError: The database does not answer.
        """
        source_id, at_ms = str(uuid.uuid4()), now_ms()
        values = {
            "id": source_id,
            "registry_key": registry.lower(),
            "name": name,
            "name_key": name.lower(),
            "kind": kind.value,
            "proof": proof.value,
            "secret": sealed_secret(source_id, "secret", secret, self._vault),
            "old_secret": "",
            "old_secret_until_ms": 0,
            "rotated_ms": 0,
            "options": dict(options),
            "networks": list(networks),
            "created_ms": at_ms,
            "changed_ms": at_ms,
        }
        with self._database.writing() as connection:
            counters.bump(connection, counters.REVISION)
            if read_registry(connection, registry) is None:
                raise RegistryNotFoundError(registry)
            if _one(connection, registry, name) is not None:
                raise SourceExistsError(registry, name)
            of_registry = sources.c.registry_key == registry.lower()
            query = select(func.count()).select_from(sources).where(of_registry)
            if connection.execute(query).scalar_one() >= MAX_SOURCES:
                raise TooManySourcesError(registry, MAX_SOURCES)
            if secret:
                note_key(connection, self._vault)
            connection.execute(insert(sources).values(values))
            return _row(_required(_one(connection, registry, name)))

    def get(self, registry: str, name: str) -> SourceRow | None:
        """The source of that name; None: there is none."""
        with self._database.reading() as connection:
            found = _one(connection, registry, name)
        return None if found is None else _row(found)

    def list(self, registry: str) -> list[SourceRow]:
        """The sources of a registry, by name."""
        query = select(sources).where(sources.c.registry_key == registry.lower())
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(sources.c.name_key)).mappings()
            return [_row(each) for each in rows]

    def delete(self, registry: str, name: str) -> bool:
        """Delete a source; returns whether there was one."""
        with self._database.writing() as connection:
            counters.bump(connection, counters.REVISION, 0)  # other writers wait
            gone = connection.execute(delete(sources).where(_named(registry, name)))
            counters.bump(connection, counters.REVISION, gone.rowcount)
            return gone.rowcount > 0

    def rotate(
        self, registry: str, name: str, make: Callable[[Proof], str], *, overlap_ms: int
    ) -> tuple[SourceRow, str] | None:
        """Give a source another secret; the present one is accepted for a while, too.

        Args:
            registry: The registry's name.
            name: The source's name.
            make: Makes the new secret for the source's proof; what it raises is raised.
            overlap_ms: For how long the present one is accepted.

        Returns:
            The source and its new secret; None: there is no such source.

        Raises:
            SealedError: There is no encryption key, or the present secret cannot be opened.
            StoreUnavailableError: The database does not answer.
        """
        at_ms = now_ms()
        with self._database.writing() as connection:
            counters.bump(connection, counters.REVISION, 0)  # other writers wait
            before = _one(connection, registry, name)
            if before is None:
                return None
            counters.bump(connection, counters.REVISION)
            source_id = before["id"]
            new = make(Proof(before["proof"]))
            old = opened_secret(source_id, "secret", before["secret"], self._vault)
            note_key(connection, self._vault)
            values = {
                "secret": sealed_secret(source_id, "secret", new, self._vault),
                "old_secret": (
                    sealed_secret(source_id, "old_secret", old, self._vault) if overlap_ms else ""
                ),
                "old_secret_until_ms": at_ms + overlap_ms if overlap_ms else 0,
                "rotated_ms": at_ms,
                "changed_ms": at_ms,
            }
            connection.execute(update(sources).where(_named(registry, name)).values(values))
            return _row(_required(_one(connection, registry, name))), new

    def usable(self) -> Sequence[Source]:
        """All sources with their secrets.

        A source whose secrets cannot be opened has a problem, and does not affect the others.
        """
        with self._database.reading() as connection:
            rows = connection.execute(select(sources)).mappings().all()
        return [self._usable(each) for each in rows]

    def _usable(self, row: RowMapping) -> Source:
        problem, known = "", ["", ""]
        try:
            known = [
                opened_secret(row["id"], column, row[column], self._vault)
                for column in ("secret", "old_secret")
            ]
        except SealedError as error:
            problem = str(error)
        return Source(
            registry=row["registry_key"],
            name=row["name"],
            kind=SourceKind(row["kind"]),
            proof=Proof(row["proof"]),
            secrets=tuple(each for each in known if each),
            options=dict(row["options"]),
            networks=tuple(row["networks"]),
            problem=problem,
            previous_until_ms=row["old_secret_until_ms"],
        )


def _named(registry: str, name: str) -> ColumnElement[bool]:
    return (sources.c.registry_key == registry.lower()) & (sources.c.name_key == name.lower())


def _one(connection: Connection, registry: str, name: str) -> RowMapping | None:
    query = select(sources).where(_named(registry, name))
    return connection.execute(query).mappings().one_or_none()


def _required(row: RowMapping | None) -> RowMapping:
    if row is None:
        raise LookupError("a source that was just written is gone")
    return row


def _row(row: RowMapping) -> SourceRow:
    return SourceRow(
        id=row["id"],
        registry=row["registry_key"],
        name=row["name"],
        kind=SourceKind(row["kind"]),
        proof=Proof(row["proof"]),
        options=dict(row["options"]),
        networks=tuple(row["networks"]),
        created_ms=row["created_ms"],
        changed_ms=row["changed_ms"],
        rotated_ms=row["rotated_ms"],
        old_until_ms=row["old_secret_until_ms"],
    )
