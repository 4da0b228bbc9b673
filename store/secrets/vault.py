"""The vault: encrypts values that the database must not reveal, and decrypts them. AES-256-GCM.

A sealed value is ``sealed:<key id>:<base64 of nonce and ciphertext>``. It is bound to the webhook
and the column that it was sealed for: in another row it does not open. An empty text stays empty. A
value without the prefix was stored before there were keys, and is read unchanged until management
has sealed it.
"""

import base64
import binascii
import os
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from portcall.store.errors import SealedError
from portcall.store.secrets.key_file import Key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MARK = "sealed:"
NONCE_BYTES = 12

Reload = Callable[[], Sequence[Key] | None]
"""Returns the keys again if they may have changed, else None."""


class Vault:
    """Seals with the first key, opens with all.

    Args:
        keys: The first one seals; none: nothing can be sealed or opened.
        reload: Asked for newer keys before a key counts as missing, and before sealing.
    """

    def __init__(self, keys: Sequence[Key] = (), reload: Reload = lambda: None) -> None:
        self._reload = reload
        self._lock = threading.Lock()
        self._take(keys)

    def _take(self, keys: Sequence[Key]) -> None:
        self._ciphers = {key.id: _cipher(key.secret) for key in keys}
        self._first = keys[0].id if keys else ""

    @property
    def key_ids(self) -> list[str]:
        """The ids of the available keys, the one that seals first."""
        return list(self._ciphers)

    @property
    def first(self) -> str:
        """The id of the key that seals; empty: there is none."""
        return self._first

    def refresh(self) -> None:
        """Load newer keys, if there are any."""
        with self._lock:
            keys = self._reload()
            if keys is not None:
                self._take(keys)

    def seal(self, text: str, bound_to: str) -> str:
        """Seal a text; 4 us.

        Args:
            text: The secret text.
            bound_to: Its owner; opening it needs the same.

        Raises:
            SealedError: There is no key.
        """
        if not text:
            return ""
        cipher = self._ciphers.get(self._first)
        if cipher is None:
            raise SealedError("secrets cannot be stored: there is no encryption key")
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + cipher.encrypt(nonce, text.encode(), bound_to.encode())
        return f"{MARK}{self._first}:{base64.b64encode(sealed).decode('ascii')}"

    def open(self, stored: str, bound_to: str) -> str:
        """The text in a stored value; 2 us.

        Raises:
            SealedError: Its key is missing, or it was not sealed for *bound_to*.
        """
        if not stored.startswith(MARK):
            return stored
        key_id, _, content = stored.removeprefix(MARK).partition(":")
        cipher = self._ciphers.get(key_id) or self._newer(key_id)
        if cipher is None:
            raise SealedError(f"the key {key_id[:8]}, which sealed {bound_to}, is missing")
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 (as in `_cipher`)

        try:
            sealed = base64.b64decode(content, validate=True)
            text = cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
        except (binascii.Error, ValueError, InvalidTag) as error:
            raise SealedError(f"{bound_to} was changed after it was sealed") from error
        return text.decode()

    def is_current(self, stored: str) -> bool:
        """Whether a stored value is sealed with the first key."""
        return not stored or stored.startswith(f"{MARK}{self._first}:")

    def _newer(self, key_id: str) -> "AESGCM | None":
        self.refresh()
        return self._ciphers.get(key_id)


def _cipher(secret: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import (  # noqa: PLC0415 (takes 8 MB, and processes without keys need none)
        AESGCM,
    )

    return AESGCM(secret)


NO_KEYS = Vault()
"""For callers that neither read nor write secrets."""
