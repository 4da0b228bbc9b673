"""Sealed cookies: only this installation can read and make them, with a key that it shares."""

import base64
from collections.abc import Sequence
from typing import TypeVar

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portcall.store.access.signing_keys import SigningKey

MAX_SEALED = 3800
"""Browsers keep no cookie of more than 4,096 bytes with its name and attributes."""

ValueT = TypeVar("ValueT")


class Seal:
    """Seals values, and opens sealed ones.

    Args:
        keys: The installation's; the first seals, each of them opens.
    """

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        self._fernet = MultiFernet([Fernet(_derived(key)) for key in keys])

    def sealed(self, value: object) -> str:
        """A value as an encrypted text."""
        return self._fernet.encrypt(msgspec.json.encode(value)).decode("ascii")

    def opened(self, text: str | None, kind: type[ValueT]) -> ValueT | None:
        """The value of a sealed text; None: it is not one of ours."""
        if not text or len(text) > MAX_SEALED:
            return None
        try:
            content = self._fernet.decrypt(text.encode("ascii", "replace"))
            return msgspec.json.decode(content, type=kind)
        except (InvalidToken, msgspec.DecodeError):
            return None


def _derived(key: SigningKey) -> bytes:
    """A key for cookies only, derived from a key that every management process has."""
    private = key.private.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    derivation = HKDF(hashes.SHA256(), length=32, salt=None, info=b"portcall console cookies")
    return base64.urlsafe_b64encode(derivation.derive(private))
