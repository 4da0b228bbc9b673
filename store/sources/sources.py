"""The table of sources. Each change raises the revision, so that producers read it again."""

import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import (
    Connection,
    Insert,
    RowMapping,
    Update,
    delete,
    func,
    insert,
    select,
    update,
)

from portcall.runtime.clock import now_ms
from portcall.schemas.sources import Proof, Source, SourceKind
from portcall.store.database import counters
from portcall.store.database.database import Database
from portcall.store.database.tables import sources
from portcall.store.errors import (
    RegistryNotFoundError,
    SealedError,
    TooManySourcesError,
)
from portcall.store.secrets.sealing import note_key
from portcall.store.secrets.source_rows import opened_secret, sealed_secret
from portcall.store.secrets.vault import Vault
from portcall.store.sources.rows import (
    Decide,
    SourceDraft,
    SourceRow,
    named,
    one,
    required,
    source_row,
)
from portcall.store.webhooks.registries import read_registry

MAX_SOURCES = 100
"""Of one registry: a source for each project of a large Harbor is the most that was wanted."""


class Sources:
    """The sources of all registries.

    Args:
        database: The database.
        vault: Seals and opens the secrets.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def put(self, registry: str, name: str, decide: Decide) -> tuple[SourceRow, bool]:
        """Create a source, or replace one and keep its id.

        Args:
            registry: The registry's name, in any case.
            name: Different from the registry's other sources, without regard to case.
            decide: What it should be; what it raises is raised, and nothing is changed.

        Returns:
            The source, and whether it was created.

        Raises:
            RegistryNotFoundError: There is no such registry.
            TooManySourcesError: It has `MAX_SOURCES` already.
            SealedError: There is no encryption key.
            StoreUnavailableError: The database does not answer.
        """
        with self._database.writing() as connection:
            counters.bump(connection, counters.REVISION, 0)  # other writers wait
            if read_registry(connection, registry) is None:
                raise RegistryNotFoundError(registry)
            before = one(connection, registry, name)
            if before is None:
                _check_room(connection, registry)
            return self._decided(connection, registry, name, before, decide), before is None

    def patch(self, registry: str, name: str, decide: Decide) -> SourceRow | None:
        """Change a source as *decide* says; None: there is none.

        Raises:
            SealedError: There is no encryption key.
            StoreUnavailableError: The database does not answer.
        """
        with self._database.writing() as connection:
            counters.bump(connection, counters.REVISION, 0)  # other writers wait
            before = one(connection, registry, name)
            if before is None:
                return None
            return self._decided(connection, registry, name, before, decide)

    def _decided(
        self,
        connection: Connection,
        registry: str,
        name: str,
        before: RowMapping | None,
        decide: Decide,
    ) -> SourceRow:
        """Write what *decide* wants; without a change nothing is written."""
        statement: Insert | Update
        if before is None:
            values = self._values(str(uuid.uuid4()), decide(None, lambda: ""))
            at_ms = values["changed_ms"]
            names = {"registry_key": registry.lower(), "name": name, "name_key": name.lower()}
            fresh = {"old_secret": "", "old_secret_until_ms": 0, "rotated_ms": 0}
            statement = insert(sources).values(values | names | fresh | {"created_ms": at_ms})
        else:
            draft = decide(source_row(before), partial(self._opened, before))
            if not self._is_change(before, draft):
                return source_row(before)
            values = self._values(before["id"], draft)
            statement = update(sources).where(sources.c.id == before["id"]).values(values)
        if values.get("secret"):
            note_key(connection, self._vault)
        counters.bump(connection, counters.REVISION)
        connection.execute(statement)
        return source_row(required(one(connection, registry, name)))

    def _values(self, source_id: str, draft: SourceDraft) -> dict[str, Any]:
        at_ms = now_ms()
        values = {
            "id": source_id,
            "kind": draft.kind.value,
            "proof": draft.proof.value,
            "options": dict(draft.options),
            "networks": list(draft.networks),
            "changed_ms": at_ms,
        }
        if draft.secret is None:
            return values
        secret = sealed_secret(source_id, "secret", draft.secret, self._vault)
        ended = {"old_secret": "", "old_secret_until_ms": 0, "rotated_ms": at_ms}
        return values | ended | {"secret": secret}

    def _is_change(self, before: RowMapping, draft: SourceDraft) -> bool:
        """Whether *draft* differs from what is stored; a lost secret differs from each."""
        row = source_row(before)
        now = (row.kind, row.proof, dict(row.options), row.networks)
        if now != (draft.kind, draft.proof, dict(draft.options), tuple(draft.networks)):
            return True
        if draft.secret is None:
            return False
        try:
            return draft.secret != self._opened(before)
        except SealedError:
            return True

    def _opened(self, row: RowMapping) -> str:
        """The present secret; empty: there is none."""
        return opened_secret(row["id"], "secret", row["secret"], self._vault)

    def get(self, registry: str, name: str) -> SourceRow | None:
        """The source of that name; None: there is none."""
        with self._database.reading() as connection:
            found = one(connection, registry, name)
        return None if found is None else source_row(found)

    def list(self, registry: str) -> list[SourceRow]:
        """The sources of a registry, by name."""
        query = select(sources).where(sources.c.registry_key == registry.lower())
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(sources.c.name_key)).mappings()
            return [source_row(each) for each in rows]

    def delete(self, registry: str, name: str) -> bool:
        """Delete a source; returns whether there was one."""
        with self._database.writing() as connection:
            counters.bump(connection, counters.REVISION, 0)  # other writers wait
            gone = connection.execute(delete(sources).where(named(registry, name)))
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
            before = one(connection, registry, name)
            if before is None:
                return None
            counters.bump(connection, counters.REVISION)
            source_id = before["id"]
            new = make(Proof(before["proof"]))
            old = self._opened(before)
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
            connection.execute(update(sources).where(named(registry, name)).values(values))
            return source_row(required(one(connection, registry, name))), new

    def note_heard(self, registry: str, name: str, created_ms: int, at_ms: int) -> None:
        """Note when a source was first heard; nothing if it was heard before, or is another now.

        Args:
            registry: The registry's name.
            name: The source's name.
            created_ms: When it was created, milliseconds since the epoch: which source is meant.
            at_ms: When it was heard, likewise.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        silent = named(registry, name) & (sources.c.created_ms == created_ms)
        silent &= sources.c.heard_ms == 0
        with self._database.writing() as connection:
            counters.bump(connection, counters.REVISION, 0)  # other writers wait
            noted = connection.execute(update(sources).where(silent).values(heard_ms=at_ms))
            counters.bump(connection, counters.REVISION, noted.rowcount)

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
            created_ms=row["created_ms"],
            heard_ms=row["heard_ms"],
        )


def _check_room(connection: Connection, registry: str) -> None:
    of_registry = sources.c.registry_key == registry.lower()
    query = select(func.count()).select_from(sources).where(of_registry)
    if connection.execute(query).scalar_one() >= MAX_SOURCES:
        raise TooManySourcesError(registry, MAX_SOURCES)
