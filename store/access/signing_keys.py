"""The keys that access tokens are signed with, in the store: every process has the same.

Verifiers read the public halves and need no encryption key; the private ones are sealed.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from portcall.runtime.clock import now_ms
from portcall.store.database import counters
from portcall.store.database.database import Database
from portcall.store.database.tables import signing_keys
from portcall.store.secrets.sealing import note_key
from portcall.store.secrets.signing_rows import opened_pem, sealed_pem
from portcall.store.secrets.vault import Vault

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public half of a key, which verifies a signature.

    Attributes:
        kid: The same as that of its `SigningKey`.
        public: Verifies.
    """

    kid: str
    public: "rsa.RSAPublicKey"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key.

    Attributes:
        kid: Its name in the header of a token: the hash of its public half.
        private: Signs.
    """

    kid: str
    private: "rsa.RSAPrivateKey"

    @property
    def public(self) -> "rsa.RSAPublicKey":
        """The key that verifies a signature."""
        return self.private.public_key()


class SigningKeys:
    """The table of keys.

    Args:
        database: The database.
        vault: Seals and opens private halves; a verifier needs none.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def list(self) -> list[PublicKey]:
        """The public halves of all keys, the one that signs first.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        from portcall.store.access import key_texts  # noqa: PLC0415 (rarely needed, and takes 8 MB)

        columns = signing_keys.c
        query = select(columns.kid, columns.public_pem).order_by(*_NEWEST)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [PublicKey(row.kid, key_texts.public_key(row.public_pem)) for row in rows]

    def signing(self) -> SigningKey:
        """The key that signs; the first key is made if there is none.

        Raises:
            SealedError: Its encryption key is missing.
            StoreUnavailableError: The database does not answer.
        """
        from portcall.store.access import key_texts  # noqa: PLC0415 (rarely needed, and takes 8 MB)

        self.ensure()
        columns = signing_keys.c
        query = select(columns.kid, columns.private_pem).order_by(*_NEWEST)
        with self._database.reading() as connection:
            row = connection.execute(query.limit(1)).one()
        return SigningKey(
            row.kid, key_texts.private_key(opened_pem(row.kid, row.private_pem, self._vault))
        )

    def ensure(self) -> None:
        """Make the first key, if there is none.

        Two processes that do so at the same time make two keys: both are valid.

        Raises:
            SealedError: There is no encryption key.
            StoreUnavailableError: The database does not answer.
        """
        from portcall.store.access import key_texts  # noqa: PLC0415 (rarely needed, and takes 8 MB)

        if self.list():
            return
        key = key_texts.new_key()
        kid = key_texts.kid_of(key)
        values = {
            "kid": kid,
            "private_pem": sealed_pem(kid, key_texts.private_pem(key), self._vault),
            "public_pem": key_texts.public_pem(key),
            "created_ms": now_ms(),
        }
        with self._database.writing() as connection:
            counters.bump(connection, counters.REVISION, 0)  # blocks sealing of all secrets
            note_key(connection, self._vault)
            connection.execute(insert(signing_keys).values(values))


_NEWEST = (signing_keys.c.created_ms.desc(), signing_keys.c.kid)
