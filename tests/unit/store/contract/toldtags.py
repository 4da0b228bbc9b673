"""What every store does with told tags."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from portcall.store.engine import Store
from portcall.store.intake.told_tags import ToldTag
from tests.unit.store.samples import add_registry, add_webhook

ROUTERS, ROUNDS = 4, 10


def row(
    webhook_id: int = 1, tag: str = "v1", digest: str = "sha256:a", told_ms: int = 5
) -> ToldTag:
    return ToldTag(webhook_id, "app", tag, "myregistry", digest, told_ms, b"e")


class ToldTagsContract:
    def test_of_two_changes_of_one_state_one_is_refused(self, store: Store) -> None:
        table, one = store.told_tags, row()
        assert table.change([one], durable=True) == set()
        assert table.change([one, row(tag="v2")], durable=True) == {one.key}
        read = table.find([one.key])[one.key]
        assert read == replace(one, version=1)
        later = replace(read, digest="sha256:b", held=b"{}")
        assert table.change([later], durable=False) == set()
        assert table.change([later], durable=True) == {one.key}
        assert table.find([one.key, (9, "app", "v1")]) == {one.key: replace(later, version=2)}

    def test_rows_are_found_by_the_digest_that_they_name(self, store: Store) -> None:
        table = store.told_tags
        table.change([row(1), row(2), row(2, "v2", "sha256:b")], durable=True)
        found = table.naming("myregistry", "app", "sha256:a")
        assert sorted(each.key for each in found) == [(1, "app", "v1"), (2, "app", "v1")]
        assert table.naming("other", "app", "sha256:a") == []

    def test_rows_of_webhooks_that_are_gone_and_old_ones_are_pruned(self, store: Store) -> None:
        add_registry(store)
        living = add_webhook(store).id
        table = store.told_tags
        table.change(
            [row(living), row(living, "old", told_ms=1), row(1), row(0, "sha256:a")], durable=True
        )
        assert table.prune(3, most=100, limit=10) == 2
        assert table.prune(3, most=100, limit=10) == 0
        assert table.prune(3, most=1, limit=10) == 1

    def test_of_several_routers_at_once_one_decides_each_state(self, store: Store) -> None:
        table = store.told_tags
        keys = [row(tag=f"v{number}").key for number in range(5)]

        def decide(router: int) -> int:
            """Change every tag as it is read now; returns how many changes counted."""
            counted = 0
            for number in range(ROUNDS):
                read = table.find(keys)
                mine = [
                    replace(
                        read.get(key, row(tag=key[2])), digest=f"sha256:{router}", told_ms=number
                    )
                    for key in keys
                ]
                counted += len(mine) - len(table.change(mine, durable=False))
            return counted

        with ThreadPoolExecutor(ROUTERS) as pool:
            counted = sum(pool.map(decide, range(ROUTERS)))
        versions = [each.version for each in table.find(keys).values()]
        assert sum(versions) == counted  # a change that was refused left no trace
        assert min(versions) >= ROUNDS
