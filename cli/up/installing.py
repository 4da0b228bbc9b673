"""What `portcall up` does to the store before the roles start."""

from portcall.cli.account import ClientCredentials
from portcall.cli.up.plan import Plan
from portcall.cli.up.service_principal import ensure_account
from portcall.store.database.installation import Installation
from portcall.store.database.migrate import migrate
from portcall.store.engine import open_store
from portcall.store.preparing import prepare_secrets
from portcall.store.secrets.keys import KeySource


def prepare_store(plan: Plan) -> tuple[Installation, ClientCredentials]:
    """Migrate the database, seal its secrets, and register its owner and the service principal.

    Raises:
        KeyFileError: The encryption keys cannot be read, or do not fit the database.
        StoreUnavailableError: It does not answer.
    """
    migrate(plan.database_url)
    prepare_secrets(plan.database_url, KeySource.of(plan.environ, plan.home.path))
    store = open_store(plan.database_url)
    try:
        return store.installation.get(), ensure_account(plan.home.account_file, store)
    finally:
        store.close()
