"""Sealing: the keys of the database's secrets, and moving all secrets under the first key.

Secrets are those of webhooks and of sources, and the private halves of the keys that sign access
tokens.

``encryption_keys`` has the id of every key that a secret may be sealed with. An id is inserted
before the first secret that it seals, in the same transaction. It is deleted in a transaction that
found no more secrets under it. Secrets are sealed again in parts, each in its own transaction:
after a kill in between, some are under the old key and some under the new one, and both keys are in
the table.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, text, update

from portcall.runtime.clock import now_ms
from portcall.schemas.webhooks import Status
from portcall.store.database import counters
from portcall.store.database.database import Database, chunks
from portcall.store.database.tables import encryption_keys, webhooks
from portcall.store.errors import SealedError, WrongKeyError
from portcall.store.secrets.sealed_columns import SECRETS, opened, sealed
from portcall.store.secrets.signing_rows import discard, lost_keys, seal_anew, stale_keys
from portcall.store.secrets.source_rows import (
    discard_secrets,
    lost_sources,
    seal_sources_anew,
    stale_sources,
)
from portcall.store.secrets.vault import Vault

CHUNK = 500
_DISCARDED: dict[str, Any] = {
    "authorization": "",
    "credentials": "",
    "headers": {},
    "secret": "",
    "old_secret": "",
    "old_secret_until_ms": 0,
    "client_certificate": "",
    "client_key": "",
    "status": Status.DISABLED.value,
    "status_reason": "its secrets and headers were discarded, because their key was lost",
}
PLAIN = ""
"""The id that marks unencrypted secrets."""


def note_key(connection: Connection, vault: Vault) -> None:
    """Note that the first key is about to seal, in the same transaction."""
    known = connection.execute(
        select(encryption_keys.c.key_id).where(encryption_keys.c.key_id == vault.first)
    ).first()
    if known is None:
        values = {"key_id": vault.first, "created_ms": now_ms()}
        connection.execute(insert(encryption_keys).values(values))


class Sealing:
    """Operations on all secrets.

    Args:
        database: The database.
        vault: Has the keys.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def key_ids(self) -> list[str]:
        """The ids of the keys that secrets may be under; `PLAIN`: some are unencrypted."""
        columns = encryption_keys.c
        query = select(columns.key_id).order_by(columns.created_ms, columns.key_id)
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def check(self, source: str) -> None:
        """Check that every secret can be opened.

        Args:
            source: Where the keys come from, for the message.

        Raises:
            WrongKeyError: A key is missing; the error says which one, and what to do.
            StoreUnavailableError: The database does not answer.
        """
        missing = set(self.key_ids()) - set(self._vault.key_ids) - {PLAIN}
        if not missing:
            return
        have = ", ".join(self._vault.key_ids) or "none"
        raise WrongKeyError(
            f"{source}: the secrets in this database are sealed with the key"
            f" {', '.join(sorted(missing))}, and the keys here are {have}. Name the right one with"
            " PORTCALL_ENCRYPTION_KEY or PORTCALL_ENCRYPTION_KEY_FILE (new keys go in front of it)"
        )

    @property
    def is_needed(self) -> bool:
        """Whether secrets may be unencrypted, or under another key than the first."""
        return bool(set(self.key_ids()) - {self._vault.first})

    def count(self) -> int:
        """How many webhooks there are."""
        with self._database.reading() as connection:
            found: int = connection.execute(text("SELECT count(*) FROM webhooks")).scalar_one()
        return found

    def unopened(self) -> list[str]:
        """The secrets that cannot be opened, as texts: a key is missing, or they were changed."""
        columns = [webhooks.c.id, *(webhooks.c[name] for name in SECRETS)]
        with self._database.reading() as connection:
            rows = connection.execute(select(*columns)).mappings().all()
            lost = lost_keys(connection, self._vault)
            silent = lost_sources(connection, self._vault)
        found = [row["id"] for row in rows if not self._can_open(dict(row))]
        return [
            *([f"the secrets of {len(found)} of {len(rows)} webhooks"] if found else []),
            *(f"the signing key {kid}" for kid in lost),
            *(f"the secrets of source {source_id}" for source_id in silent),
        ]

    def seal_all(self) -> Iterator[int]:
        """Move every secret under the first key; yields how many webhooks each part had.

        Raises:
            SealedError: One cannot be opened; earlier parts stay.
        """
        self._vault.refresh()
        self._seal_signing_keys()
        self._seal_sources()
        after = 0
        while True:
            last, seen = self._seal_some(after)
            if not seen:
                break
            after = last
            yield seen
        self._forget_others()

    def discard(self) -> int:
        """Drop the secrets whose key is lost; returns how many webhooks had such secrets.

        Such a webhook loses all of them and is disabled: its POSTs would not be what its owner
        wanted. A key that signs access tokens is replaced; clients with such a token log in again.
        A source without its secret refuses everything until the secret is rotated.
        """
        columns = [webhooks.c.id, *(webhooks.c[name] for name in SECRETS)]
        with self._database.writing() as connection:
            values = _DISCARDED | {
                "revision": counters.bump(connection, counters.REVISION),
                "status_changed_ms": now_ms(),
            }
            rows = connection.execute(select(*columns)).mappings().all()
            lost = [row["id"] for row in rows if not self._can_open(dict(row))]
            for chunk in chunks(lost):
                connection.execute(update(webhooks).where(webhooks.c.id.in_(chunk)).values(values))
            discard(connection, lost_keys(connection, self._vault))
            discard_secrets(connection, lost_sources(connection, self._vault))
            missing = encryption_keys.c.key_id.not_in([*self._vault.key_ids, PLAIN])
            connection.execute(delete(encryption_keys).where(missing))
        return len(lost)

    def _can_open(self, row: dict[str, Any]) -> bool:
        try:
            opened(row, row["id"], self._vault)
        except SealedError:
            return False
        return True

    def _seal_signing_keys(self) -> None:
        with self._database.writing() as connection:
            self._overwrite(connection)
            counters.bump(connection, counters.REVISION, 0)
            stale = stale_keys(connection, self._vault)
            if stale:
                note_key(connection, self._vault)
                seal_anew(connection, stale, self._vault)

    def _seal_sources(self) -> None:
        with self._database.writing() as connection:
            self._overwrite(connection)
            counters.bump(connection, counters.REVISION, 0)
            stale = stale_sources(connection, self._vault)
            if stale:
                note_key(connection, self._vault)
                seal_sources_anew(connection, stale, self._vault)

    def _seal_some(self, after: int) -> tuple[int, int]:
        """Seal the next webhooks by id where needed; returns the last id, and how many they are.

        Writers of webhooks wait meanwhile, as they do for each other.
        """
        columns = [webhooks.c.id, *(webhooks.c[name] for name in SECRETS)]
        query = select(*columns).where(webhooks.c.id > after).order_by(webhooks.c.id).limit(CHUNK)
        with self._database.writing() as connection:
            self._overwrite(connection)
            counters.bump(connection, counters.REVISION, 0)
            rows = connection.execute(query).mappings().all()
            stale = [row for row in rows if not self._is_current(dict(row))]
            if stale:
                note_key(connection, self._vault)
                connection.execute(
                    update(webhooks).where(webhooks.c.id == bindparam("row_id")),
                    [self._anew(dict(row)) for row in stale],
                )
        return (rows[-1]["id"] if rows else after), len(rows)

    def _overwrite(self, connection: Connection) -> None:
        """Make SQLite overwrite the old bytes of sealed values, and those that were moved."""
        if self._database.is_sqlite:
            connection.exec_driver_sql("PRAGMA secure_delete = ON")

    def _is_current(self, row: dict[str, object]) -> bool:
        stored = (row[name] or "" for name in SECRETS)
        return all(isinstance(each, str) and self._vault.is_current(each) for each in stored)

    def _anew(self, row: dict[str, Any]) -> dict[str, Any]:
        webhook_id = row.pop("id")
        values = opened(row, webhook_id, self._vault)
        return sealed(values, webhook_id, self._vault) | {"row_id": webhook_id}

    def _forget_others(self) -> None:
        """Delete the ids of other keys, unless a writer has used one in the meantime."""
        with self._database.writing() as connection:
            counters.bump(connection, counters.REVISION, 0)
            query = select(*(webhooks.c[name] for name in SECRETS))
            with connection.execute(query, execution_options={"yield_per": CHUNK}) as result:
                is_done = all(self._is_current(dict(row)) for row in result.mappings())
            is_done = is_done and not stale_keys(connection, self._vault)
            if is_done and not stale_sources(connection, self._vault):
                others = encryption_keys.c.key_id != self._vault.first
                connection.execute(delete(encryption_keys).where(others))
        if self._database.is_sqlite:
            self._database.checkpoint()
