"""Signing keys as texts: how they are made, written and read.

Imported where a key is used: the library behind it takes 8 MB.
"""

import base64
import hashlib
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

BITS = 2048


def new_key() -> rsa.RSAPrivateKey:
    """A new key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=BITS)


def private_pem(key: rsa.RSAPrivateKey) -> str:
    """A key in the form that is sealed."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    """The public half of a key, in the stored form."""
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


@lru_cache(maxsize=16)
def private_key(pem: str) -> rsa.RSAPrivateKey:
    """Read a key; once, because OpenSSL checks its primes each time."""
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("a signing key is an RSA key")
    return key


@lru_cache(maxsize=16)
def public_key(pem: str) -> rsa.RSAPublicKey:
    """Read the public half of a key."""
    key = serialization.load_pem_public_key(pem.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise TypeError("a signing key is an RSA key")
    return key


def kid_of(key: rsa.RSAPrivateKey) -> str:
    """The name of a key: the hash of its public half."""
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()[:20]).decode().rstrip("=")
