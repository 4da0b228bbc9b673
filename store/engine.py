"""The store as one object: what each process opens once and closes at its end."""

from dataclasses import dataclass

from store.database import Database
from store.eventlog import EventLog
from store.installation import InstallationTable
from store.journal import Journal
from store.known import KnownWebhooks
from store.lasts import Lasts
from store.principals import Principals
from store.registries import Registries
from store.replays import Replays
from store.sealing import Sealing
from store.searching import Searching
from store.sightings import Sightings
from store.signingkeys import SigningKeys
from store.standing import Standing
from store.subscribers import Subscribers
from store.traffic import Traffic
from store.vault import NO_KEYS, Vault
from store.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Store:
    """Everything that is kept. Its methods block: async callers use ``asyncio.to_thread``."""

    database: Database
    installation: InstallationTable
    registries: Registries
    webhooks: Webhooks
    sealing: Sealing
    eventlog: EventLog
    replays: Replays
    standing: Standing
    journal: Journal
    principals: Principals
    signing_keys: SigningKeys
    traffic: Traffic
    searching: Searching
    subscribers: Subscribers
    sightings: Sightings
    known: KnownWebhooks
    lasts: Lasts

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self.database.close()


def open_store(url: str, vault: Vault = NO_KEYS) -> Store:
    """Open the store at *url*; no connection is made before one is needed.

    Args:
        url: ``sqlite:///file`` or ``postgresql://user@host/database``.
        vault: Seals and opens secrets; those who neither read nor store any need none.

    Raises:
        InvalidValueError: It is neither.
    """
    database = Database(url)
    return Store(
        database=database,
        installation=InstallationTable(database),
        registries=Registries(database),
        webhooks=Webhooks(database, vault),
        sealing=Sealing(database, vault),
        eventlog=EventLog(database),
        replays=Replays(database),
        standing=Standing(database),
        journal=Journal(database),
        principals=Principals(database),
        signing_keys=SigningKeys(database, vault),
        traffic=Traffic(database),
        searching=Searching(database),
        subscribers=Subscribers(database),
        sightings=Sightings(database),
        known=KnownWebhooks(database),
        lasts=Lasts(database),
    )
