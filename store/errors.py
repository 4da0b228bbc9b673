"""The store's errors, and whose fault each is."""

from portcall.runtime.errors import SettingsError
from portcall.schemas.errors import PortcallError
from portcall.schemas.webhooks import Sku


class StoreUnavailableError(PortcallError):
    """The database is down, locked, full or not migrated: nothing was changed; try again later."""


NEWER_DATABASE_ADVICE = (
    "install that version again, or restore the backup from before the upgrade (docs/service.md)"
)
"""What to do about a database that a newer version of Portcall has migrated."""


class NewerDatabaseError(SettingsError):
    """A newer version of Portcall has migrated the database; the operator chooses which to keep."""

    def __init__(self, found: str, known: str) -> None:
        super().__init__(
            f"PORTCALL_DATABASE_URL: the database's schema is {found}, and this version of Portcall"
            f" knows the schemas up to {known}: a newer version has used it. Nothing was changed."
            f" {NEWER_DATABASE_ADVICE.capitalize()}"
        )


class RegistryNotFoundError(PortcallError):
    """There is no such registry; the caller can correct the name."""

    def __init__(self, registry: str) -> None:
        super().__init__(f"there is no registry {registry}")
        self.registry = registry


class WebhookNotFoundError(PortcallError):
    """There is no such webhook; the caller can correct the name."""

    def __init__(self, registry: str, name: str) -> None:
        super().__init__(f"there is no webhook {name} in registry {registry}")
        self.registry = registry
        self.name = name


class QuotaExceededError(PortcallError):
    """The registry has as many webhooks as its tier allows; its owner can change that.

    Attributes:
        registry: The registry's name as created.
        sku: Its tier.
        limit: How many webhooks that allows.
    """

    def __init__(self, registry: str, sku: Sku, limit: int) -> None:
        super().__init__(f"registry {registry} is {sku} and has its {limit} webhooks already")
        self.registry = registry
        self.sku = sku
        self.limit = limit


class PositionConflictError(PortcallError):
    """Another process writes the event log: ask for the position again and read from there."""


class LeaseLostError(PortcallError):
    """Another recorder leads by now: stop writing, and wait for the next turn."""

    def __init__(self, term: int, current: int) -> None:
        super().__init__(f"term {term} of the recorder's lease has ended; this is term {current}")


class UnstorableError(PortcallError):
    """A value that the database cannot hold, such as an integer of over 64 bits; never retry."""


class NameTakenError(PortcallError):
    """Another principal has the name; the caller can choose another."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a principal {name} already")
        self.name = name


class TooManyPrincipalsError(PortcallError):
    """The limit of principals is reached; revoke some."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"there are {limit} principals already")
        self.limit = limit


class TooManySourcesError(PortcallError):
    """The limit of a registry's sources is reached; delete some."""

    def __init__(self, registry: str, limit: int) -> None:
        super().__init__(f"registry {registry} has its {limit} sources already")
        self.limit = limit


class SealedError(StoreUnavailableError):
    """A secret cannot be sealed or opened: a key is missing, or a row was changed."""


class KeyFileError(SettingsError):
    """The encryption keys are not available: the operator must correct that."""


class WrongKeyError(KeyFileError):
    """The encryption keys are not those of the database."""


class TooManyOvertakenError(PortcallError):
    """A webhook has reached the limit of deliveries that were tried before their time."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"already {limit} deliveries of the webhook are tried before their time")
        self.limit = limit
