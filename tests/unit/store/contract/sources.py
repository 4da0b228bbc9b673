"""What every store does with the sources of registries."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert, select

from portcall.runtime.clock import now_ms
from portcall.schemas.sources import Proof, SourceKind, new_secret
from portcall.store.database.tables import sources as table
from portcall.store.engine import Store, open_store
from portcall.store.errors import RegistryNotFoundError, TooManySourcesError
from portcall.store.secrets.key_file import Key
from portcall.store.secrets.vault import MARK, NO_KEYS, Vault
from portcall.store.sources.rows import Decide, SourceDraft, SourceRow
from portcall.store.sources.sources import MAX_SOURCES
from tests import keys
from tests.unit.store.samples import add_registry

SECRET = "a-secret-of-the-tests"  # noqa: S105
NEWER = Key.of(b"a newer key of the tests: 32 b..")


DRAFT = SourceDraft(
    SourceKind.HARBOR, Proof.AUTHORIZATION, {"host": "a.test"}, ["10.0.0.0/8"], SECRET
)


def draft(**changes: Any) -> Decide:  # noqa: ANN401 (a test's choice)
    return lambda _before, _present: replace(DRAFT, **changes)


def add(store: Store, name: str = "Harbor", **changes: object) -> SourceRow:
    row, created = store.sources.put("MyRegistry", name, draft(**changes))
    assert created
    return row


class SourcesContract:
    def test_a_source_is_kept_as_it_was_made(self, store: Store) -> None:
        add_registry(store)
        made = add(store)
        assert (made.registry, made.name) == ("myregistry", "Harbor")
        assert (made.kind, made.proof) == (SourceKind.HARBOR, Proof.AUTHORIZATION)
        assert (made.options, made.networks) == ({"host": "a.test"}, ("10.0.0.0/8",))
        assert (made.rotated_ms, made.old_until_ms) == (0, 0)
        assert store.sources.get("MYREGISTRY", "harbor") == made
        assert store.sources.list("myregistry") == [made]
        (usable,) = store.sources.usable()
        assert (usable.secrets, usable.problem) == ((SECRET,), "")
        assert usable.created_ms == made.created_ms

    def test_it_is_known_when_a_source_was_first_heard(self, store: Store) -> None:
        add_registry(store)
        made = add(store)
        before = store.webhooks.revision()
        store.sources.note_heard("MYREGISTRY", "harbor", made.created_ms + 1, 5)
        store.sources.note_heard("myregistry", "other", made.created_ms, 5)
        assert store.webhooks.revision() == before
        for at_ms in (7, 8):
            store.sources.note_heard("MYREGISTRY", "harbor", made.created_ms, at_ms)
        assert [each.heard_ms for each in store.sources.usable()] == [7]
        assert store.webhooks.revision() == before + 1
        store.sources.put("myregistry", "harbor", draft(options={}))
        assert [each.heard_ms for each in store.sources.usable()] == [7]

    def test_the_secret_is_sealed(self, store: Store) -> None:
        add_registry(store)
        add(store)
        with store.database.reading() as connection:
            row = connection.execute(select(table)).one()
        assert row.secret.startswith(MARK)
        assert SECRET not in repr(row)

    def test_without_the_key_a_source_has_a_problem(self, store: Store, database_url: str) -> None:
        add_registry(store)
        add(store)
        keyless = open_store(database_url, NO_KEYS)
        (usable,) = keyless.sources.usable()
        keyless.close()
        assert usable.secrets == () and "missing" in usable.problem

    def test_each_change_raises_the_revision(self, store: Store) -> None:
        add_registry(store)
        seen = [store.webhooks.revision()]
        add(store)
        seen.append(store.webhooks.revision())
        store.sources.rotate("myregistry", "harbor", lambda _: new_secret(), overlap_ms=0)
        seen.append(store.webhooks.revision())
        store.sources.delete("myregistry", "harbor")
        seen.append(store.webhooks.revision())
        assert sorted(set(seen)) == seen

    def test_two_secrets_are_accepted_after_a_rotation(self, store: Store) -> None:
        add_registry(store)
        add(store)
        found = store.sources.rotate("myregistry", "harbor", lambda _: "new", overlap_ms=60_000)
        assert found is not None and found[1] == "new"
        (usable,) = store.sources.usable()
        at_ms = now_ms()
        assert usable.secrets_at(at_ms) == ("new", SECRET)
        assert usable.secrets_at(at_ms + 70_000) == ("new",)

    def test_without_an_overlap_the_previous_secret_is_gone(self, store: Store) -> None:
        add_registry(store)
        add(store)
        store.sources.rotate("myregistry", "harbor", lambda _: "new", overlap_ms=0)
        (usable,) = store.sources.usable()
        assert list(usable.secrets) == ["new"]

    def test_a_missing_one_is_none(self, store: Store) -> None:
        add_registry(store)
        assert store.sources.get("myregistry", "harbor") is None
        assert store.sources.rotate("myregistry", "x", lambda _: "new", overlap_ms=0) is None
        assert not store.sources.delete("myregistry", "harbor")
        with pytest.raises(RegistryNotFoundError):
            store.sources.put("other", "harbor", draft())

    def test_a_second_put_replaces_and_keeps_what_it_is_not_told(self, store: Store) -> None:
        add_registry(store)
        made = add(store)
        store.sources.rotate("myregistry", "harbor", lambda _: "newer", overlap_ms=60_000)
        row, created = store.sources.put(
            "myregistry", "HARBOR", draft(options={}, networks=[], secret=None)
        )
        assert not created
        assert (row.id, row.name, row.created_ms) == (made.id, made.name, made.created_ms)
        assert (row.options, row.networks) == ({}, ())
        (usable,) = store.sources.usable()
        assert usable.secrets == ("newer", SECRET)
        assert usable.previous_until_ms == row.old_until_ms > 0

    def test_another_secret_ends_the_present_ones_at_once(self, store: Store) -> None:
        add_registry(store)
        add(store)
        store.sources.rotate("myregistry", "harbor", lambda _: "newer", overlap_ms=60_000)
        row = store.sources.patch("myregistry", "harbor", draft(secret="newest"))  # noqa: S106
        assert row is not None and row.old_until_ms == 0
        (usable,) = store.sources.usable()
        assert usable.secrets == ("newest",)

    def test_a_patch_sees_what_it_changes(self, store: Store) -> None:
        add_registry(store)
        made = add(store)
        seen: list[object] = []

        def decide(before: SourceRow | None, present: Callable[[], str]) -> SourceDraft:
            seen.append((before, present()))
            return replace(DRAFT, proof=Proof.BEARER, secret=None)

        changed = store.sources.patch("myregistry", "harbor", decide)
        assert seen == [(made, SECRET)]
        assert changed is not None and changed.proof is Proof.BEARER
        assert store.sources.get("myregistry", "harbor") == changed

    def test_what_changes_nothing_is_not_written(self, store: Store) -> None:
        add_registry(store)
        made, revision = add(store), store.webhooks.revision()
        assert store.sources.put("myregistry", "harbor", draft()) == (made, False)
        assert store.sources.patch("myregistry", "harbor", draft(secret=None)) == made
        assert store.webhooks.revision() == revision

    def test_what_a_decision_raises_leaves_all_as_it_was(self, store: Store) -> None:
        add_registry(store)
        made, revision = add(store), store.webhooks.revision()

        def refuse(_before: object, _present: object) -> SourceDraft:
            raise KeyError("a test's choice")

        for change in (store.sources.put, store.sources.patch):
            with pytest.raises(KeyError):
                change("myregistry", "harbor", refuse)
        assert store.sources.list("myregistry") == [made]
        assert store.webhooks.revision() == revision

    def test_a_lost_secret_can_be_replaced_and_left(self, store: Store, database_url: str) -> None:
        add_registry(store)
        add(store)
        other = open_store(database_url, Vault([NEWER]))
        changed = other.sources.patch("myregistry", "harbor", draft(options={}, secret=None))
        assert changed is not None and changed.options == {}
        other.sources.patch("myregistry", "harbor", draft(secret="newest"))  # noqa: S106
        (usable,) = other.sources.usable()
        other.close()
        assert (usable.secrets, usable.problem) == (("newest",), "")

    def test_a_registry_has_a_limit_of_sources(self, store: Store) -> None:
        add_registry(store)
        add(store, secret="")
        with store.database.writing() as connection:
            row = dict(connection.execute(select(table)).mappings().one())
            connection.execute(
                insert(table),
                [
                    row | {"id": str(number), "name": str(number), "name_key": str(number)}
                    for number in range(1, MAX_SOURCES)
                ],
            )
        with pytest.raises(TooManySourcesError):
            add(store, "one-more")
        store.sources.put("myregistry", "harbor", draft())

    def test_a_missing_one_is_not_patched(self, store: Store) -> None:
        add_registry(store)
        assert store.sources.patch("myregistry", "harbor", draft()) is None
        assert store.sources.list("myregistry") == []

    def test_a_deleted_registry_takes_its_sources_along(self, store: Store) -> None:
        add_registry(store)
        add(store)
        store.registries.delete("myregistry")
        assert store.sources.usable() == []

    def test_secrets_move_under_a_newer_key(self, store: Store, database_url: str) -> None:
        add_registry(store)
        add(store)
        store.sources.rotate("myregistry", "harbor", lambda _: "new", overlap_ms=60_000)
        newer = open_store(database_url, Vault([NEWER, keys.KEY]))
        list(newer.sealing.seal_all())
        assert newer.sealing.key_ids() == [NEWER.id]
        newer.close()
        alone = open_store(database_url, Vault([NEWER]))
        (usable,) = alone.sources.usable()
        assert usable.secrets == ("new", SECRET)
        alone.close()

    def test_lost_secrets_are_named_and_discarded(self, store: Store, database_url: str) -> None:
        add_registry(store)
        made = add(store)
        other = open_store(database_url, Vault([NEWER]))
        assert f"the secrets of source {made.id}" in other.sealing.unopened()
        other.sealing.discard()
        (usable,) = other.sources.usable()
        other.close()
        assert (usable.secrets, usable.problem) == ((), "")
