"""The stored secrets of sources: sealed, each bound to its source and its column."""

from collections.abc import Iterable

from sqlalchemy import Connection, RowMapping, select, update

from portcall.store.database.tables import sources
from portcall.store.errors import SealedError
from portcall.store.secrets.vault import Vault

_COLUMNS = ("secret", "old_secret")
_QUERY = select(sources.c.id, *(sources.c[name] for name in _COLUMNS))


def sealed_secret(source_id: str, column: str, secret: str, vault: Vault) -> str:
    """The stored form of a secret.

    Raises:
        SealedError: There is no encryption key.
    """
    return vault.seal(secret, _place(source_id, column))


def opened_secret(source_id: str, column: str, kept: str, vault: Vault) -> str:
    """The secret in its stored form.

    Raises:
        SealedError: Its encryption key is missing, or it was changed.
    """
    return vault.open(kept, _place(source_id, column))


def stale_sources(connection: Connection, vault: Vault) -> list[str]:
    """The ids of sources with a secret that is not under the first encryption key."""
    rows = connection.execute(_QUERY).mappings().all()
    return [row["id"] for row in rows if not all(vault.is_current(row[at]) for at in _COLUMNS)]


def seal_sources_anew(connection: Connection, ids: Iterable[str], vault: Vault) -> None:
    """Move the secrets of these under the first encryption key.

    Raises:
        SealedError: One cannot be opened.
    """
    for source_id in ids:
        row = connection.execute(_QUERY.where(sources.c.id == source_id)).mappings().one()
        values = {
            name: sealed_secret(
                source_id, name, opened_secret(source_id, name, row[name], vault), vault
            )
            for name in _COLUMNS
        }
        connection.execute(update(sources).where(sources.c.id == source_id).values(values))


def lost_sources(connection: Connection, vault: Vault) -> list[str]:
    """The ids of sources with a secret that cannot be opened."""
    rows = connection.execute(_QUERY).mappings().all()
    return [row["id"] for row in rows if not _can_open(row, vault)]


def discard_secrets(connection: Connection, ids: Iterable[str]) -> None:
    """Drop the secrets of these: nothing is authentic until the next rotation."""
    for source_id in ids:
        values = {"secret": "", "old_secret": "", "old_secret_until_ms": 0}
        connection.execute(update(sources).where(sources.c.id == source_id).values(values))


def _can_open(row: RowMapping, vault: Vault) -> bool:
    try:
        for name in _COLUMNS:
            opened_secret(row["id"], name, row[name], vault)
    except SealedError:
        return False
    return True


def _place(source_id: str, column: str) -> str:
    return f"the {column} of source {source_id}"
