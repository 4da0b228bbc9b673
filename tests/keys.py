"""The key that the tests seal secrets with, and a vault that has it."""

import base64
from pathlib import Path

from portcall.store.secrets.key_file import Key
from portcall.store.secrets.keys import KeySource
from portcall.store.secrets.vault import Vault

KEY = Key.of(b"a key of the tests, of 32 bytes.")
KEY_TEXT = base64.b64encode(KEY.secret).decode("ascii")
"""For ``PORTCALL_ENCRYPTION_KEY``."""


def vault() -> Vault:
    """A new vault with it."""
    return Vault([KEY])


def source() -> KeySource:
    """The same as an environment names it."""
    return KeySource(text=KEY_TEXT, home=Path("no home"))
