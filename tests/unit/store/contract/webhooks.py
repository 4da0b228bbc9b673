"""What every store does with webhooks, one by one."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest

from portcall.schemas.events import Action
from portcall.schemas.webhooks import Sku, Status
from portcall.store.engine import Store
from portcall.store.errors import QuotaExceededError, RegistryNotFoundError, WebhookNotFoundError
from tests.unit.store.samples import PUSH, add_registry, add_webhook, draft


class PuttingContract:
    def test_a_webhook_is_kept_as_it_was_put(self, store: Store) -> None:
        add_registry(store, "MyRegistry")
        row, created = store.webhooks.put(
            "myREGISTRY",
            "MyWebhook",
            location="westus",
            tags={"b": "2", "a": "1"},
            uri="https://example.com/hook",
            authorization="Basic YTpi",
            credentials="a:b@",
            headers={"X-B": "2", "X-A": "1"},
            actions=PUSH | Action.DELETE.bit,
            scope="team/app",
            status=Status.DISABLED,
            secret="whsec_abc",  # noqa: S106 (nobody's)
            schedule_ms=(1_000, 5_000),
            rate_limit=0.5,
        )
        assert created
        assert row.service_uri == "https://a:b@example.com/hook"
        assert (row.rate_limit, row.webhook().rate_limit) == (0.5, 0.5)
        assert (row.registry, row.name) == ("MyRegistry", "MyWebhook")
        assert (row.uri, row.authorization) == ("https://example.com/hook", "Basic YTpi")
        assert list(row.headers.items()) == [("X-B", "2"), ("X-A", "1")]
        assert list(row.tags.items()) == [("b", "2"), ("a", "1")]
        assert row.actions == PUSH | Action.DELETE.bit
        assert (row.scope, row.status) == ("team/app", Status.DISABLED)
        assert (row.secret, row.schedule_ms) == ("whsec_abc", (1_000, 5_000))
        assert row.status_reason == ""
        assert row.revision == store.webhooks.revision()
        assert store.webhooks.get("MYregistry", "mywebhook") == row

    @pytest.mark.parametrize("schedule_ms", [None, (), (1_000,)], ids=["none", "empty", "one"])
    def test_no_schedule_and_a_schedule_without_retries_are_told_apart(
        self, store: Store, schedule_ms: tuple[int, ...] | None
    ) -> None:
        add_registry(store)
        store.webhooks.put_many([draft(schedule_ms=schedule_ms)])
        row = store.webhooks.get("myregistry", "webhook1")
        assert row is not None
        assert row.schedule_ms == schedule_ms

    def test_a_second_put_replaces_it_and_keeps_its_id(self, store: Store) -> None:
        add_registry(store)
        first = add_webhook(store, "MyWebhook")
        wanted = draft("MYWEBHOOK", scope="app:*", uri="http://other.example/")
        ((second, created),) = store.webhooks.put_many([wanted])
        assert not created
        assert second == replace(
            first, scope="app:*", uri="http://other.example/", revision=second.revision
        )
        assert second.revision > first.revision
        assert store.webhooks.count("myregistry") == 1

    def test_an_id_is_never_given_again(self, store: Store) -> None:
        add_registry(store)
        seen = []
        for _ in range(3):
            seen.append(add_webhook(store).id)
            store.webhooks.delete("myregistry", "webhook1")
        assert sorted(set(seen)) == seen

    def test_the_registry_must_exist(self, store: Store) -> None:
        with pytest.raises(RegistryNotFoundError, match="Nowhere") as caught:
            store.webhooks.put_many([draft(registry="Nowhere")])
        assert caught.value.registry == "Nowhere"

    @pytest.mark.parametrize("sku", list(Sku))
    def test_a_registry_has_as_many_as_its_tier_allows(self, store: Store, sku: Sku) -> None:
        add_registry(store, "MyRegistry", sku)
        limit = sku.max_webhooks
        store.webhooks.put_many([draft(f"webhook{i}") for i in range(limit)])
        with pytest.raises(QuotaExceededError) as caught:
            add_webhook(store, "onemore")
        assert (caught.value.registry, caught.value.sku) == ("MyRegistry", sku)
        assert caught.value.limit == limit
        assert add_webhook(store, "webhook0").name == "webhook0"  # to replace one is no creation
        assert store.webhooks.count("myregistry") == limit

    def test_a_refused_put_leaves_the_revision_alone(self, store: Store) -> None:
        add_registry(store, "MyRegistry", Sku.BASIC)
        before = store.webhooks.revision()
        with pytest.raises(QuotaExceededError):
            store.webhooks.put_many([draft(f"webhook{i}") for i in range(3)])
        assert store.webhooks.revision() == before
        assert store.webhooks.count("myregistry") == 0

    def test_two_creations_at_once_do_not_pass_the_quota(self, store: Store) -> None:
        add_registry(store, "MyRegistry", Sku.STANDARD)

        def create(number: int) -> None:
            with suppress(QuotaExceededError):
                add_webhook(store, f"webhook{number}")

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(create, range(24)))
        assert store.webhooks.count("myregistry") == Sku.STANDARD.max_webhooks

    def test_two_puts_of_one_name_at_once_make_one_webhook(self, store: Store) -> None:
        add_registry(store)
        with ThreadPoolExecutor(8) as threads:
            rows = list(threads.map(lambda _: add_webhook(store, "webhook1"), range(16)))
        assert len({row.id for row in rows}) == 1
        assert len({row.revision for row in rows}) == len(rows)


class PuttingManyContract:
    def test_all_of_them_have_one_revision_and_come_back_in_order(self, store: Store) -> None:
        add_registry(store, "First")
        add_registry(store, "Second")
        add_webhook(store, "bravo", "first")
        drafts = [
            draft("alpha", registry="First"),
            draft("delta", registry="second"),
            draft("bravo", registry="first"),
        ]
        put = store.webhooks.put_many(drafts)
        assert [(row.registry, row.name, created) for row, created in put] == [
            ("First", "alpha", True),
            ("Second", "delta", True),
            ("First", "bravo", False),
        ]
        assert {row.revision for row, _ in put} == {store.webhooks.revision()}
        assert len({row.id for row, _ in put}) == 3
        for row, _ in put:
            assert store.webhooks.get(row.registry, row.name) == row

    def test_more_than_one_query_takes_at_once(self, store: Store) -> None:
        drafts = []
        for number in range(3):
            add_registry(store, f"registry{number}")
            drafts += [draft(f"webhook{i}", registry=f"registry{number}") for i in range(400)]
        put = store.webhooks.put_many(drafts)
        assert all(created for _, created in put)
        ids = [row.id for row, _ in put]
        assert len(store.webhooks.by_ids(ids)) == len(set(ids)) == 1_200

    def test_one_that_is_refused_undoes_all(self, store: Store) -> None:
        add_registry(store, "First")
        with pytest.raises(RegistryNotFoundError):
            store.webhooks.put_many([draft(registry="first"), draft(registry="nowhere")])
        assert store.webhooks.count("first") == 0

    def test_the_last_of_two_of_a_name_counts(self, store: Store) -> None:
        add_registry(store, "MyRegistry", Sku.BASIC)
        drafts = [draft("webhook1", scope="one"), draft("WEBHOOK1", scope="two"), draft("webhook2")]
        put = store.webhooks.put_many(drafts)
        assert [row.scope for row, _ in put] == ["two", "two", ""]
        assert store.webhooks.count("myregistry") == 2

    def test_nothing_is_put_without_harm(self, store: Store) -> None:
        assert store.webhooks.put_many([]) == []


class ChangingContract:
    def test_a_patch_changes_what_is_given_and_nothing_else(self, store: Store) -> None:
        add_registry(store)
        before = add_webhook(store)
        after = store.webhooks.patch("MYREGISTRY", "WEBHOOK1", scope="app", tags={"a": "1"})
        assert after == replace(before, scope="app", tags={"a": "1"}, revision=after.revision)
        assert after.revision > before.revision
        assert store.webhooks.get("myregistry", "webhook1") == after
        _, rows = store.webhooks.snapshot()
        assert list(rows) == [(after.id, "myregistry", "app:latest", PUSH, None, None)]

    def test_a_patch_needs_a_webhook(self, store: Store) -> None:
        add_registry(store)
        with pytest.raises(WebhookNotFoundError, match="nothing"):
            store.webhooks.patch("myregistry", "nothing", scope="app")

    def test_a_webhook_is_disabled_by_itself_once_and_says_why(self, store: Store) -> None:
        add_registry(store)
        row = add_webhook(store)
        assert store.webhooks.disable(row.id, "410 Gone", 5_000)
        assert not store.webhooks.disable(row.id, "again", 6_000)
        assert not store.webhooks.disable(row.id + 1, "unknown", 6_000)
        disabled = store.webhooks.get("myregistry", "webhook1")
        assert disabled is not None
        assert (disabled.status, disabled.status_reason) == (Status.DISABLED, "410 Gone")
        assert disabled.status_changed_ms == 5_000
        assert disabled.revision == store.webhooks.revision() > row.revision

    @pytest.mark.parametrize("status", list(Status))
    def test_the_reason_goes_when_the_owner_sets_a_status(
        self, store: Store, status: Status
    ) -> None:
        add_registry(store)
        row = add_webhook(store)
        store.webhooks.disable(row.id, "410 Gone", 5_000)
        assert store.webhooks.patch("myregistry", "webhook1", scope="a").status_reason == "410 Gone"
        patched = store.webhooks.patch("myregistry", "webhook1", status=status)
        assert (patched.status, patched.status_reason) == (status, "")
        assert (patched.status_changed_ms == 5_000) is (status is Status.DISABLED)

    def test_a_put_takes_back_a_disabling(self, store: Store) -> None:
        add_registry(store)
        row = add_webhook(store)
        store.webhooks.disable(row.id, "410 Gone", 5_000)
        again = add_webhook(store)
        assert (again.status, again.status_reason) == (Status.ENABLED, "")
        assert again.status_changed_ms > 5_000

    def test_a_deleted_webhook_is_gone(self, store: Store) -> None:
        add_registry(store)
        row = add_webhook(store)
        assert store.webhooks.delete("MYREGISTRY", "WEBHOOK1")
        assert not store.webhooks.delete("myregistry", "webhook1")
        assert store.webhooks.get("myregistry", "webhook1") is None
        assert store.webhooks.by_ids([row.id]) == []


class FindingContract:
    def test_they_are_listed_by_name_in_pages(self, store: Store) -> None:
        add_registry(store)
        add_registry(store, "another")
        names = ["Bravo", "alpha", "Charlie", "delta", "Echo"]
        for name in names:
            add_webhook(store, name)
        add_webhook(store, "other", "another")
        seen: list[str] = []
        after = ""
        while page := store.webhooks.list("MyRegistry", after=after, limit=2):
            assert len(page) <= 2
            seen += [row.name for row in page]
            after = page[-1].name
        assert seen == sorted(names, key=str.lower)
        assert store.webhooks.count("MYREGISTRY") == len(names)

    def test_by_ids_gives_what_exists_enabled_or_not(self, store: Store) -> None:
        add_registry(store, "MyRegistry")
        drafts = [draft("enabled"), draft("disabled", status=Status.DISABLED)]
        first, second = (row for row, _ in store.webhooks.put_many(drafts))
        impossible = [0, -5, 2**63, 10**30]
        found = store.webhooks.by_ids([first.id, 12345, *impossible, second.id])
        assert {webhook.id: webhook.status for webhook in found} == {
            first.id: Status.ENABLED,
            second.id: Status.DISABLED,
        }
        assert {webhook.registry for webhook in found} == {"myregistry"}
        assert store.webhooks.by_ids([]) == []

    @pytest.mark.parametrize(
        ("headers", "authorization", "expected"),
        [
            pytest.param({"X-A": "1"}, "", {"X-A": "1"}, id="no credentials"),
            pytest.param(
                {"X-A": "1"},
                "Basic abc",
                {"X-A": "1", "Authorization": "Basic abc"},
                id="of the uri",
            ),
            pytest.param(
                {"authorization": "Bearer x"},
                "Basic abc",
                {"authorization": "Bearer x"},
                id="a custom header says otherwise",
            ),
        ],
    )
    def test_the_deliverer_gets_the_credentials_as_a_header(
        self, store: Store, headers: dict[str, str], authorization: str, expected: dict[str, str]
    ) -> None:
        add_registry(store)
        wanted = draft(headers=headers, authorization=authorization, scope="app")
        ((row, _),) = store.webhooks.put_many([wanted])
        (webhook,) = store.webhooks.by_ids([row.id])
        assert webhook.headers == expected
        assert str(webhook.scope) == "app:latest"
        assert webhook == row.webhook()
