"""Rows of sources: what is stored of one, what it should be, and how it is found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, RowMapping, select
from sqlalchemy.sql.elements import ColumnElement

from portcall.schemas.sources import Proof, SourceKind
from portcall.store.database.tables import sources


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


@dataclass(frozen=True, slots=True)
class SourceDraft:
    """A source as it should be; all values were checked.

    Attributes:
        kind: Which product sends.
        proof: Which requests are authentic.
        options: The settings of its proof and its adapter.
        networks: Where requests may come from.
        secret: What its sender knows, at once; empty for OIDC; None: the present one stays.
    """

    kind: SourceKind
    proof: Proof
    options: Mapping[str, str] = field(repr=False)
    networks: Sequence[str]
    secret: str | None = field(repr=False)


Decide = Callable[[SourceRow | None, Callable[[], str]], SourceDraft]
"""Makes a draft of the present source (None: there is none) and of what opens its secret."""


def named(registry: str, name: str) -> ColumnElement[bool]:
    """The condition for a source of these names, in any case."""
    return (sources.c.registry_key == registry.lower()) & (sources.c.name_key == name.lower())


def one(connection: Connection, registry: str, name: str) -> RowMapping | None:
    """The stored row of a source; None: there is none."""
    query = select(sources).where(named(registry, name))
    return connection.execute(query).mappings().one_or_none()


def required(row: RowMapping | None) -> RowMapping:
    """A row that was just written."""
    if row is None:
        raise LookupError("a source that was just written is gone")
    return row


def source_row(row: RowMapping) -> SourceRow:
    """A row without its secrets."""
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
