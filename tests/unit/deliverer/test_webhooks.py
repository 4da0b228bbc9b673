"""The webhooks in memory: one query for what is missing, and never older than the last refresh."""

import asyncio
from collections.abc import Sequence

import pytest

from portcall.deliverer import store_retry
from portcall.deliverer.post.request import Template
from portcall.deliverer.webhooks import Webhooks
from portcall.schemas.frames import MAX_ITEMS
from portcall.schemas.trust import Trust
from portcall.schemas.webhooks import Status, Webhook
from portcall.store.errors import StoreUnavailableError
from tests.unit.deliverer.samples import FakeStore, webhook


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_retry, "wait_random_exponential", lambda **_: lambda _state: 0.0)


def uri_of(template: Template | None) -> str:
    assert template is not None
    return template.webhook.uri


async def loaded(held: Webhooks, *webhook_ids: int) -> list[int]:
    return [each for each, template in (await held.load(webhook_ids)).items() if template]


async def test_misses_of_a_frame_are_one_query() -> None:
    store = FakeStore(webhook(1), webhook(2), webhook(3))
    held = Webhooks(store)
    assert await loaded(held, 1, 2, 3) == [1, 2, 3]
    assert store.queries == [[1, 2, 3]]


async def test_what_is_known_is_not_asked_again() -> None:
    store = FakeStore(webhook(1), webhook(2), webhook(3))
    held = Webhooks(store)
    await held.load([1, 2])
    assert await loaded(held, 1, 2, 3) == [1, 2, 3]
    assert await held.template(3) is not None
    assert store.queries == [[1, 2], [3]]


async def test_nothing_is_asked_for_nothing() -> None:
    store = FakeStore()
    assert await Webhooks(store).load(set()) == {}
    assert store.queries == []


async def test_a_deleted_webhook_is_remembered_as_such() -> None:
    store = FakeStore(webhook(1))
    held = Webhooks(store)
    assert await held.load([1, 9]) == {1: await held.template(1), 9: None}
    assert await held.template(9) is None
    assert store.queries == [[1, 9]]


async def test_a_single_webhook_is_loaded_when_it_is_asked_for() -> None:
    store = FakeStore(webhook(1))
    template = await Webhooks(store).template(1)
    assert template is not None and template.webhook == webhook(1)


async def test_a_disabled_webhook_is_known_too() -> None:
    held = Webhooks(FakeStore(webhook(1, status=Status.DISABLED)))
    template = await held.template(1)
    assert template is not None and template.webhook.status is Status.DISABLED


# -- refreshing ----------------------------------------------------------------------------------


async def test_a_refresh_drops_what_changed_and_keeps_the_rest() -> None:
    store = FakeStore(webhook(1), webhook(2), webhook(3))
    held = Webhooks(store)
    await held.refresh()
    await held.load([1, 2, 3])
    store.change(webhook(1, uri="http://new.example/"), gone=[2])
    await held.refresh()
    templates = await held.load([1, 2, 3])
    assert uri_of(templates[1]) == "http://new.example/"
    assert templates[2] is None
    assert store.queries == [[1, 2, 3], [1, 2]]


async def test_the_first_refresh_forgets_what_was_loaded_before_it() -> None:
    store = FakeStore(webhook(1))
    held = Webhooks(store)
    await held.load([1])
    store.rows[1] = webhook(1, uri="http://new.example/")
    await held.refresh()
    assert uri_of(await held.template(1)) == "http://new.example/"


async def test_when_too_much_changed_everything_is_forgotten() -> None:
    store = FakeStore(webhook(1), webhook(2))
    held = Webhooks(store)
    await held.refresh()
    await held.load([1, 2])
    store.changes = None
    await held.refresh()
    await held.load([1, 2])
    assert store.queries == [[1, 2], [1, 2]]


async def test_the_revision_is_read_before_everything_is_forgotten() -> None:
    """Otherwise what is loaded in between could miss a change that no refresh shows again."""
    store = FakeStore(webhook(1))
    held = Webhooks(store)
    await held.refresh()
    order: list[str] = []

    class Watched(FakeStore):
        def revision(self) -> int:
            order.append("known" if 1 in held._known else "forgotten")
            return 2

    await held.load([1])
    held._source = Watched(webhook(1))
    await held.refresh()
    assert order == ["known"]
    assert not held._known


@pytest.mark.parametrize("first", [True, False], ids=["first", "later"])
async def test_a_store_that_is_away_is_asked_again_at_the_next_refresh(*, first: bool) -> None:
    store = FakeStore(webhook(1))
    held = Webhooks(store)
    if not first:
        await held.refresh()
        await held.load([1])
        store.change(webhook(1, uri="http://new.example/"))
    store.errors = [StoreUnavailableError("away")]
    await held.refresh()
    await held.refresh()
    assert uri_of(await held.template(1)) == store.rows[1].uri


async def test_a_store_that_goes_away_after_it_could_not_say_what_changed() -> None:
    """It once ended the process: only the first of the two questions was guarded."""
    store = FakeStore(webhook(1))
    held = Webhooks(store)
    await held.refresh()
    store.changes = None

    class Away(FakeStore):
        def revision(self) -> int:
            raise StoreUnavailableError("away")

    held._source = Away()
    await held.refresh()


async def test_a_webhook_can_be_forgotten() -> None:
    store = FakeStore(webhook(1), webhook(2))
    held = Webhooks(store)
    await held.load([1, 2])
    store.rows[1] = webhook(1, status=Status.DISABLED)
    held.forget(1)
    held.forget(99)
    template = await held.template(1)
    assert template is not None and template.webhook.status is Status.DISABLED
    assert store.queries == [[1, 2], [1]]


# -- races ---------------------------------------------------------------------------------------


class HeldUp(FakeStore):
    """A store whose answers are older than the moment at which they arrive."""

    def __init__(self, *webhooks: Webhook) -> None:
        super().__init__(*webhooks)
        self.loop = asyncio.get_running_loop()
        self.asked_once = asyncio.Event()
        self.released = asyncio.Event()

    def by_ids(self, ids: Sequence[int]) -> list[Webhook]:
        found = super().by_ids(ids)
        self.loop.call_soon_threadsafe(self.asked_once.set)
        asyncio.run_coroutine_threadsafe(self.released.wait(), self.loop).result()
        return found


@pytest.mark.parametrize("how", ["changed", "deleted", "too much", "forgotten"])
async def test_an_answer_from_before_a_change_is_not_kept(how: str) -> None:
    """It once was, and the old URI or the deleted webhook was used until its next change."""
    store = HeldUp(webhook(1, uri="http://old.example/"), webhook(2))
    held = Webhooks(store)
    await held.refresh()
    loading = asyncio.ensure_future(held.load([1, 2]))
    await store.asked_once.wait()
    new = webhook(1, uri="http://new.example/")
    if how == "deleted":
        store.change(gone=[1])
    else:
        store.change(new)
    if how == "too much":
        store.changes = None
    if how == "forgotten":
        held.forget(1)
    else:
        await held.refresh()
    store.released.set()
    templates = await loading
    if how == "deleted":
        assert templates[1] is None
    else:
        assert uri_of(templates[1]) == "http://new.example/"
    assert store.queries == [[1, 2], [1, 2] if how == "too much" else [1]]


async def test_what_is_dropped_while_others_are_loaded_is_no_deleted_webhook() -> None:
    """It once was taken for one: a PATCH at that moment cancelled the webhook's deliveries."""
    store = HeldUp(webhook(1), webhook(2))
    held = Webhooks(store)
    store.released.set()
    await held.refresh()
    await held.load([1])
    store.released.clear()
    store.asked_once.clear()
    loading = asyncio.ensure_future(held.load([1, 2]))
    await store.asked_once.wait()
    store.change(webhook(1, uri="http://new.example/"))
    await held.refresh()
    store.released.set()
    templates = await loading
    assert uri_of(templates[1]) == "http://new.example/"
    assert templates[2] is not None


async def test_a_load_waits_for_a_store_that_is_away() -> None:
    store = FakeStore(webhook(1))
    store.errors = [StoreUnavailableError("away"), StoreUnavailableError("still")]
    assert await loaded(Webhooks(store), 1) == [1]
    assert len(store.queries) == 3


async def test_an_error_that_waiting_does_not_mend_is_raised() -> None:
    store = FakeStore(webhook(1))
    store.errors = [ZeroDivisionError()]
    with pytest.raises(ZeroDivisionError):
        await Webhooks(store).load([1])
    assert await loaded(Webhooks(store), 1) == [1]


# -- memory --------------------------------------------------------------------------------------


async def test_the_least_recently_used_are_forgotten() -> None:
    store = FakeStore(*(webhook(n) for n in range(1, 200)))
    held = Webhooks(store, max_webhooks=100)
    for n in range(1, 101):
        await held.load([n])
    await held.load([1])
    await held.template(101)
    await held.load([102])
    store.queries.clear()
    assert await loaded(held, 1, 4, 100, 101, 102) == [1, 4, 100, 101, 102]
    assert store.queries == []
    await held.load([2])
    assert store.queries == [[2]]
    assert len(held._known) == 100


async def test_a_frames_webhooks_are_held_together_whatever_the_bound() -> None:
    store = FakeStore(*(webhook(n) for n in range(1, MAX_ITEMS + 1)))
    held = Webhooks(store, max_webhooks=1)
    assert len(await loaded(held, *range(1, MAX_ITEMS + 1))) == MAX_ITEMS


# -- the certificates that they have in memory ---------------------------------------------------


def with_trust(webhook_id: int, bundle: str, key: str = "") -> Webhook:
    """A webhook with texts of its own, as they come out of the store: equal, but not the same."""
    return webhook(webhook_id, trust=Trust("".join(list(bundle)), key, "".join(list(key))))


def trust_in(held: Webhooks, webhook_id: int) -> Trust:
    template = held.known(webhook_id)
    assert template is not None and template.webhook.trust is not None
    assert template.origin.trust is template.webhook.trust
    return template.webhook.trust


async def test_a_common_bundle_is_in_memory_once() -> None:
    bundle = "x" * 65_000
    held = Webhooks(FakeStore(*(with_trust(n, bundle, f"key {n}") for n in range(1, 9))))
    for n in range(1, 9):
        await held.load([n])
    assert len({id(trust_in(held, n).ca_bundle) for n in range(1, 9)}) == 1
    assert {trust_in(held, n).client_key for n in range(1, 9)} == {f"key {n}" for n in range(1, 9)}
    assert held._texts.characters == 65_000 + 8 * len("key 1")


async def test_texts_go_with_the_last_webhook_that_has_them() -> None:
    held = Webhooks(FakeStore(with_trust(1, "common"), with_trust(2, "common"), webhook(3)))
    for _ in range(3):
        await held.load([1, 2, 3])
        assert held._texts.characters == len("common")
        held.forget(1)
        held.forget(3)
        assert trust_in(held, 2) == Trust("common")
        assert held._texts.characters == len("common")
        held.forget(2)
        assert (held._texts.characters, held._texts._kept) == (0, {})


async def test_texts_are_bounded_but_for_what_a_frame_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portcall.deliverer.webhooks.MAX_CHARACTERS", 1_000)
    every = range(1, 2 * MAX_ITEMS + 1)
    held = Webhooks(FakeStore(*(with_trust(n, f"{n:0100}") for n in every)))
    frame = list(every[:MAX_ITEMS])
    assert await loaded(held, *frame) == frame
    for n in every[MAX_ITEMS:]:
        assert await loaded(held, n) == [n]
        assert held._texts.characters == 100 * MAX_ITEMS
    assert held.known(every[0]) is None
    assert trust_in(held, every[-1]).ca_bundle == f"{every[-1]:0100}"
