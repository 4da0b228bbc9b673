"""The producer knows which registries want deleted tags, and waits for the store only at first."""

import pytest

from portcall.producer.http.errors import UnavailableError
from portcall.producer.http.untagging import Untagging
from portcall.store.errors import StoreUnavailableError


class FakeStore:
    """Registries with such a webhook; errors as told."""

    def __init__(self, *keys: str) -> None:
        self.keys = frozenset(keys)
        self.at = 1
        self.is_away = False

    def untagging(self) -> frozenset[str]:
        if self.is_away:
            raise StoreUnavailableError("away")
        return self.keys

    def revision(self) -> int:
        if self.is_away:
            raise StoreUnavailableError("away")
        return self.at


async def test_the_first_question_asks_the_store() -> None:
    store = FakeStore("first")
    untagging = Untagging(catalogue=store, revisions=store)
    assert await untagging.wants("first")
    assert not await untagging.wants("second")


async def test_a_change_is_known_after_the_next_refresh() -> None:
    store = FakeStore()
    untagging = Untagging(catalogue=store, revisions=store)
    assert not await untagging.wants("first")
    store.keys, store.at = frozenset({"first"}), 2
    await untagging.refresh()
    assert await untagging.wants("first")
    store.is_away = True
    await untagging.refresh()
    assert await untagging.wants("first")


async def test_before_the_store_has_answered_nothing_is_decided() -> None:
    """A deleted tag that is ignored by mistake would be lost: the registry sends it again."""
    store = FakeStore("first")
    store.is_away = True
    untagging = Untagging(catalogue=store, revisions=store)
    with pytest.raises(UnavailableError):
        await untagging.wants("first")
