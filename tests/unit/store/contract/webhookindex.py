"""What every store tells the router: a snapshot, and exactly what changed since a revision."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from portcall.schemas.webhooks import Status
from portcall.store.engine import Store
from portcall.store.webhooks import tombstones
from portcall.store.webhooks.index import Changes, IndexRow
from tests.unit.store.samples import PUSH, add_registry, add_webhook, draft


def index_of(store: Store) -> dict[int, IndexRow]:
    _, rows = store.webhooks.snapshot()
    return {row[0]: row for row in rows}


def follow(index: dict[int, IndexRow], changes: Changes) -> None:
    for webhook_id in changes.gone:
        index.pop(webhook_id, None)
    index.update({row[0]: row for row in changes.changed})


class SnapshotContract:
    def test_it_has_the_enabled_webhooks_with_canonical_scopes(self, store: Store) -> None:
        add_registry(store, "MyRegistry")
        scopes = {"": "", "team/app": "team/app:latest", "app:v1": "app:v1", "app:*": "app:*"}
        drafts = [draft(f"webhook{i}", scope=scope) for i, scope in enumerate(scopes)]
        put = store.webhooks.put_many([*drafts, draft("disabled", status=Status.DISABLED)])
        revision, rows = store.webhooks.snapshot()
        assert revision == store.webhooks.revision()
        assert list(rows) == [
            (row.id, "myregistry", scope, PUSH, None, None)
            for (row, _), scope in zip(put, scopes.values(), strict=False)
        ]

    def test_it_has_the_patterns_and_so_have_the_changes(self, store: Store) -> None:
        add_registry(store)
        patterns = ("team/**:v[0-9]*", "!team/test/**")
        [(row, _)] = store.webhooks.put_many([draft("webhook1", scopes=patterns)])
        revision, rows = store.webhooks.snapshot()
        assert list(rows) == [(row.id, "myregistry", "", PUSH, None, list(patterns))]
        assert row.scopes == patterns
        store.webhooks.patch("myregistry", "webhook1", scopes=("team/*",))
        changes = store.webhooks.changes_since(revision)
        assert changes is not None
        assert changes.changed == [(row.id, "myregistry", "", PUSH, None, ["team/*"])]
        store.webhooks.patch("myregistry", "webhook1", scopes=None)
        assert index_of(store)[row.id] == (row.id, "myregistry", "", PUSH, None, None)
        [subscriber] = store.subscribers.of("myregistry")
        assert subscriber.scopes is None

    def test_of_an_empty_store_it_is_empty(self, store: Store) -> None:
        revision, rows = store.webhooks.snapshot()
        assert revision == store.webhooks.revision()
        assert list(rows) == []

    def test_it_is_of_its_revision_whatever_is_written_meanwhile(self, store: Store) -> None:
        add_registry(store)
        before = add_webhook(store, "before")
        revision, rows = store.webhooks.snapshot()
        add_webhook(store, "meanwhile")
        store.webhooks.delete("myregistry", "before")
        assert [row[0] for row in rows] == [before.id]
        changes = store.webhooks.changes_since(revision)
        assert changes is not None
        assert (len(changes.changed), changes.gone) == (1, [before.id])

    def test_one_that_is_dropped_gives_its_connection_back(self, store: Store) -> None:
        add_registry(store)
        add_webhook(store)
        for _ in range(30):  # more than the pool has connections
            _, rows = store.webhooks.snapshot()
            del rows
        assert len(index_of(store)) == 1

    def test_it_may_be_longer_than_a_chunk(self, store: Store) -> None:
        expected = []
        for number in range(11):
            add_registry(store, f"registry{number}")
            put = store.webhooks.put_many(
                [draft(f"webhook{i}", registry=f"registry{number}") for i in range(500)]
            )
            expected += [row.id for row, _ in put]
        assert sorted(index_of(store)) == expected


class ChangesContract:
    def test_nothing_changed(self, store: Store) -> None:
        revision = store.webhooks.revision()
        assert store.webhooks.changes_since(revision) == Changes(revision, [], [])

    def test_each_kind_of_change(self, store: Store) -> None:
        add_registry(store)
        names = ["changed", "deleted", "disabled", "gone", "enabled", "untouched", "remade"]
        ids = {name: add_webhook(store, name).id for name in names}
        store.webhooks.patch("myregistry", "enabled", status=Status.DISABLED)
        revision = store.webhooks.revision()

        store.webhooks.patch("myregistry", "changed", scope="app")
        store.webhooks.patch("myregistry", "disabled", status=Status.DISABLED)
        store.webhooks.patch("myregistry", "enabled", status=Status.ENABLED)
        store.webhooks.disable(ids["gone"], "410 Gone", 1)
        store.webhooks.delete("myregistry", "deleted")
        store.webhooks.delete("myregistry", "remade")
        remade = add_webhook(store, "remade").id
        new = add_webhook(store, "created").id

        changes = store.webhooks.changes_since(revision)
        assert changes is not None
        assert changes.revision == store.webhooks.revision()
        assert sorted(changes.changed) == [
            (ids["changed"], "myregistry", "app:latest", PUSH, None, None),
            (ids["enabled"], "myregistry", "", PUSH, None, None),
            (remade, "myregistry", "", PUSH, None, None),
            (new, "myregistry", "", PUSH, None, None),
        ]
        gone = ["deleted", "disabled", "gone", "remade"]
        assert sorted(changes.gone) == [ids[name] for name in gone]

    def test_a_revision_that_this_database_never_had_is_answered_by_a_snapshot(
        self, store: Store
    ) -> None:
        assert store.webhooks.changes_since(store.webhooks.revision() + 1) is None

    def test_what_is_older_than_the_tombstones_is_answered_by_a_snapshot(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tombstones, "LIMIT", 3)
        add_registry(store)
        rows = [add_webhook(store, f"webhook{i}") for i in range(10)]
        revisions = []
        for row in rows:
            revisions.append(store.webhooks.revision())
            store.webhooks.delete("myregistry", row.name)
        exact = [
            changes.gone == [row.id for row in rows[i:]]
            for i, revision in enumerate(revisions)
            if (changes := store.webhooks.changes_since(revision)) is not None
        ]
        assert 3 <= len(exact) < 7  # at least the limit, never as many as twice of it
        assert all(exact)
        assert store.webhooks.changes_since(revisions[0]) is None

    @pytest.mark.parametrize("seed", range(4))
    def test_following_the_changes_leads_to_what_a_snapshot_says(
        self, store: Store, seed: int
    ) -> None:
        chance = random.Random(seed)  # noqa: S311 (reproducible, not secret)
        registries = ["first", "second"]
        revision, rows = store.webhooks.snapshot()
        index = {row[0]: row for row in rows}
        for _ in range(60):
            registry = chance.choice(registries)
            name = f"webhook{chance.randrange(6)}"
            if store.registries.get(registry) is None:
                add_registry(store, registry)
            match chance.randrange(6):
                case 0:
                    store.webhooks.delete(registry, name)
                case 1:
                    store.registries.delete(registry)
                case 2 if row := store.webhooks.get(registry, name):
                    store.webhooks.disable(row.id, "410 Gone", 1)
                case _:
                    scope = chance.choice(["", "app", "app:*"])
                    status = chance.choice(list(Status))
                    store.webhooks.put_many(
                        [draft(name, registry=registry, scope=scope, status=status)]
                    )
            if chance.random() < 0.4:
                changes = store.webhooks.changes_since(revision)
                assert changes is not None
                follow(index, changes)
                revision = changes.revision
                assert index == index_of(store)

    def test_a_follower_misses_nothing_that_others_commit_at_once(self, store: Store) -> None:
        """A revision must not be seen before a lower one: its change would be missed for ever."""
        add_registry(store)
        index = index_of(store)
        revision = store.webhooks.revision()

        def write(number: int) -> None:
            for turn in range(12):
                add_webhook(store, f"webhook{number}x{turn}")
                if turn % 3 == 0:
                    store.webhooks.delete("myregistry", f"webhook{number}x{turn}")

        with ThreadPoolExecutor(4) as threads:
            writers = [threads.submit(write, number) for number in range(4)]
            while True:
                done = all(writer.done() for writer in writers)
                changes = store.webhooks.changes_since(revision)
                assert changes is not None
                follow(index, changes)
                revision = changes.revision
                if done:
                    break
            for writer in writers:
                writer.result()
        assert index == index_of(store)
        assert len(index) == 4 * 8
