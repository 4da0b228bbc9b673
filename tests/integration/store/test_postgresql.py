"""The store on PostgreSQL: the whole contract, and what only a server can do to us."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from portcall.cli.ports import free_ports
from portcall.store.database import database
from portcall.store.database.migrate import migrate
from portcall.store.engine import Store, open_store
from portcall.store.errors import StoreUnavailableError, UnstorableError
from portcall.store.records import pruning
from portcall.store.records.lease import verify
from tests.postgres import PrivatePostgres
from tests.unit.store.contract.accounts import AccountsContract
from tests.unit.store.contract.eventlog import (
    AppendingContract,
    DetailContract,
    PruningContract,
    ReadingContract,
    append,
)
from tests.unit.store.contract.ignored import DeletedTagsContract, IgnoredContract
from tests.unit.store.contract.known import KnownContract
from tests.unit.store.contract.knowntags import KnownTagsContract
from tests.unit.store.contract.lease import LeaseContract, TermContract, leading
from tests.unit.store.contract.migrations import MigratingAtOnceContract, MigrationsContract
from tests.unit.store.contract.noting import LostContract, NotingContract
from tests.unit.store.contract.overtaken import OvertakenContract
from tests.unit.store.contract.principals import PrincipalsContract, SigningKeysContract
from tests.unit.store.contract.registries import InstallationContract, RegistriesContract
from tests.unit.store.contract.replays import (
    SelectingContract,
    StandingContract,
    WorkingContract,
)
from tests.unit.store.contract.sealing import ResealingContract, SealingContract
from tests.unit.store.contract.searching import SearchingContract, filled
from tests.unit.store.contract.sightings import KnownDigestsContract
from tests.unit.store.contract.sources import SourcesContract
from tests.unit.store.contract.toldchildren import ToldChildrenContract
from tests.unit.store.contract.toldtags import ToldTagsContract
from tests.unit.store.contract.traffic import (
    AddingUpContract,
    EventsContract,
    ForgettingContract,
)
from tests.unit.store.contract.webhookindex import ChangesContract, SnapshotContract
from tests.unit.store.contract.webhooks import (
    ChangingContract,
    FindingContract,
    PuttingContract,
    PuttingManyContract,
)
from tests.unit.store.samples import add_registry, add_webhook, event, frame, record

__all__ = ["filled"]


@pytest.fixture
def empty_database_url(private_postgres: PrivatePostgres) -> Iterator[str]:
    yield private_postgres.create_database("empty")
    private_postgres.drop_database("empty")


class TestSealing(SealingContract):
    pass


class TestSightings(KnownDigestsContract):
    pass


class TestKnownTags(KnownTagsContract):
    """On PostgreSQL."""


class TestOvertaken(OvertakenContract):
    """Deliveries that are tried before their time."""


class TestToldChildren(ToldChildrenContract):
    """For the filter `coalesce`."""


class TestToldTags(ToldTagsContract):
    """For the filter `changedOnly`."""


class TestKnown(KnownContract):
    """On PostgreSQL."""


class TestResealing(ResealingContract):
    pass


class TestAddingUp(AddingUpContract):
    """On PostgreSQL."""


class TestEvents(EventsContract):
    """On PostgreSQL."""


class TestForgetting(ForgettingContract):
    """On PostgreSQL."""


class TestSearching(SearchingContract):
    """On PostgreSQL."""


class TestLease(LeaseContract):
    """On PostgreSQL."""


class TestTerm(TermContract):
    """On PostgreSQL."""

    def test_what_a_stopped_leader_has_begun_does_not_keep_the_lease(
        self, store: Store, postgres_url: str
    ) -> None:
        stopped = open_store(postgres_url, idle_transaction_s=1)
        term = leading(store)
        with pytest.raises(StoreUnavailableError):
            self._take_over_while_the_row_is_locked(store, stopped, term)
        stopped.close()

    def _take_over_while_the_row_is_locked(self, store: Store, stopped: Store, term: int) -> None:
        with stopped.database.writing() as connection:
            verify(connection, term)  # here its process is stopped
            assert store.lease.take(store.lease.look(), "b", is_dead=True) == term + 1


class TestDeletedTags(DeletedTagsContract):
    """On PostgreSQL."""


class TestIgnored(IgnoredContract):
    """On PostgreSQL."""


class TestLost(LostContract):
    """On PostgreSQL."""


class TestNoting(NotingContract):
    """On PostgreSQL."""


class TestAccounts(AccountsContract):
    """On PostgreSQL."""


class TestRegistries(RegistriesContract):
    """On PostgreSQL."""


class TestPutting(PuttingContract):
    """On PostgreSQL."""


class TestPuttingMany(PuttingManyContract):
    """On PostgreSQL."""


class TestChanging(ChangingContract):
    """On PostgreSQL."""


class TestFinding(FindingContract):
    """On PostgreSQL."""


class TestSnapshot(SnapshotContract):
    """On PostgreSQL."""


class TestChanges(ChangesContract):
    """On PostgreSQL."""


class TestAppending(AppendingContract):
    """On PostgreSQL."""


class TestReading(ReadingContract):
    """On PostgreSQL."""


class TestPruning(PruningContract):
    """On PostgreSQL."""


class TestDetail(DetailContract):
    """On PostgreSQL."""


class TestSelecting(SelectingContract):
    """On PostgreSQL."""


class TestWorking(WorkingContract):
    """On PostgreSQL."""


class TestStanding(StandingContract):
    """On PostgreSQL."""


class TestSources(SourcesContract):
    """On PostgreSQL."""


class TestPrincipals(PrincipalsContract):
    """On PostgreSQL."""


class TestSigningKeys(SigningKeysContract):
    """On PostgreSQL."""


class TestMigrations(MigrationsContract):
    """On PostgreSQL."""


class TestMigratingAtOnce(MigratingAtOnceContract):
    """On PostgreSQL."""


class TestNewDatabase(InstallationContract):
    """On PostgreSQL; not a copy of one that was migrated earlier."""

    @pytest.fixture
    def database_url(self, empty_database_url: str) -> str:
        migrate(empty_database_url)
        return empty_database_url


def test_a_server_that_is_down_is_unavailable() -> None:
    store = open_store(f"postgresql://portcall@127.0.0.1:{free_ports(1)[0]}/portcall")
    with pytest.raises(StoreUnavailableError, match="refused"):
        store.webhooks.revision()


def test_a_database_without_tables_is_unavailable(empty_database_url: str) -> None:
    store = open_store(empty_database_url)
    with pytest.raises(StoreUnavailableError, match="does not exist"):
        store.webhooks.revision()
    store.close()


def test_a_database_without_a_newer_column_is_unavailable(postgres_url: str) -> None:
    """A role of this version that starts before the database is migrated waits for that."""
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("ALTER TABLE webhooks DROP COLUMN client_key")
    store = open_store(postgres_url)
    with pytest.raises(StoreUnavailableError, match="client_key"):
        store.webhooks.list("myregistry", limit=1)
    store.close()


def test_connections_that_the_server_closed_are_not_used_again(
    store: Store, postgres_url: str
) -> None:
    add_registry(store)
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert add_webhook(store).name == "webhook1"


def test_a_transaction_that_the_server_ends_is_unavailable_and_undone(
    store: Store, postgres_url: str
) -> None:
    def be_cut_off() -> None:
        with store.database.writing() as connection:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            connection.exec_driver_sql("DELETE FROM counters")
            with psycopg.connect(postgres_url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", [pid])
            connection.exec_driver_sql("SELECT 1")

    with pytest.raises(StoreUnavailableError):
        be_cut_off()
    assert store.webhooks.revision() > 0


def test_a_lock_that_is_not_given_in_time_is_unavailable_and_does_not_stay_so(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(database._POSTGRESQL_ARGUMENTS, "options", "-c lock_timeout=50ms")
    store = open_store(postgres_url)
    with psycopg.connect(postgres_url) as other:
        other.execute("SELECT value FROM counters FOR UPDATE")
        assert store.registries.list() == []  # readers do not wait for a writer
        with pytest.raises(StoreUnavailableError, match="lock timeout"):
            add_registry(store)
    add_registry(store)
    store.close()


def test_readers_cannot_write(store: Store) -> None:
    def write() -> None:
        with store.database.reading() as connection:
            connection.exec_driver_sql("DELETE FROM counters")

    with pytest.raises(StoreUnavailableError, match="read-only"):
        write()


def test_a_character_that_postgresql_cannot_hold_is_refused(store: Store) -> None:
    before = append(store, frame())
    with pytest.raises(UnstorableError, match="NUL"):
        append(store, frame(events=[event("a\x00b")]))
    assert append(store, frame()).offset == before.offset + 1


def test_appending_and_pruning_do_not_wait_for_who_changes_webhooks(
    store: Store, postgres_url: str
) -> None:
    with psycopg.connect(postgres_url) as other:
        other.execute("UPDATE counters SET value = value + 1 WHERE name = 'revision'")
        append(store, frame())
        assert store.eventlog.prune(10_000, limit=10) == 1


def test_a_record_does_not_refer_to_an_event_that_is_being_pruned(
    store: Store, postgres_url: str
) -> None:
    """The contract has the same race at random; here it is forced."""
    append(store, frame())

    def is_waiting() -> bool:
        with psycopg.connect(postgres_url) as other:
            query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            return other.execute(query).fetchone() is not None

    with ThreadPoolExecutor(1) as threads:
        with store.database.writing() as connection:
            assert pruning.prune(connection, 10_000, 10) == 1
            appending = threads.submit(append, store, frame([record(attempt=2)]))
            deadline = time.monotonic() + 10
            while not appending.done() and not is_waiting():
                assert time.monotonic() < deadline
        appending.result(timeout=10)
    (stored,) = store.eventlog.page(7, before=None, limit=10)
    assert (stored.attempt, stored.event) == (2, event())
