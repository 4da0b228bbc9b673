"""The store as one object, which each process opens once and closes at its end."""

from dataclasses import dataclass

from portcall.store.access.principals import Principals
from portcall.store.access.signing_keys import SigningKeys
from portcall.store.database.database import Database
from portcall.store.database.installation import InstallationTable
from portcall.store.intake.deleted_tags import DeletedTags
from portcall.store.intake.digests import KnownDigests
from portcall.store.intake.known_tags import KnownTags
from portcall.store.intake.told_children import ToldChildren
from portcall.store.intake.told_tags import ToldTags
from portcall.store.journal.journal import Journal
from portcall.store.records.event_log import EventLog
from portcall.store.records.last_records import Lasts
from portcall.store.records.lease import RecorderLease
from portcall.store.records.lost import Lost
from portcall.store.records.replays import Replays
from portcall.store.records.searching import Searching
from portcall.store.secrets.sealing import Sealing
from portcall.store.secrets.vault import NO_KEYS, Vault
from portcall.store.sources.sources import Sources
from portcall.store.traffic.traffic import Traffic
from portcall.store.webhooks.health import WebhookHealth
from portcall.store.webhooks.overtaken import OvertakenDeliveries
from portcall.store.webhooks.registries import Registries
from portcall.store.webhooks.subscribers import Subscribers
from portcall.store.webhooks.summaries import KnownWebhooks
from portcall.store.webhooks.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Store:
    """All stored data. Its methods block: async callers use ``asyncio.to_thread``.

    `stamp` does not.
    """

    database: Database
    installation: InstallationTable
    registries: Registries
    webhooks: Webhooks
    sealing: Sealing
    eventlog: EventLog
    lease: RecorderLease
    replays: Replays
    webhook_health: WebhookHealth
    journal: Journal
    principals: Principals
    signing_keys: SigningKeys
    traffic: Traffic
    searching: Searching
    subscribers: Subscribers
    digests: KnownDigests
    known: KnownWebhooks
    lasts: Lasts
    lost: Lost
    sources: Sources
    tags: KnownTags
    told_tags: ToldTags
    told_children: ToldChildren
    deleted_tags: DeletedTags
    overtaken: OvertakenDeliveries

    def stamp(self) -> int | None:
        """As `Database.stamp`, for a `runtime.pacing.Glance`."""
        return self.database.stamp()

    def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        self.database.close()


def open_store(url: str, vault: Vault = NO_KEYS, *, idle_transaction_s: int | None = None) -> Store:
    """Open the store at *url*; it connects when a connection is needed.

    Args:
        url: ``sqlite:///file`` or ``postgresql://user@host/database``.
        vault: Seals and opens secrets; callers that neither read nor write secrets need none.
        idle_transaction_s: As of `Database`.

    Raises:
        InvalidValueError: It is another URL.
    """
    database = Database(url, idle_transaction_s=idle_transaction_s)
    return Store(
        database=database,
        installation=InstallationTable(database),
        registries=Registries(database),
        webhooks=Webhooks(database, vault),
        sealing=Sealing(database, vault),
        eventlog=EventLog(database),
        lease=RecorderLease(database),
        replays=Replays(database),
        webhook_health=WebhookHealth(database),
        journal=Journal(database),
        principals=Principals(database),
        signing_keys=SigningKeys(database, vault),
        traffic=Traffic(database),
        searching=Searching(database),
        subscribers=Subscribers(database),
        digests=KnownDigests(database),
        known=KnownWebhooks(database),
        lasts=Lasts(database),
        lost=Lost(database),
        sources=Sources(database, vault),
        tags=KnownTags(database),
        told_tags=ToldTags(database),
        told_children=ToldChildren(database),
        deleted_tags=DeletedTags(database),
        overtaken=OvertakenDeliveries(database),
    )
