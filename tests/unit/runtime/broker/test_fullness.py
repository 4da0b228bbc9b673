"""When queues count as nearly full, and which are looked at."""

import asyncio
from collections.abc import Collection

import pytest

from portcall.runtime.broker.fullness import (
    AT_LEAST_S,
    LOOK_S,
    Bounded,
    Fullness,
    bounded_queues,
)
from portcall.runtime.errors import BrokerError
from portcall.runtime.pacing import IDLE_AFTER_S
from portcall.schemas.topology import (
    DEAD,
    DELIVER,
    EVENTS,
    EVENTS_IN,
    GIB,
    JOURNAL,
    LOG,
    topology,
    wait_rung,
)


class Broker:
    """What waits in one queue, and how large messages are."""

    def __init__(self, *, size: float = 1_000) -> None:
        self.waiting: int | None = 0
        self.asked: list[str] = []
        self.size = size
        self.published = 0

    async def each_waiting(self, queues: Collection[str]) -> dict[str, int]:
        if self.waiting is None:
            raise BrokerError("away")
        self.asked += queues
        return dict.fromkeys(queues, self.waiting)

    def mean_bytes(self, exchange: str) -> float:
        return self.size if exchange == "e" else 0.0


def fullness(broker: Broker) -> Fullness:
    return Fullness(broker, broker, {"q": Bounded("e", 100_000)})


async def test_it_is_told_from_80_percent_on_until_it_is_below_70() -> None:
    broker = Broker()
    found = fullness(broker)
    told = []
    for broker.waiting in (79, 80, 75, 70, 69, 75, 99, 200):
        await found.look()
        told.append(found.problem)
    words = "queues are nearly full, and will refuse what is published: q "
    assert [text and text.removeprefix(words) for text in told] == [
        None, "80%", "75%", "70%", None, None, "99%", "100%",
    ]  # fmt: skip


async def test_what_was_known_stays_while_the_broker_does_not_say() -> None:
    broker = Broker()
    found = fullness(broker)
    broker.waiting = 90
    await found.look()
    broker.waiting = None
    with pytest.raises(BrokerError):
        await found.look()
    assert found.problem is not None


async def test_nothing_is_said_of_queues_where_nothing_was_published() -> None:
    broker = Broker(size=0)
    found = fullness(broker)
    broker.waiting = 1_000_000
    await found.look()
    assert found.problem is None
    assert broker.asked == [], "they need not be asked for"


async def test_only_queues_where_something_was_published_are_asked_for() -> None:
    broker = Broker()
    queues = {"q": Bounded("e", 100_000), "rung": Bounded("never", 100_000)}
    await Fullness(broker, broker, queues).look()
    assert broker.asked == ["q"]


async def test_queues_that_do_not_move_are_asked_for_rarely() -> None:
    broker, now = Broker(), 0.0
    found = Fullness(broker, broker, {"q": Bounded("e", 100_000)}, lambda: now)
    asked = []

    async def look() -> None:
        nonlocal now
        before = len(broker.asked)
        await found.look()
        asked.append(len(broker.asked) - before)
        now += LOOK_S

    broker.waiting = 3
    for _ in range(3):
        await look()
    assert asked == [1, 1, 0], "the second answer was that of the first"
    broker.published += 1
    broker.waiting = 90
    for _ in range(4):
        await look()
    assert asked[3:] == [1, 1, 0, 0]
    assert found.problem is not None
    broker.waiting = 0  # others have emptied it
    now += AT_LEAST_S
    await look()
    assert asked[-1] == 1
    assert found.problem is None


async def test_a_steady_look_knows_what_waits_whatever_was_published() -> None:
    broker = Broker(size=0)
    found = Fullness(broker, broker, {"q": Bounded("e", 100_000)}, is_steady=True)
    assert found.waiting("q", 10) == 1, "perhaps something, before the first answer"
    for broker.waiting in (0, 0, 0, 3):
        await found.look()
        assert found.waiting("q", 10) == broker.waiting
    assert broker.asked == ["q"] * 4
    assert found.problem is None


async def test_an_old_look_says_nothing_of_what_waits_and_is_soon_repeated() -> None:
    broker, now = Broker(size=0), 0.0
    found = Fullness(broker, broker, {"q": Bounded("e", 100_000)}, lambda: now, is_steady=True)
    await found.look()
    now += LOOK_S
    assert found.waiting("q", 3) == 0
    now += LOOK_S
    broker.waiting = None
    with pytest.raises(BrokerError):
        await found.look()
    assert found.waiting("q", 3) == 1, "no look since"
    broker.waiting = 0
    await found.look()
    assert found.waiting("q", 3) == 0


async def test_what_was_asked_counts_from_the_question() -> None:
    broker, now = Broker(size=0), 0.0

    class Slow:
        async def each_waiting(self, queues: Collection[str]) -> dict[str, int]:
            nonlocal now
            now += 4
            return dict.fromkeys(queues, 0)

    found = Fullness(Slow(), broker, {"q": Bounded("e", 100_000)}, lambda: now, is_steady=True)
    await found.look()
    assert found.waiting("q", 3) == 1


async def test_a_steady_look_becomes_rare_while_nothing_happens_until_what_waits_matters() -> None:
    broker, now = Broker(size=0), 0.0
    found = Fullness(broker, broker, {"q": Bounded("e", 100_000)}, lambda: now, is_steady=True)
    for _ in range(3):
        await found.look()
    now += IDLE_AFTER_S - 1
    await found.look()
    assert len(broker.asked) == 4
    now += 1
    await found.look()
    assert (len(broker.asked), found._activity.is_idle) == (4, True)
    assert found.waiting("q", 0.5) == 1
    await found.look()
    assert (len(broker.asked), found._activity.is_idle) == (5, False)


async def test_a_steady_look_is_soon_repeated_where_the_broker_did_not_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its first one comes before the connection is there."""
    monkeypatch.setattr("portcall.runtime.broker.fullness.LOOK_S", 0.001)
    broker = Broker(size=0)
    broker.waiting = None
    found = Fullness(broker, broker, {"q": Bounded("e", 100_000)}, is_steady=True)
    running = asyncio.ensure_future(found.run())
    await asyncio.sleep(0.01)
    broker.waiting = 0
    for _ in range(5_000):
        if not found.waiting("q", 10):
            break
        await asyncio.sleep(0.001)
    running.cancel()
    assert found.waiting("q", 10) == 0


async def test_a_broker_that_did_not_answer_is_asked_again() -> None:
    broker = Broker()
    found = fullness(broker)
    for _ in range(2):
        await found.look()
    broker.published += 1
    broker.waiting = None
    with pytest.raises(BrokerError):
        await found.look()
    broker.waiting = 90
    await found.look()
    assert found.problem is not None


async def test_what_is_published_elsewhere_once_does_not_count_as_use_for_ever() -> None:
    broker, now = Broker(size=0), 0.0
    found = Fullness(broker, broker, {"q": Bounded("e", 100_000)}, lambda: now)
    broker.published += 1
    await found.look()
    now += IDLE_AFTER_S
    await found.look()
    assert found._activity.is_idle


@pytest.mark.parametrize(
    ("exchanges", "queues"),
    [
        (
            {EVENTS},
            {EVENTS_IN: Bounded(EVENTS, GIB), "portcall.deliver.0": Bounded(EVENTS, GIB)},
        ),
        ({DEAD, LOG, JOURNAL}, {DEAD: Bounded(DEAD, 4 * GIB)}),
        ({wait_rung(1_000)}, {"portcall.wait.1s": Bounded("portcall.wait.1s", 2 * GIB)}),
        (
            {DELIVER},
            {
                "portcall.coalesce": Bounded(DELIVER, GIB),
                "portcall.deliver.0": Bounded(DELIVER, GIB),
                "portcall.retry.0": Bounded(DELIVER, GIB),
            },
        ),
    ],
    ids=["events", "streams refuse nothing", "rung", "deliveries"],
)
def test_looked_at_is_what_refuses_when_it_is_full(
    exchanges: set[str], queues: dict[str, Bounded]
) -> None:
    assert bounded_queues(topology(shards=1, rungs_ms=(1_000,)), exchanges) == queues
