"""What every store does with told children: the newest index counts, and old rows go."""

from concurrent.futures import ThreadPoolExecutor

from portcall.store.engine import Store

A, B = "sha256:a", "sha256:b"


class ToldChildrenContract:
    def test_the_newest_index_counts(self, store: Store) -> None:
        table = store.told_children
        table.tell({(1, "app", A): 5, (1, "app", B): 5, (2, "app", A): 5})
        table.tell({(1, "app", A): 7, (1, "app", B): 3})
        asked = [(1, "app", A), (1, "app", B), (1, "other", A), (3, "app", A)]
        assert table.find(asked) == {(1, "app", A): 7, (1, "app", B): 5}
        assert table.find([]) == {}

    def test_routers_that_tell_the_same_at_once_agree(self, store: Store) -> None:
        table = store.told_children
        keys = [(1, "app", f"sha256:{each}") for each in range(50)]

        def tell(told_ms: int) -> None:
            ordered = keys if told_ms % 2 else reversed(keys)
            table.tell(dict.fromkeys(ordered, told_ms))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(tell, range(1, 13)))
        assert table.find(keys) == dict.fromkeys(keys, 12)

    def test_old_rows_and_too_many_are_pruned(self, store: Store) -> None:
        table = store.told_children
        table.tell({(1, "app", f"sha256:{each}"): each for each in range(10)})
        assert table.prune(3, most=100, limit=10) == 3
        assert table.prune(3, most=5, limit=1) == 1
        assert table.prune(3, most=5, limit=10) == 1
        assert table.prune(3, most=5, limit=10) == 0
        left = table.find([(1, "app", f"sha256:{each}") for each in range(10)])
        assert sorted(left.values()) == [5, 6, 7, 8, 9]
