"""What `migrate` does on every database."""

import subprocess
import sys

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from portcall.store.access.key_texts import private_pem
from portcall.store.database.database import Database
from portcall.store.database.migrate import configuration, migrate
from portcall.store.database.tables import metadata
from portcall.store.engine import open_store
from portcall.store.secrets.sealing import PLAIN
from tests import keys

_MIGRATE = "import sys; from portcall.store.database.migrate import migrate; migrate(sys.argv[1])"


class MigrationsContract:
    def test_they_lead_to_the_tables_of_the_code(self, database_url: str) -> None:
        database = Database(database_url)
        with database.reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []
        database.close()

    def test_to_migrate_again_changes_nothing(self, database_url: str) -> None:
        store = open_store(database_url)
        before = store.installation.get()
        migrate(database_url)
        assert store.installation.get() == before
        store.close()

    def test_the_way_back_and_forth_again(self, database_url: str) -> None:
        database = Database(database_url)
        with database.writing() as connection:
            config = configuration()
            config.attributes["connection"] = connection
            command.downgrade(config, "base")
        database.close()
        migrate(database_url)
        store = open_store(database_url)
        assert store.registries.list() == []
        store.close()

    def test_a_store_of_the_first_release_gets_every_index(self, database_url: str) -> None:
        database = Database(database_url)
        with database.writing() as connection:
            config = configuration()
            config.attributes["connection"] = connection
            command.downgrade(config, "0015")
            indexes = inspect(connection).get_indexes("known_tags")
            assert [each["name"] for each in indexes] == ["ix_known_tags_is_there_seen_ms"]
        migrate(database_url)
        with database.reading() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []
        database.close()

    def test_a_signing_key_of_before_gets_its_public_half_and_counts_as_in_clear(
        self, database_url: str
    ) -> None:
        store = open_store(database_url, keys.vault())
        key = store.signing_keys.signing()
        with store.database.writing() as connection:
            connection.execute(text("DELETE FROM encryption_keys"))
            config = configuration()
            config.attributes["connection"] = connection
            command.downgrade(config, "0006")
            connection.execute(
                text("INSERT INTO signing_keys VALUES (:kid, :pem, 1)"),
                {"kid": key.kid, "pem": private_pem(key.private)},
            )
        migrate(database_url)
        (public,) = store.signing_keys.list()
        assert (public.kid, public.public) == (key.kid, key.public)
        assert store.sealing.key_ids() == [PLAIN]
        store.close()


class MigratingAtOnceContract:
    def test_several_processes_may_migrate_at_once(self, empty_database_url: str) -> None:
        argv = [sys.executable, "-c", _MIGRATE, empty_database_url]
        processes = [subprocess.Popen(argv, stderr=subprocess.PIPE) for _ in range(4)]  # noqa: S603 (our own interpreter)
        for process in processes:
            _, complaint = process.communicate(timeout=60)
            assert process.returncode == 0, complaint.decode()
        store = open_store(empty_database_url)
        assert store.installation.get().resource_group == "portcall"
        store.close()
