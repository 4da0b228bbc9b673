"""Before a role opens secrets: check that there is a key, and that it is the database's."""

from portcall.runtime.logs import get_logger
from portcall.store.engine import Store, open_store
from portcall.store.errors import KeyFileError, StoreUnavailableError
from portcall.store.secrets.keys import KeySource
from portcall.store.secrets.vault import Vault


def prepare_secrets(url: str, source: KeySource) -> Vault:
    """Make the key file if needed, and seal secrets that are not under the first key yet.

    Each process that seals or migrates calls this at its start; repetitions are harmless. A key is
    never made for a database that already has one.

    Args:
        url: The database; it is migrated.
        source: Where the keys come from.

    Raises:
        KeyFileError: The keys are not available, or are not those of the database.
        StoreUnavailableError: The database does not answer.
    """
    vault = source.vault()
    store = open_store(url, vault)
    try:
        store.sealing.check(source.name)
        if source.make():
            get_logger().warning("encryption_key.made", path=source.name)
        vault.refresh()
        if not vault.first:
            raise KeyFileError(f"{source.name} has no key")
        if store.sealing.is_needed:
            sealed = sum(store.sealing.seal_all())
            get_logger().info("secrets.sealed", webhooks=sealed, key_id=vault.first)
    finally:
        store.close()
    return vault


def check_secrets(store: Store, source: KeySource) -> None:
    """Check that this process has the keys of the database.

    If the database does not answer yet, there is no error: a missing key is reported when it is
    needed.

    Raises:
        KeyFileError: It does not have them.
    """
    try:
        store.sealing.check(source.name)
    except StoreUnavailableError as error:
        get_logger().warning("encryption_key.unchecked", reason=str(error))
