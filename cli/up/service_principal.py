"""The service principal of `portcall up`: the login for az in ready.json."""

import json
import uuid
from pathlib import Path

from portcall.cli.account import ClientCredentials, read_account
from portcall.cli.errors import UpError
from portcall.cli.home import write_private
from portcall.runtime.logs import get_logger
from portcall.store.access.principals import Role, digest_of, new_secret
from portcall.store.engine import Store
from portcall.store.errors import NameTakenError


def ensure_account(path: Path, store: Store) -> ClientCredentials:
    """Return the principal in *path*, known to the store; create it if it is missing or not valid.

    Raises:
        StoreUnavailableError: The database does not answer.
        UpError: The file cannot be read or written.
    """
    try:
        kept, problem = read_account(path)
        if kept is not None and _is_known(kept, store):
            return kept
        if problem:
            get_logger().warning("account.replaced", path=str(path), reason=problem)
        account = ClientCredentials(str(uuid.uuid4()), new_secret())
        _introduce(account, store)
        told = {"client_id": account.client_id, "client_secret": account.client_secret}
        write_private(path, json.dumps(told, indent=2) + "\n")
    except OSError as error:
        raise UpError(f"PORTCALL_HOME: {path}: {error.strerror}") from error
    return account


def _is_known(account: ClientCredentials, store: Store) -> bool:
    """Whether the store accepts it; if the store does not know it, add it."""
    found = store.principals.get(account.client_id)
    if found is None:
        _introduce(account, store)
        return True
    return found.revoked_ms is None and found.digest == digest_of(account.client_secret)


def _introduce(account: ClientCredentials, store: Store) -> None:
    name = f"portcall-up-{account.client_id[:8]}"
    digest = digest_of(account.client_secret)
    try:
        store.principals.create(
            name, role=Role.ADMINISTRATOR, digest=digest, client_id=account.client_id
        )
    except NameTakenError as error:
        raise UpError(f"{error}: revoke it with `portcall token revoke {name}`") from error
