"""The rules that stand behind the topology, asserted of every exchange and queue."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.schemas.durations import parse_schedule_ms
from portcall.schemas.topology import (
    BASE_RUNGS_MS,
    DEAD,
    DELIVER,
    DELIVERY_LIMIT,
    EVENTS,
    EVENTS_IN,
    HEALTH,
    JOURNAL,
    LOG,
    SHARD_HEADER,
    UNROUTED,
    WEBHOOKS,
    Exchange,
    Queue,
    Topology,
    deliver_key,
    deliver_queue,
    event_key,
    retry_key,
    retry_queue,
    rungs_for,
    topology,
    wait_rung,
)

DAY_MS = 86_400_000
SCHEDULE_MS = parse_schedule_ms("1s,1s,2s,10s,1m,5m,30m,1h,3h,6h,12h,12h,24h")
WHOLE = topology(shards=3, rungs_ms=rungs_for(SCHEDULE_MS))
EXCHANGES = {exchange.name: exchange for exchange in WHOLE.exchanges}
QUEUES = {queue.name: queue for queue in WHOLE.queues}

each_exchange = pytest.mark.parametrize("exchange", WHOLE.exchanges, ids=lambda e: e.name)
each_queue = pytest.mark.parametrize("queue", WHOLE.queues, ids=lambda q: q.name)


def takes_everything(exchange: Exchange) -> bool:
    """Whether nothing that is published to *exchange* can be unroutable."""
    bound = [binding for binding in WHOLE.bindings if binding.exchange == exchange.name]
    caught = bool(bound) and (
        exchange.type == "fanout"
        or (exchange.type == "topic" and any(binding.key == "#" for binding in bound))
    )
    return caught or "alternate-exchange" in exchange.arguments


def test_the_names_are_those_of_the_contract() -> None:
    small = topology(shards=2, rungs_ms=(2_000, 60_000))
    assert {queue.name for queue in small.queues} == {
        "portcall.events.in",
        "portcall.coalesce",
        "portcall.deliver.0",
        "portcall.deliver.1",
        "portcall.retry.0",
        "portcall.retry.1",
        "portcall.wait.2s",
        "portcall.wait.1m",
        "portcall.log",
        "portcall.journal",
        "portcall.dead",
        "portcall.unrouted",
    }
    assert {exchange.name for exchange in small.exchanges} == {
        "portcall.events",
        "portcall.shards",
        "portcall.router",
        "portcall.deliver",
        "portcall.webhooks",
        "portcall.health",
        "portcall.wait.2s",
        "portcall.wait.1m",
        "portcall.log",
        "portcall.journal",
        "portcall.dead",
        "portcall.unrouted",
    }


def test_no_name_is_there_twice() -> None:
    assert len(EXCHANGES) == len(WHOLE.exchanges)
    assert len(QUEUES) == len(WHOLE.queues)
    assert len(set(WHOLE.bindings)) == len(WHOLE.bindings)


def test_an_exchange_is_declared_before_what_names_it() -> None:
    names = [exchange.name for exchange in WHOLE.exchanges]
    for exchange in WHOLE.exchanges:
        alternate = exchange.arguments.get("alternate-exchange")
        if alternate is not None:
            assert names.index(str(alternate)) < names.index(exchange.name)


def test_bindings_are_between_what_is_declared() -> None:
    for binding in WHOLE.bindings:
        assert binding.exchange in EXCHANGES
        assert binding.queue in QUEUES


@each_queue
def test_every_queue_is_bound(queue: Queue) -> None:
    assert [binding for binding in WHOLE.bindings if binding.queue == queue.name]


@each_exchange
def test_every_exchange_but_the_change_feed_takes_everything(exchange: Exchange) -> None:
    if exchange.name in (WEBHOOKS, HEALTH):
        assert not takes_everything(exchange)  # nobody may listen, and a hint may be lost
    else:
        assert takes_everything(exchange)


@each_queue
def test_what_dead_letters_does_so_surely(queue: Queue) -> None:
    target = queue.arguments.get("x-dead-letter-exchange")
    strategy = queue.arguments.get("x-dead-letter-strategy")
    assert (target is None) is (strategy is None)
    if target is not None:
        assert strategy == "at-least-once"
        assert queue.arguments["x-queue-type"] == "quorum"
        assert queue.arguments["x-overflow"] == "reject-publish"
        assert takes_everything(EXCHANGES[str(target)])


@each_queue
def test_no_queue_goes_away_by_itself_or_moves_a_message_to_another_key(queue: Queue) -> None:
    assert "x-expires" not in queue.arguments
    assert "x-dead-letter-routing-key" not in queue.arguments


@each_queue
def test_every_queue_is_bounded_and_refuses_rather_than_drops(queue: Queue) -> None:
    assert int(queue.arguments["x-max-length-bytes"]) >= 2**30
    if queue.name not in {LOG, JOURNAL}:
        assert queue.arguments["x-queue-type"] == "quorum"
        assert queue.arguments["x-overflow"] == "reject-publish"


@each_queue
def test_only_a_rung_has_a_time_to_live(queue: Queue) -> None:
    rungs = {wait_rung(rung_ms): rung_ms for rung_ms in rungs_for(SCHEDULE_MS)}
    assert queue.arguments.get("x-message-ttl") == rungs.get(queue.name)
    if queue.name in rungs:
        assert queue.arguments["x-dead-letter-exchange"] == DELIVER


@pytest.mark.parametrize("name", [EVENTS_IN, deliver_queue(0), retry_queue(2)])
def test_what_is_delivered_too_often_is_a_dead_letter(name: str) -> None:
    assert QUEUES[name].arguments["x-delivery-limit"] == DELIVERY_LIMIT > 20
    assert QUEUES[name].arguments["x-dead-letter-exchange"] == DEAD


def test_every_quorum_queue_has_a_delivery_limit_of_its_own() -> None:
    quorum = [queue for queue in WHOLE.queues if queue.arguments["x-queue-type"] == "quorum"]
    assert min(int(queue.arguments["x-delivery-limit"]) for queue in quorum) > 20


def test_a_rung_of_an_earlier_release_has_no_delivery_limit() -> None:
    for queue in WHOLE.queues:
        is_rung = queue.name.startswith("portcall.wait.")
        expected = {k: v for k, v in queue.arguments.items() if k != "x-delivery-limit"}
        assert queue.earlier == (expected if is_rung else {})


@pytest.mark.parametrize("name", [LOG, JOURNAL])
def test_results_and_notes_are_streams_in_small_segments(name: str) -> None:
    assert QUEUES[name].arguments == {
        "x-queue-type": "stream",
        "x-max-age": "7D",
        "x-max-length-bytes": 8 * 2**30,
        "x-stream-max-segment-size-bytes": 100_000_000,
    }


def routed(whole: Topology, exchange: str, key: str) -> list[str]:
    bindings = [binding for binding in whole.bindings if binding.exchange == exchange]
    return [binding.queue for binding in bindings if binding.key in (key, "#")]


def sorted_by(whole: Topology, headers: dict[str, str]) -> list[str]:
    """The queues of ours that get a message that is published to EVENTS."""
    [relay] = whole.relays
    assert (relay.source, relay.key) == (EVENTS, "#")
    found = [
        binding.queue
        for binding in whole.bindings
        if binding.exchange == relay.destination
        and dict(binding.headers).items() <= headers.items()
    ]
    alternate = EXCHANGES[relay.destination].arguments["alternate-exchange"]
    return found or routed(whole, str(alternate), "")


@pytest.mark.parametrize("shard", range(3))
def test_a_shards_keys_lead_to_its_two_queues(shard: int) -> None:
    assert routed(WHOLE, DELIVER, deliver_key(shard)) == [f"portcall.deliver.{shard}"]
    assert routed(WHOLE, DELIVER, retry_key(shard)) == [f"portcall.retry.{shard}"]


def test_a_key_of_no_shard_is_caught() -> None:
    assert routed(WHOLE, DELIVER, deliver_key(3)) == []
    assert EXCHANGES[DELIVER].arguments["alternate-exchange"] == UNROUTED


def test_events_of_every_registry_and_action_come_in() -> None:
    assert event_key("myregistry", "chart_push") == "myregistry.chart_push"
    assert routed(WHOLE, EVENTS, event_key("myregistry", "push")) == []
    assert sorted_by(WHOLE, {}) == sorted_by(WHOLE, {SHARD_HEADER: "3"}) == [EVENTS_IN]


@pytest.mark.parametrize("shard", range(3))
def test_a_frame_that_names_a_shard_goes_to_that_shards_queue_alone(shard: int) -> None:
    assert sorted_by(WHOLE, {SHARD_HEADER: str(shard)}) == [deliver_queue(shard)]


def test_what_an_older_build_bound_is_removed() -> None:
    assert not set(WHOLE.obsolete) & set(WHOLE.bindings)
    assert [(each.exchange, each.queue, each.key) for each in WHOLE.obsolete] == [
        (EVENTS, EVENTS_IN, "#")
    ]


@pytest.mark.parametrize(
    ("schedule", "rungs_ms"),
    [
        pytest.param("", BASE_RUNGS_MS, id="no retries"),
        pytest.param("10s,1m", BASE_RUNGS_MS, id="delays that have a rung"),
        pytest.param("24h", BASE_RUNGS_MS, id="a delay beyond the longest rung"),
        pytest.param("100ms", (100, *BASE_RUNGS_MS), id="a delay below the shortest rung"),
        pytest.param(
            "2s,1s,1s", (500, 1_000, *BASE_RUNGS_MS[1:]), id="a delay between, twice, unordered"
        ),
    ],
)
def test_the_ladder_has_a_rung_for_each_delay(schedule: str, rungs_ms: tuple[int, ...]) -> None:
    assert rungs_for(parse_schedule_ms(schedule)) == rungs_ms


@given(st.lists(st.integers(100, DAY_MS), max_size=50))
def test_rungs_ascend_under_names_of_their_own(schedule_ms: list[int]) -> None:
    rungs_ms = rungs_for(schedule_ms)
    assert list(rungs_ms) == sorted(set(rungs_ms))
    assert len({wait_rung(rung_ms) for rung_ms in rungs_ms}) == len(rungs_ms)
    assert all(delay_ms in rungs_ms for delay_ms in schedule_ms if delay_ms <= BASE_RUNGS_MS[-1])
