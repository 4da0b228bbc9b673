"""The sealed columns of a webhook, in their stored and in their usable form."""

from collections.abc import Mapping
from typing import Any

import msgspec

from portcall.store.secrets.vault import Vault

SECRETS = ("authorization", "headers", "secret", "old_secret", "credentials", "client_key")
"""User info (as a header, and as set), custom headers, signing secrets, and the client
certificate's key."""


def sealed(values: Mapping[str, Any], webhook_id: int, vault: Vault) -> dict[str, Any]:
    """The stored form of these values: each is bound to its webhook and its column.

    Raises:
        SealedError: There is a secret, and no key.
    """
    kept = dict(values)
    for name in SECRETS:
        value = values[name]
        if not value:
            continue
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        kept[name] = vault.seal(text, _place(webhook_id, name))
    return kept


def opened(kept: Mapping[str, Any], webhook_id: int, vault: Vault) -> dict[str, Any]:
    """These values as they are used; of columns that were not read, nothing is opened.

    Raises:
        SealedError: One cannot be opened.
    """
    values = dict(kept)
    for name in SECRETS:
        stored = kept.get(name)
        if stored and isinstance(stored, str):
            text = vault.open(stored, _place(webhook_id, name))
            values[name] = msgspec.json.decode(text) if name == "headers" else text
    return values


def _place(webhook_id: int, name: str) -> str:
    return f"the {name} of webhook {webhook_id}"
