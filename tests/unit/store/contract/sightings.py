"""What every store does with sightings."""

from concurrent.futures import ThreadPoolExecutor

from portcall.store.engine import Store
from portcall.store.intake.digests import KnownDigest

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def name(number: int) -> bytes:
    return number.to_bytes(16, "big")


def manifest(number: int, media_type: str = MANIFEST, seen_ms: int = 1000) -> KnownDigest:
    return KnownDigest(name(number), is_manifest=True, media_type=media_type, seen_ms=seen_ms)


def blob(number: int, seen_ms: int = 1000) -> KnownDigest:
    return KnownDigest(name(number), is_manifest=False, media_type="", seen_ms=seen_ms)


def found(store: Store, *numbers: int) -> dict[int, KnownDigest]:
    seen = store.digests.find([name(number) for number in numbers])
    return {int.from_bytes(key, "big"): each for key, each in seen.items()}


class KnownDigestsContract:
    def test_what_was_kept_is_found_and_nothing_else(self, store: Store) -> None:
        store.digests.keep([manifest(2), blob(1)])
        assert found(store, 1, 2, 2, 3) == {1: blob(1), 2: manifest(2)}
        assert found(store) == {}
        store.digests.keep([])

    def test_what_is_a_manifest_stays_one(self, store: Store) -> None:
        for first, second in ((manifest(1), blob(1)), (blob(2), manifest(2))):
            store.digests.keep([first])
            store.digests.keep([second])
        assert found(store, 1, 2) == {1: manifest(1), 2: manifest(2)}

    def test_a_type_that_is_known_stays_known(self, store: Store) -> None:
        store.digests.keep([manifest(1)])
        store.digests.keep([manifest(1, "")])
        assert found(store, 1)[1].media_type == MANIFEST
        store.digests.keep([manifest(1, INDEX)])
        assert found(store, 1)[1].media_type == INDEX

    def test_the_last_time_is_kept_and_never_goes_back(self, store: Store) -> None:
        for seen_ms in (2000, 3000, 1000):
            store.digests.keep([blob(1, seen_ms)])
        assert found(store, 1)[1].seen_ms == 3000

    def test_many_are_kept_and_found_at_once(self, store: Store) -> None:
        store.digests.keep([manifest(number) for number in range(1200)])
        assert len(found(store, *range(1300))) == 1200

    def test_two_producers_that_keep_the_same_do_not_block_each_other(self, store: Store) -> None:
        there = [manifest(number) for number in range(300)]
        with ThreadPoolExecutor(4) as pool:
            for each in [
                pool.submit(store.digests.keep, rows) for rows in (there, there[::-1]) * 4
            ]:
                each.result(timeout=60)
        assert len(found(store, *range(300))) == 300

    def test_what_is_too_old_is_forgotten(self, store: Store) -> None:
        store.digests.keep([manifest(1), blob(2), manifest(3, seen_ms=5000), blob(4, 5000)])
        assert store.digests.prune(5000, most=10, limit=10) == 2
        assert set(found(store, 1, 2, 3, 4)) == {3, 4}
        assert store.digests.prune(5000, most=10, limit=10) == 0

    def test_the_oldest_above_the_bound_of_their_kind_are_forgotten(self, store: Store) -> None:
        store.digests.keep([manifest(number, seen_ms=number) for number in range(1, 6)])
        store.digests.keep([blob(number, number) for number in range(11, 18)])
        assert store.digests.prune(0, most=3, limit=100) == 2 + 4
        assert set(found(store, *range(20))) == {3, 4, 5, 15, 16, 17}

    def test_a_flood_of_blobs_drives_no_manifest_out(self, store: Store) -> None:
        store.digests.keep([manifest(1, seen_ms=1)])
        store.digests.keep([blob(number, 2000) for number in range(2, 50)])
        store.digests.prune(0, most=5, limit=100)
        assert found(store, 1) == {1: manifest(1, seen_ms=1)}

    def test_no_more_than_the_limit_of_a_kind_goes_at_once(self, store: Store) -> None:
        store.digests.keep([blob(number, number) for number in range(1, 10)])
        assert store.digests.prune(9, most=100, limit=5) == 5
        assert store.digests.prune(9, most=100, limit=5) == 3
        store.digests.keep([blob(number, number) for number in range(1, 10)])
        assert store.digests.prune(0, most=2, limit=5) == 5
