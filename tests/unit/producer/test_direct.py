"""Which path an event takes, and why."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import pytest

from portcall.producer.direct import (
    MAX_AGE_S,
    ORDER_S,
    REFUSED_S,
    SEVERAL_AT_ONCE,
    SEVERAL_PER_S,
    UNCONFIRMED_S,
    UNUSED_S,
    Direct,
    Path,
    Why,
    direct_frame,
    direct_headers,
)
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.deliveries import home_of, shard_of
from portcall.schemas.events import Action, Event
from portcall.schemas.filters import Filters
from portcall.schemas.frames import MAX_ITEMS, decode_deliveries, decode_events, routed_by
from portcall.schemas.globs.scopes import parse_scopes
from portcall.store.subscriptions.index import ScopeIndex

SHARDS = 2
PUSH = Action.PUSH.bit


HOME = home_of("myregistry", SHARDS)


def ids_of(shard: int, count: int) -> list[int]:
    found = (each for each in range(1, 10_000) if shard_of(each, SHARDS) == shard)
    return [next(found) for _ in range(count)]


HERE, THERE = ids_of(HOME, MAX_ITEMS + 1), ids_of(1 - HOME, 2)


def event(name: str = "e", *, registry: str = "myregistry", action: str = "push") -> Event:
    return Event(name, registry, action, 1, msgspec.Raw(b'{"id": 1}'), "team/app", "v1")


@dataclass
class Webhooks:
    """Subscriptions that a test sets by hand."""

    index: ScopeIndex = field(default_factory=ScopeIndex)
    age_s: float = 0.1
    is_too_large: bool = False
    refreshes: int = 0

    async def refresh(self) -> bool:
        self.refreshes += 1
        return True


class World:
    """A decision with everything around it; by default all is well, and one webhook matches."""

    def __init__(self) -> None:
        self.webhooks = Webhooks()
        self.webhooks.index.put(HERE[0], "myregistry", "", PUSH)
        self.paused: set[int] = set()
        self.waiting = 0
        self.waiting_in = dict.fromkeys(range(SHARDS), 0)
        self.now = 100.0
        self.woken = 0
        self.direct = Direct(
            subscriptions=self.webhooks,
            pauses=self,
            shards=SHARDS,
            backlog=lambda: self.waiting,
            waiting=self.waiting_in.__getitem__,
            wake=self._wake,
            clock=lambda: self.now,
        )
        self.direct.is_laid = True

    def rung_ms(self, webhook_id: int) -> int:
        return 2_000 if webhook_id in self.paused else 0

    def _wake(self) -> None:
        self.woken += 1

    def put(self, *webhook_ids: int, scope: str = "") -> None:
        for webhook_id in webhook_ids:
            self.webhooks.index.put(webhook_id, "myregistry", scope, PUSH)

    def why(self, **kept: str) -> Why:
        return self.direct.path_of(event(**kept)).why


@pytest.fixture
def world() -> World:
    return World()


def counted(path: str, why: Why) -> float:
    labels = {"path": path, "why": why.value}
    return REGISTRY.get_sample_value("portcall_producer_paths_total", labels) or 0.0


def test_webhooks_of_all_shards_get_the_event_directly_by_the_registrys_home(world: World) -> None:
    before = counted("direct", Why.DIRECT)
    world.put(HERE[1], *THERE)
    path = world.direct.path_of(event())
    assert path == Path(Why.DIRECT, HOME, sorted([*HERE[:2], *THERE]))
    assert counted("direct", Why.DIRECT) == before + 1
    world.webhooks.index.put(HERE[2], "other", "", PUSH)
    assert world.direct.path_of(event(registry="other")).shard == home_of("other", SHARDS)


def test_what_waits_in_the_queue_of_a_webhooks_shard_is_not_overtaken(world: World) -> None:
    world.waiting_in[1 - HOME] = 1
    assert world.why() is Why.DIRECT  # it has no webhook there
    world.put(THERE[0])
    assert world.why() is Why.ORDER
    world.waiting_in[1 - HOME] = 0
    assert world.why() is Why.ORDER
    world.now += ORDER_S
    assert world.why() is Why.DIRECT
    world.waiting_in[HOME] = 1  # it goes to its end
    assert world.why() is Why.DIRECT


def test_at_a_high_rate_events_for_several_webhooks_go_by_the_router(world: World) -> None:
    world.put(HERE[1])
    most = int(SEVERAL_AT_ONCE)
    assert {world.why() for _ in range(most)} == {Why.DIRECT}
    assert world.why() is Why.BUSY
    world.now += ORDER_S
    for _ in range(10 * most):
        world.now += 1.001 / SEVERAL_PER_S
        assert world.why() is Why.DIRECT
    world.webhooks.index.remove(HERE[1])
    assert {world.why() for _ in range(10 * most)} == {Why.DIRECT}  # one webhook has no such limit


def _unlaid(world: World) -> None:
    world.direct.is_laid = False


def _too_large(world: World) -> None:
    world.webhooks.is_too_large = True


def _stale(world: World) -> None:
    world.webhooks.age_s = MAX_AGE_S + 0.01


def _never_loaded(world: World) -> None:
    world.webhooks.age_s = math.inf


def _behind(world: World) -> None:
    world.waiting = 1


def _unmatched(world: World) -> None:
    world.webhooks.index.remove(HERE[0])


def _behind_there(world: World) -> None:
    world.put(THERE[0], scope="team/app:*")
    world.waiting_in[1 - HOME] = 1


def _many(world: World) -> None:
    world.put(*HERE)


def _paused(world: World) -> None:
    world.put(HERE[1])
    world.paused = {HERE[1]}


def _filtered(world: World) -> None:
    world.webhooks.index.put(HERE[1], "myregistry", "", PUSH, Filters(tagged_only=True))


def _coalescing(world: World) -> None:
    world.webhooks.index.put(HERE[1], "myregistry", "", PUSH, Filters(coalesce="1m"))


def test_a_deleted_tag_goes_to_the_router_if_a_webhook_of_the_registry_names_them(
    world: World,
) -> None:
    untag = Action.UNTAG.bit | Action.DELETE.bit
    world.webhooks.index.put(HERE[1], "myregistry", "", untag)
    assert world.why(action="untag") is Why.DIRECT
    named, other = Filters(tags_on_delete=True), Action.QUARANTINE.bit
    world.webhooks.index.put(HERE[2], "other", "", other, named)
    assert world.why(action="untag") is Why.DIRECT
    world.webhooks.index.put(HERE[2], "myregistry", "", other, named)
    assert world.why(action="untag") is Why.FILTERS
    world.now += ORDER_S
    assert world.why(action="delete") is Why.FILTERS  # that of a tag
    world.now += ORDER_S
    assert world.why() is Why.DIRECT


def _refused(world: World) -> None:
    world.direct.refused(HOME, [event("other", registry="other")])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (_unlaid, Why.TOPOLOGY),
        (_too_large, Why.TOO_MANY_WEBHOOKS),
        (_stale, Why.STALE),
        (_never_loaded, Why.STALE),
        (_behind, Why.ORDER),
        (_unmatched, Why.NO_WEBHOOK),
        (_behind_there, Why.ORDER),
        (_many, Why.MANY_DELIVERIES),
        (_paused, Why.PAUSED),
        (_filtered, Why.FILTERS),
        (_coalescing, Why.FILTERS),
        (_refused, Why.REFUSED),
    ],
    ids=lambda each: getattr(each, "__name__", str(each)).strip("_"),
)
def test_otherwise_it_goes_to_the_router_and_the_reason_is_counted(
    world: World, change: Callable[[World], None], why: Why
) -> None:
    change(world)
    before = counted("router", why)
    assert world.direct.path_of(event()) == Path(why)
    assert counted("router", why) == before + 1


def test_an_old_index_is_asked_to_be_refreshed(world: World) -> None:
    world.why()
    assert world.woken == 0
    _stale(world)
    world.why()
    assert world.woken == 1


def test_what_the_router_has_is_not_overtaken(world: World) -> None:
    world.webhooks.index.put(HERE[1], "other", "", PUSH)
    world.paused = {HERE[0]}
    assert world.why() is Why.PAUSED
    world.paused = set()
    assert world.why() is Why.ORDER
    assert world.why(registry="other") is Why.DIRECT
    world.now += ORDER_S
    assert world.why() is Why.DIRECT


def test_several_events_of_a_request_go_first_by_the_router(world: World) -> None:
    before = counted("router", Why.SEVERAL_EVENTS)
    world.direct.several([event("a"), event("b")])
    assert counted("router", Why.SEVERAL_EVENTS) == before + 2
    assert world.why() is Why.ORDER


def test_an_event_that_matches_nothing_delays_none(world: World) -> None:
    assert world.why(action="delete") is Why.NO_WEBHOOK
    assert world.why() is Why.DIRECT


def test_filters_of_webhooks_that_the_event_does_not_match_delay_it_not(world: World) -> None:
    world.webhooks.index.put(HERE[1], "other", "", PUSH, Filters(tagged_only=True))
    world.webhooks.index.put(THERE[0], "other", "", PUSH, Filters(changed_only=True))
    assert world.why() is Why.DIRECT


@pytest.mark.parametrize("action", [Action.DELETE, Action.UNTAG])
def test_the_router_hears_of_what_is_gone_while_a_webhook_wants_changes_only(
    world: World, action: Action
) -> None:
    world.webhooks.index.put(HERE[0], "myregistry", "", action.bit)
    assert world.why(action=action.value) is Why.DIRECT
    world.webhooks.index.put(THERE[0], "myregistry", "", PUSH, Filters(changed_only=True))
    assert world.why(action=action.value) is Why.FILTERS
    world.webhooks.index.remove(THERE[0])
    world.now += ORDER_S
    assert world.why(action=action.value) is Why.DIRECT


def test_patterns_decide_as_in_the_router(world: World) -> None:
    world.webhooks.index.put(HERE[0], "myregistry", "", PUSH, None, parse_scopes(["team/*:v*"]))
    assert world.why() is Why.DIRECT
    world.webhooks.index.put(HERE[0], "myregistry", "", PUSH, None, parse_scopes(["team/*:x*"]))
    assert world.why() is Why.NO_WEBHOOK


def test_a_shard_that_refused_is_left_alone_for_a_while(world: World) -> None:
    _refused(world)
    world.now += REFUSED_S - 0.1
    assert world.why() is Why.REFUSED
    world.now += ORDER_S
    assert world.why() is Why.DIRECT


def test_a_shard_without_confirms_is_left_alone_for_longer_whatever_it_refuses(
    world: World,
) -> None:
    world.direct.unconfirmed(HOME)
    _refused(world)
    world.now += UNCONFIRMED_S - 0.1
    assert world.why() is Why.REFUSED
    world.now += ORDER_S
    assert world.why() is Why.DIRECT


def test_registries_without_a_reason_to_wait_are_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portcall.producer.direct.MAX_REGISTRIES", 3)
    for number in range(10):
        world.now += ORDER_S
        world.direct.several([event(registry=f"r{number}")])
    assert len(world.direct._by_router) <= 3


async def test_an_index_that_nothing_uses_is_not_refreshed(world: World) -> None:
    await world.direct.refresh()
    world.now += UNUSED_S
    await world.direct.refresh()
    assert world.webhooks.refreshes == 1
    world.why()
    await world.direct.refresh()
    assert world.webhooks.refreshes == 2


def test_a_direct_frame_is_read_by_readers_of_events_and_of_deliveries() -> None:
    events = [(event("a"), [3, 5]), (event("b"), [4])]
    body = direct_frame(events)
    assert decode_events(body).events == [event("a"), event("b")]
    frame = decode_deliveries(body)
    assert (frame.direct, frame.again) == (True, False)
    assert routed_by(frame) == [(one, list(ids)) for one, ids in events]
    assert all((each.attempt, each.parks, each.first) == (1, 0, 1) for each in frame.deliveries)


def test_its_headers_name_the_shard_and_warn_routers() -> None:
    assert direct_headers(1) == {"portcall-shard": "1", "portcall-again": 1}
