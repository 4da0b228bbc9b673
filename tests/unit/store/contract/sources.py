"""What every store does with the sources of registries."""

import pytest
from sqlalchemy import select

from portcall.runtime.clock import now_ms
from portcall.schemas.sources import Proof, SourceKind, new_secret
from portcall.store.database.tables import sources as table
from portcall.store.engine import Store, open_store
from portcall.store.errors import RegistryNotFoundError, SourceExistsError
from portcall.store.secrets.key_file import Key
from portcall.store.secrets.vault import MARK, NO_KEYS, Vault
from portcall.store.sources.sources import SourceRow
from tests import keys
from tests.unit.store.samples import add_registry

SECRET = "a-secret-of-the-tests"  # noqa: S105
NEWER = Key.of(b"a newer key of the tests: 32 b..")


def add(store: Store, name: str = "Harbor", **values: object) -> SourceRow:
    wanted: dict[str, object] = {
        "kind": SourceKind.HARBOR,
        "proof": Proof.AUTHORIZATION,
        "secret": SECRET,
        "options": {"colour": "red"},
        "networks": ["10.0.0.0/8"],
    }
    return store.sources.create("MyRegistry", name, **{**wanted, **values})  # type: ignore[arg-type]  # a test's choice


class SourcesContract:
    def test_a_source_is_kept_as_it_was_made(self, store: Store) -> None:
        add_registry(store)
        made = add(store)
        assert (made.registry, made.name) == ("myregistry", "Harbor")
        assert (made.kind, made.proof) == (SourceKind.HARBOR, Proof.AUTHORIZATION)
        assert (made.options, made.networks) == ({"colour": "red"}, ("10.0.0.0/8",))
        assert (made.rotated_ms, made.old_until_ms) == (0, 0)
        assert store.sources.get("MYREGISTRY", "harbor") == made
        assert store.sources.list("myregistry") == [made]
        (usable,) = store.sources.usable()
        assert (usable.secrets, usable.problem) == ((SECRET,), "")

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
            store.sources.create(
                "other",
                "harbor",
                kind=SourceKind.HARBOR,
                proof=Proof.AUTHORIZATION,
                secret="x",  # noqa: S106
                options={},
                networks=[],
            )

    def test_a_name_is_used_once_in_any_case(self, store: Store) -> None:
        add_registry(store)
        add(store)
        with pytest.raises(SourceExistsError):
            add(store, "HARBOR")

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
