"""The stored private halves of signing keys: sealed, each bound to its own row."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, select, update

from portcall.store.database.tables import signing_keys
from portcall.store.errors import SealedError
from portcall.store.secrets.vault import Vault


def sealed_pem(kid: str, pem: str, vault: Vault) -> str:
    """The stored form of a private key.

    Raises:
        SealedError: There is no encryption key.
    """
    return vault.seal(pem, _place(kid))


def opened_pem(kid: str, kept: str, vault: Vault) -> str:
    """The private key in its stored form.

    Raises:
        SealedError: Its encryption key is missing, or it was changed.
    """
    return vault.open(kept, _place(kid))


def stale_keys(connection: Connection, vault: Vault) -> list[str]:
    """The names of those that are unencrypted, or not under the first encryption key."""
    rows = connection.execute(select(signing_keys.c.kid, signing_keys.c.private_pem)).all()
    return [row.kid for row in rows if not vault.is_current(row.private_pem)]


def seal_anew(connection: Connection, kids: Iterable[str], vault: Vault) -> None:
    """Move these under the first encryption key.

    Raises:
        SealedError: One cannot be opened.
    """
    columns = signing_keys.c
    for kid in kids:
        query = select(columns.private_pem).where(columns.kid == kid)
        pem = opened_pem(kid, connection.execute(query).scalar_one(), vault)
        statement = update(signing_keys).where(columns.kid == kid)
        connection.execute(statement.values(private_pem=sealed_pem(kid, pem, vault)))


def lost_keys(connection: Connection, vault: Vault) -> list[str]:
    """The names of those that cannot be opened."""
    rows = connection.execute(select(signing_keys.c.kid, signing_keys.c.private_pem)).all()
    return [row.kid for row in rows if not _can_open(row.kid, row.private_pem, vault)]


def discard(connection: Connection, kids: Iterable[str]) -> None:
    """Delete these; the next login makes a new one."""
    for kid in kids:
        connection.execute(delete(signing_keys).where(signing_keys.c.kid == kid))


def _can_open(kid: str, kept: str, vault: Vault) -> bool:
    try:
        opened_pem(kid, kept, vault)
    except SealedError:
        return False
    return True


def _place(kid: str) -> str:
    return f"the signing key {kid}"
