"""What the store can refuse, and whose fault it is."""

from portcall.runtime.errors import SettingsError
from portcall.schemas.errors import PortcallError
from portcall.schemas.webhooks import Sku


class StoreUnavailableError(PortcallError):
    """The database is down, locked, full or not migrated: nothing was changed; try again later."""


class RegistryNotFoundError(PortcallError):
    """There is no such registry; whoever named it can mend it."""

    def __init__(self, registry: str) -> None:
        super().__init__(f"there is no registry {registry}")
        self.registry = registry


class WebhookNotFoundError(PortcallError):
    """There is no such webhook; whoever named it can mend it."""

    def __init__(self, registry: str, name: str) -> None:
        super().__init__(f"there is no webhook {name} in registry {registry}")
        self.registry = registry
        self.name = name


class QuotaExceededError(PortcallError):
    """The registry has as many webhooks as its tier allows; its owner can mend it.

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
    """Somebody else writes the event log: ask for the position again and read from there."""


class UnstorableError(PortcallError):
    """A value that the database cannot hold, such as an integer of over 64 bits; never retry."""


class NameTakenError(PortcallError):
    """Another principal has the name; whoever chose it can choose another."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a principal {name} already")
        self.name = name


class TooManyPrincipalsError(PortcallError):
    """There are as many principals as there may be; some can be revoked."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"there are {limit} principals already")
        self.limit = limit


class SealedError(StoreUnavailableError):
    """A secret cannot be sealed or opened: a key is missing, or a row was tampered with."""


class KeyFileError(SettingsError):
    """The encryption keys cannot be had: the installation's owner must mend that."""


class WrongKeyError(KeyFileError):
    """The encryption keys are others than those of the database."""
