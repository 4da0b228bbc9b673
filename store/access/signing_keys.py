"""The keys that access tokens are signed with, in the store: every process has the same.

Whoever verifies reads the public halves and needs no encryption key; the private ones are sealed.
"""

import base64
import hashlib
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import insert, select

from portcall.runtime.clock import now_ms
from portcall.store.database import counters
from portcall.store.database.database import Database
from portcall.store.database.tables import signing_keys
from portcall.store.secrets.sealing import note_key
from portcall.store.secrets.signing_rows import opened_pem, sealed_pem
from portcall.store.secrets.vault import Vault

BITS = 2048


@dataclass(frozen=True, slots=True)
class PublicKey:
    """What a signature is verified with.

    Attributes:
        kid: As that of its `SigningKey`.
        public: Verifies.
    """

    kid: str
    public: rsa.RSAPublicKey


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
    """The table of keys.

    Args:
        database: Where it is.
        vault: Seals and opens private halves; who only verifies needs none.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def list(self) -> list[PublicKey]:
        """The public halves of all keys, the one that signs first.

        Raises:
            StoreUnavailableError: The database does not answer.
        """
        columns = signing_keys.c
        query = select(columns.kid, columns.public_pem).order_by(*_NEWEST)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return [PublicKey(row.kid, _public(row.public_pem)) for row in rows]

    def signing(self) -> SigningKey:
        """The key that signs; the first is made where there is none.

        Raises:
            SealedError: Its encryption key is not there.
            StoreUnavailableError: The database does not answer.
        """
        self.ensure()
        columns = signing_keys.c
        query = select(columns.kid, columns.private_pem).order_by(*_NEWEST)
        with self._database.reading() as connection:
            row = connection.execute(query.limit(1)).one()
        return SigningKey(row.kid, _private(opened_pem(row.kid, row.private_pem, self._vault)))

    def ensure(self) -> None:
        """Make the first key, if there is none.

        Two processes that do so at the same time make two: both are good.

        Raises:
            SealedError: There is no encryption key.
            StoreUnavailableError: The database does not answer.
        """
        if self.list():
            return
        key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
        kid = _kid(key)
        values = {
            "kid": kid,
            "private_pem": sealed_pem(kid, private_pem(key), self._vault),
            "public_pem": public_pem(key),
            "created_ms": now_ms(),
        }
        with self._database.writing() as connection:
            counters.bump(connection, counters.REVISION, 0)  # whoever seals all of them waits
            note_key(connection, self._vault)
            connection.execute(insert(signing_keys).values(values))


_NEWEST = (signing_keys.c.created_ms.desc(), signing_keys.c.kid)


def private_pem(key: rsa.RSAPrivateKey) -> str:
    """A key as it is sealed."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    """The public half of a key, as it is kept."""
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


@lru_cache(maxsize=16)
def _private(pem: str) -> rsa.RSAPrivateKey:
    """Read a key; once, because OpenSSL checks its primes each time."""
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("a signing key is an RSA key")
    return key


@lru_cache(maxsize=16)
def _public(pem: str) -> rsa.RSAPublicKey:
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("a signing key is an RSA key")
    return key


def _kid(key: rsa.RSAPrivateKey) -> str:
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()[:20]).decode().rstrip("=")
