"""Which registries exist, and how seldom the store is asked."""

import asyncio
import threading

import pytest

from portcall.producer.http import kept
from portcall.producer.http.errors import UnavailableError, UnknownRegistryError
from portcall.producer.http.registries import Registries
from portcall.schemas.webhooks import Sku
from portcall.store.errors import StoreUnavailableError
from portcall.store.webhooks.registries import Registry


class FakeStore:
    """The two questions that are asked of the store."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.number = 1
        self.questions = 0
        self.away = False
        self.gate = threading.Event()
        self.gate.set()

    def revision(self) -> int:
        self.questions += 1
        assert self.gate.wait(10)
        if self.away:
            raise StoreUnavailableError("the store does not answer")
        return self.number

    def list(self) -> list[Registry]:
        return [
            Registry(name, name.lower(), "here", Sku.PREMIUM, {}, "portcall", "", 0)
            for name in self.names
        ]

    def change(self, *names: str) -> None:
        self.names = list(names)
        self.number += 1


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MIN_INTERVAL_S", 0.0)


def made(store: FakeStore) -> Registries:
    return Registries(catalogue=store, revisions=store)


async def test_a_registry_is_found_in_whatever_case() -> None:
    found = made(FakeStore("MyRegistry"))
    assert await found.find("myregistry") == "myregistry"
    assert await found.find("MYREGISTRY") == "myregistry"


async def test_a_known_registry_costs_no_question() -> None:
    store = FakeStore("myregistry")
    found = made(store)
    for _ in range(5):
        await found.find("myregistry")
    assert store.questions == 1


@pytest.mark.parametrize(
    "name", ["", "abc", "a" * 51, "my-registry", "my_registry", "rëgistry", "a\0bcde", "../../x"]
)
async def test_what_can_be_no_name_is_unknown_without_a_question(name: str) -> None:
    store = FakeStore("myregistry")
    with pytest.raises(UnknownRegistryError):
        await made(store).find(name)
    assert store.questions == 0


async def test_a_new_registry_is_found_at_once() -> None:
    store = FakeStore("first")
    found = made(store)
    with pytest.raises(UnknownRegistryError):
        await found.find("second")
    store.change("first", "second")
    assert await found.find("second") == "second"


async def test_a_deleted_registry_is_unknown_after_the_next_refresh() -> None:
    store = FakeStore("myregistry")
    found = made(store)
    await found.find("myregistry")
    store.change()
    await found.refresh()
    with pytest.raises(UnknownRegistryError):
        await found.find("myregistry")


async def test_a_hundred_misses_are_one_or_two_questions() -> None:
    store = FakeStore("myregistry")
    store.gate.clear()
    found = made(store)
    misses = [asyncio.create_task(found.find(f"stranger{number}")) for number in range(100)]
    await asyncio.sleep(0)
    store.gate.set()
    answers = await asyncio.gather(*misses, return_exceptions=True)
    assert {type(answer) for answer in answers} == {UnknownRegistryError}
    assert store.questions <= 2


async def test_known_registries_are_taken_while_the_store_is_away() -> None:
    store = FakeStore("myregistry")
    found = made(store)
    await found.find("myregistry")
    store.away = True
    await found.refresh()
    assert found.problem == "the store does not answer"
    assert await found.find("myregistry") == "myregistry"
    with pytest.raises(UnavailableError):
        await found.find("another")


async def test_the_store_comes_back() -> None:
    store = FakeStore("myregistry")
    store.away = True
    found = made(store)
    assert found.problem
    with pytest.raises(UnavailableError):
        await found.find("myregistry")
    store.away = False
    assert await found.find("myregistry") == "myregistry"
    assert found.problem is None


async def test_a_store_that_hangs_is_waited_for_only_so_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kept, "MISS_TIMEOUT_S", 0.01)
    store = FakeStore("myregistry")
    store.gate.clear()
    try:
        with pytest.raises(UnavailableError):
            await made(store).find("myregistry")
    finally:
        store.gate.set()
