"""What every store does with secrets: sealed with the first key, opened with all, never in clear."""

from typing import Any

import pytest
from sqlalchemy import select, text, update

from portcall.schemas.webhooks import Status
from portcall.store.access.key_texts import private_pem
from portcall.store.database.tables import signing_keys, webhooks
from portcall.store.engine import Store, open_store
from portcall.store.errors import SealedError, WrongKeyError
from portcall.store.preparing import prepare_secrets
from portcall.store.secrets.key_file import Key
from portcall.store.secrets.sealing import PLAIN
from portcall.store.secrets.vault import MARK, NO_KEYS, Vault
from tests import keys
from tests.canary import Canary, in_rows
from tests.unit.store.samples import add_registry, add_webhook, draft

NEWER = Key.of(b"a newer key of the tests: 32 b..")
SECRETS: dict[str, Any] = {
    "authorization": "Basic bWFyazptYXJr",
    "credentials": "mark:%6dark@",
    "headers": {"X-B": "mark-b", "X-A": 'mark"\\ü'},
    "secret": "whsec_bWFya21hcmttYXJrbWFya21hcms=",
    "client_key": "the key of a client certificate",
}


def add_secret_webhooks(store: Store, count: int) -> None:
    """Put *count* of them, up to 400 in a registry."""
    add_registry(store)
    add_registry(store, "second")
    add_registry(store, "third")
    names = ["myregistry", "second", "third"]
    store.webhooks.put_many(
        [
            draft(f"webhook{number}", registry=names[number // 400], **SECRETS)
            for number in range(count)
        ]
    )


def secrets_of(store: Store) -> list[tuple[str, str, object, str, str, str]]:
    rows = [
        row
        for registry in ("myregistry", "second", "third")
        for row in store.webhooks.list(registry, limit=10_000)
    ]
    return [
        (
            row.authorization,
            row.credentials,
            row.headers,
            row.secret,
            row.old_secret,
            row.client_key,
        )
        for row in rows
    ]


def stored(store: Store) -> list[tuple[str, ...]]:
    """The columns as they are kept."""
    with store.database.reading() as connection:
        query = (
            'SELECT "authorization", credentials, headers, secret, old_secret, client_key'
            " FROM webhooks ORDER BY id"
        )
        return [tuple(map(str, row)) for row in connection.execute(text(query))]


def reopened(url: str, *held: Key) -> Store:
    return open_store(url, Vault(held))


class SealingContract:
    def test_no_secret_is_kept_in_clear_and_each_is_read_as_it_was(
        self, store: Store, canary: Canary
    ) -> None:
        add_registry(store)
        marked: dict[str, Any] = {
            "authorization": f"Basic {canary.mark('user-info')}",
            "credentials": f"robot:{canary.mark('as-set')}@",
            "headers": {"X-Team": canary.mark("header"), "Authorization": canary.mark("bearer")},
            "secret": f"whsec_{canary.mark('secret')}",
            "client_key": canary.mark("client key"),
        }
        ((row, _),) = store.webhooks.put_many([draft(**marked)])
        rotated = store.webhooks.rotate(
            "myregistry", row.name, make=lambda _: canary.mark("new"), overlap_ms=60_000
        )
        assert (rotated.secret, rotated.old_secret) == (canary.marks["new"], marked["secret"])
        assert store.webhooks.get("myregistry", row.name) == rotated
        assert list(rotated.headers) == ["X-Team", "Authorization"]
        assert canary.found({"rows": in_rows(store.database)}) == []
        [kept] = stored(store)
        assert all(MARK in each for each in kept)

    def test_two_webhooks_of_the_same_secret_do_not_look_alike(self, store: Store) -> None:
        add_secret_webhooks(store, 2)
        first, second = stored(store)
        assert not set(first[:4]) & set(second[:4])

    def test_nothing_stays_nothing_and_needs_no_key(self, database_url: str) -> None:
        without = open_store(database_url, NO_KEYS)
        add_registry(without)
        row = add_webhook(without)
        assert without.webhooks.get("myregistry", row.name) == row
        assert without.sealing.key_ids() == []
        without.close()

    def test_without_a_key_no_secret_is_stored(self, database_url: str) -> None:
        without = open_store(database_url, NO_KEYS)
        add_registry(without)
        with pytest.raises(SealedError, match="no encryption key"):
            without.webhooks.put_many([draft(**SECRETS)])
        assert without.webhooks.count("myregistry") == 0
        without.close()

    def test_another_key_opens_nothing(self, store: Store, database_url: str) -> None:
        add_secret_webhooks(store, 1)
        other = reopened(database_url, NEWER)
        with pytest.raises(SealedError, match=f"the key {keys.KEY.id}, which sealed"):
            other.webhooks.get("myregistry", "webhook0")
        with pytest.raises(WrongKeyError, match=f"{keys.KEY.id}.*here are {NEWER.id}.*in front"):
            other.sealing.check("PORTCALL_ENCRYPTION_KEY")
        other.close()
        store.sealing.check("PORTCALL_ENCRYPTION_KEY")

    @pytest.mark.parametrize("column", ["authorization", "credentials", "secret", "headers"])
    def test_a_value_of_another_row_does_not_open(self, store: Store, column: str) -> None:
        add_secret_webhooks(store, 2)
        with store.database.writing() as connection:
            value = connection.execute(webhooks.select().order_by(webhooks.c.id)).mappings().first()
            assert value is not None
            connection.execute(update(webhooks).values({column: value[column]}))
        assert store.webhooks.get("myregistry", "webhook0") is not None
        with pytest.raises(SealedError, match=f"the {column} of webhook .* was changed"):
            store.webhooks.get("myregistry", "webhook1")

    def test_a_value_of_another_column_does_not_open(self, store: Store) -> None:
        add_secret_webhooks(store, 1)
        with store.database.writing() as connection:
            connection.execute(update(webhooks).values(secret=webhooks.c.authorization))
        with pytest.raises(SealedError, match="was changed"):
            store.webhooks.get("myregistry", "webhook0")

    @pytest.mark.parametrize(
        "damage", [f"{MARK}x", f"{MARK}{keys.KEY.id}:", f"{MARK}{keys.KEY.id}:AA"]
    )
    def test_damage_is_an_error_and_never_garbage(self, store: Store, damage: str) -> None:
        add_secret_webhooks(store, 1)
        with store.database.writing() as connection:
            connection.execute(update(webhooks).values(secret=damage))
        with pytest.raises(SealedError):
            store.webhooks.get("myregistry", "webhook0")

    def test_the_deliverer_gets_them_opened(self, store: Store) -> None:
        add_secret_webhooks(store, 1)
        row = store.webhooks.get("myregistry", "webhook0")
        assert row is not None
        found = store.webhooks.by_ids([row.id])
        assert found[0].secret == SECRETS["secret"]
        assert found[0].headers == {**SECRETS["headers"], "Authorization": SECRETS["authorization"]}

    def test_the_private_half_of_a_signing_key_is_sealed_and_the_public_one_is_not(
        self, store: Store, database_url: str
    ) -> None:
        key = store.signing_keys.signing()
        (kept,) = private_halves(store)
        assert kept.startswith(MARK)
        assert not any(b"PRIVATE KEY" in each for each in in_rows(store.database))
        assert store.sealing.key_ids() == [keys.KEY.id]
        without = open_store(database_url, NO_KEYS)
        (public,) = without.signing_keys.list()
        assert (public.kid, public.public) == (key.kid, key.public)
        with pytest.raises(SealedError, match=f"the signing key {key.kid}"):
            without.signing_keys.signing()
        without.close()

    def test_a_signing_key_under_another_name_does_not_open(self, store: Store) -> None:
        store.signing_keys.ensure()
        with store.database.writing() as connection:
            connection.execute(update(signing_keys).values(kid="another"))
        with pytest.raises(SealedError, match="the signing key another was changed"):
            store.signing_keys.signing()

    def test_without_a_key_no_signing_key_is_made(self, database_url: str) -> None:
        without = open_store(database_url, NO_KEYS)
        with pytest.raises(SealedError, match="no encryption key"):
            without.signing_keys.ensure()
        assert without.signing_keys.list() == []
        without.close()

    def test_a_patch_of_something_else_keeps_them(self, store: Store) -> None:
        add_secret_webhooks(store, 1)
        before = secrets_of(store)
        store.webhooks.patch("myregistry", "webhook0", scope="app")
        assert secrets_of(store) == before


class ResealingContract:
    def test_what_was_in_clear_is_sealed_at_the_next_start(
        self, store: Store, database_url: str
    ) -> None:
        add_secret_webhooks(store, 3)
        in_clear(store)
        assert store.sealing.key_ids() == [PLAIN]
        assert all(MARK not in each for row in stored(store) for each in row)
        before = secrets_of(store)
        prepare_secrets(database_url, keys.source())
        assert secrets_of(store) == before
        assert store.sealing.key_ids() == [keys.KEY.id]
        assert all(MARK in each for row in stored(store) for each in row[:4])

    def test_a_signing_key_that_was_in_clear_is_sealed_at_the_next_start(
        self, store: Store, database_url: str
    ) -> None:
        before = store.signing_keys.signing()
        signing_in_clear(store)
        assert any(b"PRIVATE KEY" in each for each in in_rows(store.database))
        assert store.sealing.is_needed
        assert numbers(store) == (before.kid, before.private.private_numbers()), "it signs on"
        prepare_secrets(database_url, keys.source())
        assert not any(b"PRIVATE KEY" in each for each in in_rows(store.database))
        assert numbers(store) == (before.kid, before.private.private_numbers())
        assert store.sealing.key_ids() == [keys.KEY.id]

    def test_a_new_key_takes_the_signing_key_over_too(
        self, store: Store, database_url: str
    ) -> None:
        before = numbers(store)
        both = reopened(database_url, NEWER, keys.KEY)
        assert list(both.sealing.seal_all()) == []
        assert both.sealing.key_ids() == [NEWER.id]
        both.close()
        alone = reopened(database_url, NEWER)
        assert numbers(alone) == before
        alone.close()

    def test_while_a_signing_key_is_under_the_old_key_that_is_needed(
        self, store: Store, database_url: str
    ) -> None:
        both = reopened(database_url, NEWER, keys.KEY)
        list(both.sealing.seal_all())
        store.signing_keys.ensure()  # by a process that has not seen the newer key yet
        both.sealing._forget_others()
        assert keys.KEY.id in both.sealing.key_ids()
        both.close()

    def test_a_signing_key_whose_key_is_lost_is_replaced(
        self, store: Store, database_url: str
    ) -> None:
        lost, _ = numbers(store)
        other = reopened(database_url, NEWER)
        assert other.sealing.discard() == 0
        made, _ = numbers(other)
        assert made != lost
        assert [key.kid for key in other.signing_keys.list()] == [made]
        other.sealing.check("x")
        other.close()

    def test_a_new_database_has_nothing_to_seal(self, store: Store) -> None:
        assert not store.sealing.is_needed

    def test_a_new_key_in_front_takes_over_and_the_old_one_is_not_needed(
        self, store: Store, database_url: str
    ) -> None:
        add_secret_webhooks(store, 1_200)
        both = reopened(database_url, NEWER, keys.KEY)
        before = secrets_of(both)
        assert both.sealing.is_needed
        assert list(both.sealing.seal_all()) == [500, 500, 200]
        assert both.sealing.key_ids() == [NEWER.id]
        both.close()
        alone = reopened(database_url, NEWER)
        alone.sealing.check("x")
        assert secrets_of(alone) == before
        assert not alone.sealing.is_needed
        alone.close()

    def test_whoever_stops_in_between_leaves_all_readable_and_the_next_goes_on(
        self, store: Store, database_url: str
    ) -> None:
        add_secret_webhooks(store, 1_200)
        both = reopened(database_url, NEWER, keys.KEY)
        before = secrets_of(both)
        next(both.sealing.seal_all())
        assert set(both.sealing.key_ids()) == {keys.KEY.id, NEWER.id}
        assert secrets_of(both) == before
        alone = reopened(database_url, NEWER)
        with pytest.raises(WrongKeyError, match=keys.KEY.id):
            alone.sealing.check("x")
        alone.close()
        assert sum(both.sealing.seal_all()) == 1_200
        assert both.sealing.key_ids() == [NEWER.id]
        both.close()

    def test_who_writes_with_the_old_key_meanwhile_keeps_it_noted(
        self, store: Store, database_url: str
    ) -> None:
        add_secret_webhooks(store, 2)
        both = reopened(database_url, NEWER, keys.KEY)
        older = reopened(database_url, keys.KEY, NEWER)
        for _ in both.sealing.seal_all():
            older.webhooks.patch("myregistry", "webhook0", scope="app")
        assert set(both.sealing.key_ids()) == {keys.KEY.id, NEWER.id}
        assert both.sealing.is_needed
        both.close()
        older.close()

    def test_after_the_end_an_old_writer_notes_its_key_again(
        self, store: Store, database_url: str
    ) -> None:
        add_secret_webhooks(store, 1)
        both = reopened(database_url, NEWER, keys.KEY)
        list(both.sealing.seal_all())
        store.webhooks.put_many([draft("another", **SECRETS)])
        assert set(both.sealing.key_ids()) == {keys.KEY.id, NEWER.id}
        both.close()

    def test_a_secret_that_cannot_be_opened_stops_it_and_is_not_lost(
        self, store: Store, database_url: str
    ) -> None:
        add_secret_webhooks(store, 1)
        kept = stored(store)
        other = reopened(database_url, NEWER)
        with pytest.raises(SealedError):
            list(other.sealing.seal_all())
        other.close()
        assert stored(store) == kept

    def test_what_was_sealed_with_a_lost_key_can_be_given_up(
        self, store: Store, database_url: str
    ) -> None:
        add_secret_webhooks(store, 2)
        store.webhooks.put_many([draft("plain")])
        other = reopened(database_url, NEWER)
        revision = other.webhooks.revision()
        assert other.sealing.discard() == 2
        other.sealing.check("x")
        rows = {row.name: row for row in other.webhooks.list("myregistry", limit=10)}
        lost = rows["webhook0"]
        assert (lost.secret, lost.authorization, lost.headers) == ("", "", {})
        assert lost.credentials == ""
        assert lost.status is Status.DISABLED and "key was lost" in lost.status_reason
        assert lost.revision > revision
        assert rows["plain"].status is Status.ENABLED and rows["plain"].revision <= revision
        other.close()

    def test_what_can_be_opened_is_not_given_up(self, store: Store) -> None:
        add_secret_webhooks(store, 2)
        before = secrets_of(store)
        assert store.sealing.discard() == 0
        assert secrets_of(store) == before


def numbers(store: Store) -> tuple[str, object]:
    """The key that signs: its name, and what it is."""
    key = store.signing_keys.signing()
    return key.kid, key.private.private_numbers()


def private_halves(store: Store) -> list[str]:
    """Those of the signing keys, as they are kept."""
    with store.database.reading() as connection:
        return list(connection.execute(select(signing_keys.c.private_pem)).scalars())


def signing_in_clear(store: Store) -> None:
    """Put the signing keys into the state that the migration found them in."""
    key = store.signing_keys.signing()
    with store.database.writing() as connection:
        connection.execute(text("DELETE FROM encryption_keys"))
        connection.execute(text("INSERT INTO encryption_keys VALUES ('', 0)"))
        connection.execute(update(signing_keys).values(private_pem=private_pem(key.private)))


def in_clear(store: Store) -> None:
    """Put the store into the state that the migration found it in: secrets as they are."""
    rows = store.webhooks.list("myregistry", limit=10_000)
    with store.database.writing() as connection:
        connection.execute(text("DELETE FROM encryption_keys"))
        connection.execute(text("INSERT INTO encryption_keys VALUES ('', 0)"))
        for row in rows:
            values = {
                "authorization": row.authorization,
                "credentials": row.credentials,
                "headers": dict(row.headers),
                "secret": row.secret,
                "old_secret": row.old_secret,
                "client_key": row.client_key,
            }
            connection.execute(update(webhooks).where(webhooks.c.id == row.id).values(values))
