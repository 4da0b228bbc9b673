"""The keys that access tokens are signed with, in the store: every process has the same."""

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import insert, select

from store.database import Database, now_ms
from store.tables import signing_keys

BITS = 2048


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key.

    Attributes:
        kid: Its name in the header of a token: the hash of its public half.
        private: Signs.
    """

    kid: str
    private: rsa.RSAPrivateKey

    @property
    def public(self) -> rsa.RSAPublicKey:
        """What a signature is checked with."""
        return self.private.public_key()


class SigningKeys:
    """The table of keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self) -> list[SigningKey]:
        """All keys, the one that signs first.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        columns = signing_keys.c
        query = select(columns.kid, columns.private_pem)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(columns.created_ms.desc(), columns.kid)).all()
        return [SigningKey(row.kid, _loaded(row.private_pem)) for row in rows]

    def ensure(self) -> None:
        """Make the first key, if there is none.

        Two processes that do so at the same time make two: both are good.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        if self.list():
            return
        key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        values = {"kid": _kid(key), "private_pem": pem.decode(), "created_ms": now_ms()}
        with self._database.writing() as connection:
            connection.execute(insert(signing_keys).values(values))


@lru_cache(maxsize=16)
def _loaded(pem: str) -> rsa.RSAPrivateKey:
    """Read a key; once, because OpenSSL checks its primes each time."""
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("a signing key is an RSA key")
    return key


def _kid(key: rsa.RSAPrivateKey) -> str:
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()[:20]).decode().rstrip("=")
