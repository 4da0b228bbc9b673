"""What every store does with registries and with its own identity."""

import time
import uuid

from portcall.schemas.webhooks import Sku
from portcall.store.engine import Store, open_store
from tests.unit.store.samples import add_registry, add_webhook


class RegistriesContract:
    def test_a_registry_is_kept_as_it_was_put(self, store: Store) -> None:
        registry, created = store.registries.put(
            "MyRegistry",
            location="westus",
            sku=Sku.STANDARD,
            tags={"b": "2", "a": "1"},
            resource_group="Group1",
            login_server="registry.example.com",
        )
        assert created
        assert (registry.name, registry.key) == ("MyRegistry", "myregistry")
        assert (registry.sku, registry.location) == (Sku.STANDARD, "westus")
        assert list(registry.tags) == ["b", "a"]
        assert registry.login_server == "registry.example.com"
        assert abs(registry.created_ms - time.time() * 1000) < 60_000
        assert store.registries.get("mYrEGISTRY") == registry

    def test_a_second_put_replaces_all_but_what_cannot_change(self, store: Store) -> None:
        first = add_registry(store, "MyRegistry", Sku.BASIC)
        second, created = store.registries.put(
            "MYREGISTRY",
            location="eastus",
            sku=Sku.PREMIUM,
            tags={"a": "1"},
            resource_group="other",
        )
        assert not created
        assert (second.name, second.resource_group) == (first.name, first.resource_group)
        assert second.created_ms == first.created_ms
        assert (second.location, second.sku, second.tags) == ("eastus", Sku.PREMIUM, {"a": "1"})
        assert store.registries.list() == [second]

    def test_without_a_login_server_it_gets_a_name_that_is_nobodys(self, store: Store) -> None:
        assert add_registry(store, "MyRegistry").login_server == "myregistry.portcall.internal"

    def test_unknown_is_none(self, store: Store) -> None:
        assert store.registries.get("nothing") is None

    def test_they_are_listed_by_name_without_regard_to_case(self, store: Store) -> None:
        for name in ("Bravo", "alpha", "Charlie"):
            add_registry(store, name)
        assert [each.name for each in store.registries.list()] == ["alpha", "Bravo", "Charlie"]

    def test_a_registry_goes_with_its_webhooks(self, store: Store) -> None:
        add_registry(store, "Going")
        add_registry(store, "Staying")
        ids = [add_webhook(store, f"webhook{i}", "going").id for i in range(3)]
        kept = add_webhook(store, "webhook1", "staying")
        before = store.webhooks.revision()

        assert store.registries.delete("GOING")

        assert store.registries.get("going") is None
        assert store.webhooks.by_ids([*ids, kept.id]) == [kept.webhook()]
        changes = store.webhooks.changes_since(before)
        assert changes is not None
        assert sorted(changes.gone) == ids
        assert not store.registries.delete("GOING")

    def test_each_change_raises_the_revision(self, store: Store) -> None:
        revisions = [store.webhooks.revision()]
        for sku in (Sku.BASIC, Sku.PREMIUM):
            add_registry(store, "MyRegistry", sku)
            revisions.append(store.webhooks.revision())
        store.registries.delete("MyRegistry")
        revisions.append(store.webhooks.revision())
        assert sorted(set(revisions)) == revisions


class InstallationContract:
    def test_it_is_made_once(self, store: Store, database_url: str) -> None:
        found = store.installation.get()
        assert str(uuid.UUID(found.tenant)) == found.tenant
        assert str(uuid.UUID(found.subscription)) == found.subscription
        assert found.tenant != found.subscription
        assert found.resource_group == "portcall"
        again = open_store(database_url)
        assert again.installation.get() == found
        again.close()

    def test_revisions_and_webhook_ids_begin_with_the_time_of_installation(
        self, store: Store
    ) -> None:
        installed_s = store.installation.get().created_ms // 1000
        assert store.webhooks.revision() == installed_s << 20
        add_registry(store)
        assert add_webhook(store).id == (installed_s << 20) + 1
        assert installed_s << 20 < 2**53  # a JSON number that every client reads exactly

    def test_the_intake_is_stopped_since_the_first_stop_until_it_starts(self, store: Store) -> None:
        assert store.installation.intake_stopped_ms() == 0
        assert store.installation.stop_intake(1_000) == 1_000
        assert store.installation.stop_intake(2_000) == 1_000
        assert store.installation.intake_stopped_ms() == 1_000
        assert store.installation.stop_intake(0) == 0
        assert store.installation.stop_intake(3_000) == 3_000
