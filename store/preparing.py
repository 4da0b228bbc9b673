"""Before a role opens secrets: there is a key, and it is that of the database."""

from portcall.runtime.logs import get_logger
from portcall.store.engine import Store, open_store
from portcall.store.errors import KeyFileError, StoreUnavailableError
from portcall.store.secrets.keys import KeySource
from portcall.store.secrets.vault import Vault


def prepare_secrets(url: str, source: KeySource) -> Vault:
    """Make the key file if it is time for it, and seal what is not under the first key yet.

    Whoever seals or migrates calls this at its start, as often as it likes. A key is never made
    for a database that has one already.

    Args:
        url: The database; it is migrated.
        source: Where the keys are.

    Raises:
        KeyFileError: The keys cannot be had, or are not those of the database.
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

    A database that does not answer yet says nothing: a missing key is told when it is needed.

    Raises:
        KeyFileError: It has not.
    """
    try:
        store.sealing.check(source.name)
    except StoreUnavailableError as error:
        get_logger().warning("encryption_key.unchecked", reason=str(error))
