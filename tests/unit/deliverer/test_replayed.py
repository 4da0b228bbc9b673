"""Deliveries whose schedule and age begin anew, probes, and the maximum age."""

import pytest
from msgspec.structs import replace

from portcall.deliverer.deliver import Deliverer
from portcall.deliverer.policy import ANY_AGE, Age, GiveUp, Retry, age_of, decide, outlived
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import PING
from portcall.schemas.frames import encode_deliveries
from portcall.schemas.records import Outcome
from portcall.schemas.topology import DEAD
from portcall.schemas.webhooks import Cause, Status
from tests.unit.deliverer.deliver.bench import WAIT_10S, Bench, bench
from tests.unit.deliverer.samples import NOW_MS, answered, delivery, event, frame, webhook

ACCEPTED_MS = NOW_MS - 5
GONE = webhook(status=Status.DISABLED, cause=Cause.GONE)


def limited(each: Bench, max_age_ms: int) -> Deliverer:
    each.deliverer._rules = replace(each.deliverer._rules, max_age_ms=max_age_ms)
    return each.deliverer


async def test_a_replayed_delivery_begins_its_schedule_anew_and_counts_on() -> None:
    each = bench(answered(500))
    replayed = Delivery(0, 7, attempt=12, first=12, began_ms=NOW_MS)
    await each.handle(frame(replayed))
    assert each.outcomes() == [(7, 12, Outcome.RETRIED)]
    ((retried,),) = [waiting.deliveries for waiting in each.broker.deliveries(WAIT_10S)]
    assert (retried.attempt, retried.first, retried.began_ms) == (13, 12, NOW_MS)


async def test_a_replayed_delivery_is_given_up_after_as_many_attempts_as_any() -> None:
    each = bench(answered(500))
    await each.handle(frame(Delivery(0, 7, attempt=14, first=12)))
    assert each.outcomes() == [(7, 14, Outcome.GIVEN_UP)]


@pytest.mark.parametrize(("recorded", "posts"), [(11, 1), (12, 0)], ids=["ended", "attempted"])
async def test_the_log_is_asked_about_the_replay_and_not_what_was_before(
    recorded: int, posts: int
) -> None:
    each = bench()
    key = ("e1", ACCEPTED_MS, 7, 12)
    each.store.recorded[key] = recorded
    await each.handle(
        encode_deliveries([event()], [Delivery(0, 7, attempt=12, first=12)], again=True)
    )
    assert each.store.asked == [key]
    assert len(each.sender.requests) == posts


async def test_what_was_replayed_stays_so_when_it_is_parked_and_put_back() -> None:
    each = bench()
    each.deliverer.stop()
    replayed = Delivery(0, 7, attempt=12, first=12, began_ms=5)
    await each.handle(frame(replayed))
    ((back,),) = [given.deliveries for given in each.broker.deliveries("portcall.deliver")]
    assert back == replayed
    assert each.broker.published[0][1] == "retry.0"


# -- probes


async def test_a_probe_that_is_answered_enables_the_webhook() -> None:
    each = bench(webhooks=[GONE])
    ping = event(action=PING)
    await each.handle(frame(Delivery(0, 7, probe=True), events=[ping]))
    assert each.store_enabled == [7]
    assert each.outcomes() == [(7, 1, Outcome.DELIVERED)]


async def test_a_probe_that_fails_changes_nothing() -> None:
    each = bench(answered(503), webhooks=[GONE])
    await each.handle(frame(Delivery(0, 7, probe=True), events=[event(action=PING)]))
    assert each.store_enabled == []
    assert each.outcomes() == [(7, 1, Outcome.GIVEN_UP)]


@pytest.mark.parametrize(
    ("cause", "probe"),
    [(Cause.OWNER, True), (Cause.GONE, False), (Cause.FAILING, False)],
    ids=["a probe after its owner disabled it", "no probe: gone", "no probe: failing"],
)
async def test_nothing_else_is_posted_to_a_disabled_webhook(cause: Cause, *, probe: bool) -> None:
    each = bench(webhooks=[webhook(status=Status.DISABLED, cause=cause)])
    await each.handle(frame(Delivery(0, 7, probe=probe)))
    assert each.sender.requests == []
    assert each.outcomes() == [(7, 1, Outcome.CANCELLED)]


# -- the maximum age


@pytest.mark.parametrize(
    ("limit_ms", "decision"),
    [
        pytest.param(10_004, GiveUp, id="the retry would be too late"),
        pytest.param(10_005, Retry, id="the retry is just in time"),
        pytest.param(0, Retry, id="no limit"),
    ],
)
def test_a_retry_that_would_be_too_old_is_not_made(limit_ms: int, decision: type) -> None:
    age = age_of(delivery(), event(), None, limit_ms)
    made = decide(answered(500), 1, (10_000,), now_ms=NOW_MS, chance=0.0, age=age)
    assert isinstance(made, decision)
    if isinstance(made, GiveUp):
        assert made.reason.startswith("it would be older than 10004ms, the maximum age: ")


@pytest.mark.parametrize(
    ("own_ms", "default_ms", "began_ms", "age"),
    [
        pytest.param(None, 0, 0, ANY_AGE, id="none"),
        pytest.param(None, 50, 0, Age(50, ACCEPTED_MS + 50), id="the installation's"),
        pytest.param(70, 50, 0, Age(70, ACCEPTED_MS + 70), id="its own"),
        pytest.param(0, 50, 0, ANY_AGE, id="its own: none"),
        pytest.param(None, 50, 9_000, Age(50, 9_050), id="a replay's time begins anew"),
    ],
)
def test_the_age_of_a_delivery(
    own_ms: int | None, default_ms: int, began_ms: int, age: Age
) -> None:
    assert age_of(Delivery(0, 7, began_ms=began_ms), event(), own_ms, default_ms) == age


@pytest.mark.parametrize(
    ("parks", "now_ms", "too_old"),
    [(1, 1_000, True), (1, 999, False), (0, 5_000, False)],
    ids=["parked and too old", "parked", "never parked: attempted, however late"],
)
def test_only_what_is_put_aside_outlives_its_age(parks: int, now_ms: int, *, too_old: bool) -> None:
    assert bool(outlived(delivery(parks=parks), Age(500, 1_000), now_ms)) is too_old
    assert outlived(delivery(parks=parks), ANY_AGE, now_ms) == ""


async def test_a_parked_delivery_that_is_too_old_is_given_up_without_an_attempt() -> None:
    each = bench()
    limited(each, 60_000)
    each.clock_ms[0] = ACCEPTED_MS + 60_000
    await each.handle(frame(delivery(parks=3)))
    assert each.sender.requests == []
    ((record,),) = [each.broker.records()]
    assert (record.outcome, record.attempt) == (Outcome.GIVEN_UP, 1)
    assert record.detail.message == "given up: it is older than 1m, the maximum age"
    assert each.broker.exchanges == [DEAD, "portcall.log"]


async def test_a_webhooks_own_age_goes_before_the_installations() -> None:
    each = bench(answered(500), webhooks=[webhook(max_age_ms=5_000)])
    limited(each, 86_400_000)
    await each.handle(frame(delivery()))
    assert each.outcomes() == [(7, 1, Outcome.GIVEN_UP)]
