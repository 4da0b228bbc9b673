"""Working at replays: page by page, confirmed before it is noted, behind live traffic."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec
import pytest
from msgspec import structs

from portcall.management.replays import worker as replaying
from portcall.management.replays.worker import AT_LEAST_S, LOOK_S, Replayer, frames_of
from portcall.runtime.errors import BrokerError, UnconfirmedError
from portcall.schemas.deletes import DeletedTag
from portcall.schemas.deliveries import Delivery, shard_of
from portcall.schemas.extras import Extras
from portcall.schemas.frames import MAX_BYTES, decode_deliveries, decode_journal
from portcall.schemas.journal import Note, routed
from portcall.schemas.records import Outcome
from portcall.schemas.topology import DELIVER, JOURNAL
from portcall.store.engine import Store
from portcall.store.errors import StoreUnavailableError
from portcall.store.records.replays import Replay, ReplayState
from portcall.store.records.selection import SelectedDelivery, Selection
from tests.unit.store.contract.eventlog import append
from tests.unit.store.contract.replays import add_hook
from tests.unit.store.samples import event, frame, record

NOW_MS = 1_772_619_630_000


@dataclass
class FakePublisher:
    published: list[tuple[str, str, bytes]] = field(default_factory=list)
    noted: list[Note] = field(default_factory=list)
    failures: list[BrokerError] = field(default_factory=list)

    async def publish(
        self,
        body: bytes,
        *,
        exchange: str,
        key: str = "",
        headers: Mapping[str, str | int] | None = None,
        timeout_s: float = 0,
    ) -> None:
        if self.failures:
            raise self.failures.pop(0)
        if exchange == JOURNAL:
            self.noted += decode_journal(body).notes
        else:
            self.published.append((exchange, key, body))

    def deliveries(self) -> list[tuple[str, Delivery]]:
        """The id of the event, and the delivery, of all that was published."""
        return [
            (found.events[each.event].id, each)
            for _, _, body in self.published
            for found in [decode_deliveries(body)]
            for each in found.deliveries
        ]


@dataclass
class FakeDepths:
    depth: int = 0
    failure: BrokerError | None = None
    asked: list[str] = field(default_factory=list)

    async def waiting(self, queues: Iterable[str]) -> int:
        self.asked = list(queues)
        if self.failure:
            raise self.failure
        return self.depth


@dataclass
class Bench:
    store: Store
    publisher: FakePublisher = field(default_factory=FakePublisher)
    depths: FakeDepths = field(default_factory=FakeDepths)
    now: float = 100.0

    def __post_init__(self) -> None:
        self.replayer = self.another()

    def another(self) -> Replayer:
        return Replayer(
            replays=self.store.replays,
            publisher=self.publisher,
            depths=self.depths,
            shards=2,
            clock_ms=lambda: NOW_MS + int(self.now * 1000),
            monotonic=lambda: self.now,
            stamp=self.store.stamp,
            name_tags=self.store.deleted_tags.named,
        )

    def given_up(self, count: int, name: str = "webhook1") -> int:
        hook = add_hook(self.store, name)
        events = [event(f"e{number}") for number in range(count)]
        records = [record(hook, of=at, attempt=4, outcome=Outcome.GIVEN_UP) for at in range(count)]
        append(self.store, frame(records, events))
        return hook

    def begin(self, rate: int = 50) -> Replay:
        wanted = Selection(registry="myregistry")
        return self.store.replays.create(wanted, rate=rate, now_ms=NOW_MS)

    def look(self, replay: Replay) -> Replay:
        found = self.store.replays.get("myregistry", replay.id)
        assert found is not None
        return found


@pytest.fixture
def bench(store: Store) -> Bench:
    return Bench(store)


async def test_a_replay_goes_to_the_retry_lane_with_the_numbers_going_on(bench: Bench) -> None:
    hook = bench.given_up(3)
    replay = bench.begin()
    assert await bench.replayer.turn() == pytest.approx(3 / 50)
    ((exchange, key, body),) = bench.publisher.published
    assert (exchange, key) == (DELIVER, f"retry.{shard_of(hook, 2)}")
    assert decode_deliveries(body).again
    assert bench.publisher.noted == [routed(event(f"e{number}"), [hook]) for number in range(3)]
    began_ms = NOW_MS + 100_000
    assert bench.publisher.deliveries() == [
        (f"e{at}", Delivery(at, hook, attempt=5, first=5, began_ms=began_ms)) for at in range(3)
    ]
    done = bench.look(replay)
    assert (done.state, done.published, done.gone) == (ReplayState.COMPLETED, 3, 0)


async def test_a_replay_keeps_the_extras(bench: Bench) -> None:
    hook = add_hook(bench.store, "webhook1")
    told = structs.replace(event(), extras=Extras(actor="ci", backfilled=True))
    append(bench.store, frame([record(hook, attempt=4, outcome=Outcome.GIVEN_UP)], [told]))
    bench.begin()
    await bench.replayer.turn()
    ((_, _, body),) = bench.publisher.published
    assert decode_deliveries(body).events == [told]


async def test_a_replayed_delete_has_the_tags_that_went_with_it(bench: Bench) -> None:
    hook = add_hook(bench.store, "webhook1")
    body = b'{"id":"e1","target":{"digest":"sha256:a"},"request":{"id":"r1"}}'
    gone = structs.replace(event(), action="delete", tag="", body=msgspec.Raw(body))
    append(bench.store, frame([record(hook, attempt=4, outcome=Outcome.GIVEN_UP)], [gone]))
    told = [DeletedTag(gone.registry, "r1", gone.repository, each, NOW_MS) for each in ("v1", "v2")]
    bench.store.deleted_tags.tell(told)
    bench.begin()
    await bench.replayer.turn()
    ((_, _, frame_sent),) = bench.publisher.published
    assert decode_deliveries(frame_sent).events == [
        structs.replace(gone, extras=Extras(tags=("v1", "v2")))
    ]


async def test_no_more_a_second_than_the_rate(bench: Bench) -> None:
    bench.given_up(12)
    replay = bench.begin(rate=5)
    published = []
    for _ in range(8):
        bench.now += await bench.replayer.turn()
        published.append((bench.now, len(bench.publisher.deliveries())))
    for at, count in published:
        assert count <= 5 * (at - 100.0) + 5
    assert bench.look(replay).state is ReplayState.COMPLETED
    assert [each for each, _ in bench.publisher.deliveries()] == [f"e{at}" for at in range(12)]


async def test_nothing_is_published_while_live_traffic_waits(bench: Bench) -> None:
    bench.given_up(1)
    replay = bench.begin()
    bench.depths.depth = replaying.MAX_WAITING + 1
    assert await bench.replayer.turn() == LOOK_S
    assert bench.publisher.published == []
    assert sorted(bench.depths.asked) == [
        "portcall.deliver.0", "portcall.deliver.1", "portcall.retry.0", "portcall.retry.1",
    ]  # fmt: skip
    bench.now += LOOK_S
    bench.depths.depth = replaying.MAX_WAITING
    await bench.replayer.turn()
    assert bench.look(replay).state is ReplayState.COMPLETED


@pytest.mark.parametrize("blind", [True, False], ids=["no depths", "no confirm"])
async def test_a_page_that_is_not_confirmed_is_done_again(bench: Bench, *, blind: bool) -> None:
    bench.given_up(2)
    replay = bench.begin()
    if blind:
        bench.depths.failure = BrokerError("away")
    else:
        bench.publisher.failures = [UnconfirmedError("lost")]
    assert await bench.replayer.turn() == LOOK_S
    assert bench.look(replay).position == 0
    bench.depths.failure = None
    bench.now += LOOK_S
    await bench.replayer.turn()
    assert len(bench.publisher.deliveries()) == 2
    assert bench.look(replay).state is ReplayState.COMPLETED


async def test_who_dies_after_a_page_leaves_that_page_to_be_done_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.given_up(6)
    bench.begin(rate=2)
    await bench.replayer.turn()
    bench.now += 1

    def die(*_: object, **__: object) -> bool:
        raise StoreUnavailableError("killed before the position moved")

    with monkeypatch.context() as patched:
        patched.setattr(bench.store.replays, "advance", die)
        await bench.replayer.turn()
    other = bench.another()
    bench.now += 1
    assert await other.turn() == LOOK_S  # the lease is the dead one's
    bench.now += replaying.LEASE_MS / 1000
    for _ in range(4):
        bench.now += await other.turn()
    ids = [each for each, _ in bench.publisher.deliveries()]
    assert ids == ["e0", "e1", "e2", "e3", "e2", "e3", "e4", "e5"]


async def test_who_stops_leaves_its_replays_at_once(bench: Bench) -> None:
    bench.given_up(6)
    bench.begin(rate=2)
    await bench.replayer.turn()
    await bench.replayer.stop()
    await bench.another().turn()
    assert [each for each, _ in bench.publisher.deliveries()] == ["e0", "e1", "e2", "e3"]


async def test_deliveries_of_disabled_webhooks_are_passed_over(bench: Bench) -> None:
    disabled, enabled = bench.given_up(2), bench.given_up(3, "webhook2")
    bench.store.webhooks.disable(disabled, "410", 1)
    replay = bench.begin()
    await bench.replayer.turn()
    assert {each.webhook_id for _, each in bench.publisher.deliveries()} == {enabled}
    done = bench.look(replay)
    assert (done.published, done.disabled, done.gone) == (3, 2, 0)


async def test_a_large_replay_does_not_hold_up_a_small_one(bench: Bench) -> None:
    bench.given_up(10)
    slow, quick = bench.begin(rate=1), bench.begin(rate=100)
    await bench.replayer.turn()
    assert (bench.look(slow).published, bench.look(quick).state) == (1, ReplayState.COMPLETED)


async def test_a_replay_that_is_cancelled_stops(bench: Bench) -> None:
    bench.given_up(4)
    replay = bench.begin(rate=2)
    await bench.replayer.turn()
    change = bench.store.replays.change
    change("myregistry", replay.id, ReplayState.CANCELLED, where=ReplayState.RUNNING, now_ms=1)
    bench.now += 5
    assert await bench.replayer.turn() == LOOK_S
    assert len(bench.publisher.deliveries()) == 2


def selected(number: int, size: int = 10) -> SelectedDelivery:
    body = b'"%b"' % (b"x" * size)
    return SelectedDelivery(number, event(f"e{number}", body=body), 7, 1, enabled=True)


def test_a_frame_has_each_event_once_and_no_more_than_it_may() -> None:
    twice = event("shared")
    both = [
        SelectedDelivery(1, twice, 7, 1, enabled=True),
        SelectedDelivery(2, twice, 8, 3, enabled=True),
    ]
    ((shared,),) = [[decode_deliveries(body) for body in frames_of(both, 5)]]
    assert len(shared.events) == 1
    assert [each.attempt for each in shared.deliveries] == [2, 4]
    many = [decode_deliveries(body) for body in frames_of([selected(n) for n in range(130)], 5)]
    assert [len(each.deliveries) for each in many] == [64, 64, 2]
    large = list(frames_of([selected(n, 100_000) for n in range(5)], 5))
    assert [len(decode_deliveries(body).events) for body in large] == [2, 2, 1]
    assert all(len(body) < MAX_BYTES for body in large)


def test_an_event_that_was_accepted_twice_stands_twice() -> None:
    first, again = event("e", accepted_ms=1), event("e", accepted_ms=2)
    chosen = [
        SelectedDelivery(n, each, 7, 1, enabled=True) for n, each in enumerate((first, again))
    ]
    ((found,),) = [[decode_deliveries(body) for body in frames_of(chosen, 5)]]
    assert [each.accepted_ms for each in found.events] == [1, 2]


async def test_the_store_is_asked_rarely_while_nothing_was_committed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims, claim = 0, bench.store.replays.claim

    def counted(holder: str, *, now_ms: int, lease_ms: int) -> list[Replay]:
        nonlocal claims
        claims += 1
        return list(claim(holder, now_ms=now_ms, lease_ms=lease_ms))

    monkeypatch.setattr(type(bench.store.replays), "claim", lambda _, *a, **b: counted(*a, **b))
    for _ in range(int(4 * AT_LEAST_S / LOOK_S)):
        assert await bench.replayer.turn() == LOOK_S
        bench.now += LOOK_S
    if bench.store.stamp() is not None:
        assert claims == 4
    bench.given_up(3)
    bench.begin()
    await bench.replayer.turn()
    assert len(bench.publisher.deliveries()) == 3, "a new replay is seen at the next look"
