"""Principals: who may do what with one secret each, of which only a digest is kept.

The secret has 256 random bits. Nobody guesses one from its SHA-256, so a slow hash would only make
each request slow.
"""

import hashlib
import re
import secrets
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from portcall.runtime.clock import now_ms
from portcall.store.database.database import Database
from portcall.store.database.tables import principals
from portcall.store.errors import NameTakenError, TooManyPrincipalsError

MAX_LIVE = 1000
"""How many may be able to log in at the same time."""
FORGET_AFTER_MS = 30 * 86_400_000
"""For how long a principal that was revoked, or has expired, is still listed."""

SESSION_PREFIX = "console-"
"""What the names begin with of the tokens of the console's sessions; 16 digits of hex follow."""

_SESSION = re.compile(rf"{SESSION_PREFIX}[0-9a-f]{{16}}", re.ASCII)
_SECRET = re.compile(r"portcall_[A-Za-z0-9_-]{43}", re.ASCII)
_COLUMNS = principals.c


class Role(StrEnum):
    """What a principal may do."""

    ADMINISTRATOR = "administrator"
    READER = "reader"
    PUBLISHER = "publisher"


def is_session_name(name: str) -> bool:
    """Whether a token of this name belongs to a session of the console that a link began."""
    return _SESSION.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class PrincipalRow:
    """One principal.

    Attributes:
        client_id: A GUID.
        name: As created.
        role: What it may do.
        registry: A publisher's registry, in lower case; else empty.
        digest: The SHA-256 of its secret.
        created_ms: When it was made, milliseconds since the epoch.
        expires_ms: When it stops working; None: never.
        used_ms: When it was last let in, to about a minute; None: not yet.
        revoked_ms: When it was revoked; None: it was not.
    """

    client_id: str
    name: str
    role: Role
    registry: str
    digest: bytes
    created_ms: int
    expires_ms: int | None
    used_ms: int | None
    revoked_ms: int | None

    def is_live(self, at_ms: int) -> bool:
        """Whether it is let in at that time."""
        return self.revoked_ms is None and (self.expires_ms is None or at_ms < self.expires_ms)


def new_secret() -> str:
    """A secret that nobody has; its first letters say whose it is to whoever finds it."""
    return f"portcall_{secrets.token_urlsafe(32)}"


def is_secret(text: str) -> bool:
    """Whether *text* has the form of a secret; what has not need not be looked up."""
    return _SECRET.fullmatch(text) is not None


def digest_of(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


class Principals:
    """The table of principals."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        name: str,
        *,
        role: Role,
        digest: bytes,
        registry: str = "",
        expires_ms: int | None = None,
        client_id: str | None = None,
    ) -> PrincipalRow:
        """Make one.

        Args:
            name: Unlike that of any other that was not revoked, without regard to case.
            role: What it may do.
            digest: Of its secret.
            registry: A publisher's.
            expires_ms: When it stops working.
            client_id: A GUID; None: a new one.

        Raises:
            NameTakenError: Another one has the name.
            TooManyPrincipalsError: There are `MAX_LIVE` already.
            StoreUnavailableError: The database does not answer.
        """
        now = now_ms()
        client_id = (client_id or str(uuid.uuid4())).lower()
        values = {
            "client_id": client_id,
            "name": name,
            "name_key": name.lower(),
            "role": role.value,
            "registry_key": registry.lower(),
            "secret_digest": digest,
            "created_ms": now,
            "expires_ms": expires_ms,
        }
        with self._database.writing() as connection:
            if not self._database.is_sqlite:  # there every writer is alone
                connection.exec_driver_sql("LOCK TABLE principals IN SHARE ROW EXCLUSIVE MODE")
            _forget(connection, now - FORGET_AFTER_MS)
            _check_room(connection, name, now)
            connection.execute(insert(principals).values(values))
        return _required(self.get(client_id))

    def get(self, client_id: str) -> PrincipalRow | None:
        """The principal of that id, revoked or not; None: there is none.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        return self._one(_COLUMNS.client_id == client_id.lower())

    def by_digest(self, digest: bytes) -> PrincipalRow | None:
        """The principal whose secret has that digest.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        return self._one(_COLUMNS.secret_digest == digest)

    def list(self) -> list[PrincipalRow]:
        """All of them, the newest first; those that stopped working for a while, too.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        query = select(principals).order_by(_COLUMNS.created_ms.desc(), _COLUMNS.client_id)
        with self._database.reading() as connection:
            return [_row(row) for row in connection.execute(query)]

    def revoke(self, client_id: str) -> PrincipalRow | None:
        """Let a principal in no more, and give it; None: there is none. Twice is as good as once.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        change = (
            update(principals)
            .where(_COLUMNS.client_id == client_id.lower(), _COLUMNS.revoked_ms.is_(None))
            .values(revoked_ms=now_ms())
        )
        with self._database.writing() as connection:
            connection.execute(change)
        return self.get(client_id)

    def used(self, client_id: str) -> None:
        """Note that a principal was let in now; a power cut may undo that.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        change = update(principals).where(_COLUMNS.client_id == client_id)
        with self._database.writing(durable=False) as connection:
            connection.execute(change.values(used_ms=now_ms()))

    def _one(self, condition: Any) -> PrincipalRow | None:  # noqa: ANN401 (an SQL expression)
        with self._database.reading() as connection:
            row = connection.execute(select(principals).where(condition)).one_or_none()
        return None if row is None else _row(row)


def _forget(connection: Connection, before_ms: int) -> None:
    gone = or_(_COLUMNS.revoked_ms < before_ms, _COLUMNS.expires_ms < before_ms)
    connection.execute(delete(principals).where(gone))


def _check_room(connection: Connection, name: str, at_ms: int) -> None:
    unrevoked = _COLUMNS.revoked_ms.is_(None)
    named = select(_COLUMNS.client_id).where(unrevoked, _COLUMNS.name_key == name.lower())
    if connection.execute(named).first() is not None:
        raise NameTakenError(name)
    unexpired = or_(_COLUMNS.expires_ms.is_(None), _COLUMNS.expires_ms > at_ms)
    count = select(func.count()).select_from(principals).where(unrevoked, unexpired)
    if connection.execute(count).scalar_one() >= MAX_LIVE:
        raise TooManyPrincipalsError(MAX_LIVE)


def _row(row: Row[Any]) -> PrincipalRow:
    return PrincipalRow(
        client_id=row.client_id,
        name=row.name,
        role=Role(row.role),
        registry=row.registry_key,
        digest=bytes(row.secret_digest),
        created_ms=row.created_ms,
        expires_ms=row.expires_ms,
        used_ms=row.used_ms,
        revoked_ms=row.revoked_ms,
    )


def _required(found: PrincipalRow | None) -> PrincipalRow:
    if found is None:
        raise RuntimeError("a principal that was just made is not there")
    return found
