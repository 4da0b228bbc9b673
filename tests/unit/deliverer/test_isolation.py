"""What the rules of isolation come to together, for endpoints of every kind; docs/isolation.md.

Pure simulation (see `world`): the real lanes, breaker, trial, pace and policy, by a clock of its own.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from portcall.deliverer.endpoints.breaker import MAX_OPEN_S, SPREAD
from portcall.deliverer.endpoints.lane import GROWTH_S, MIN_PACE
from tests.unit.deliverer.world import TIMEOUT_S, Endpoint, Post, Reply, World

TRIAL_S = MAX_OPEN_S * (1 + SPREAD) * (1 + 1 / 8) + 1
"""Between two trials at most: open for 36 s, and a wait for the kind whose turn it is."""
KINDS = 3
CHANCES = 70
"""Attempts after which an endpoint that takes one in ten has taken one, but for one in 1,600."""
RETRIES = 1_000
"""More than any delivery needs here. An endpoint that is up for 5 s of 50 can fail one of them 150
times: its breaker opens at 100 failures, so that in each outage all that is due is attempted."""
FAILED = Reply(503)
AWAY = (0.5, 40.0)
"""When the broker is away, and for how long."""


@dataclass(frozen=True)
class Pattern:
    """An endpoint that succeeds at least once in ten.

    Attributes:
        name: For the reports.
        endpoint: What it does.
        share: The share of attempts that succeed.
        each_s: How long an attempt takes on average, with the pause that it asks for.
        trials: After how many trials of the right kind it has succeeded.
        takes: Which deliveries it takes at all.
    """

    name: str
    endpoint: Endpoint
    share: float
    each_s: float = 0.01
    trials: int = 10
    takes: Callable[[int], bool] = lambda _: True

    def __repr__(self) -> str:
        return self.name


def periodic(every: int, each_s: float) -> Pattern:
    def endpoint(post: Post) -> Reply:
        return Reply(503 if post.number % every else 200, each_s)

    return Pattern(f"every {every}th, {each_s} s", endpoint, 1 / every, each_s)


def nth_attempt(first: int, each_s: float) -> Pattern:
    def endpoint(post: Post) -> Reply:
        return Reply(200 if post.attempt >= first else 503, each_s)

    return Pattern(f"at attempt {first}, {each_s} s", endpoint, 1 / first, each_s)


def at_random(percent: int, seed: int, each_s: float) -> Pattern:
    chance = Random(seed)  # noqa: S311 (a simulation)

    def endpoint(_: Post) -> Reply:
        return Reply(200 if chance.random() < percent / 100 else 503, each_s)

    return Pattern(f"{percent} % at random, seed {seed}", endpoint, percent / 100, each_s, CHANCES)


def by_body(every: int) -> Pattern:
    def endpoint(post: Post) -> Reply:
        return FAILED if post.delivery % every else Reply()

    return Pattern(
        f"one body in {every}",
        endpoint,
        1 / every,
        trials=CHANCES,
        takes=lambda delivery: not delivery % every,
    )


def hanging(every: int) -> Pattern:
    def endpoint(post: Post) -> Reply:
        return Reply() if not post.number % every else Reply(0)

    return Pattern(f"answers every {every}th, else hangs", endpoint, 1 / every, TIMEOUT_S)


def busy(every: int, retry_after_s: int) -> Pattern:
    def endpoint(post: Post) -> Reply:
        if post.number % every == 0:
            return Reply()
        return Reply(429, retry_after=str(retry_after_s) if retry_after_s else "")

    return Pattern(
        f"429 but for every {every}th, Retry-After {retry_after_s}",
        endpoint,
        1 / every,
        max(retry_after_s, 1) + 1,
    )


def bursts(up_s: int, down_part: int) -> Pattern:
    period_s = up_s * (1 + down_part)

    def endpoint(post: Post) -> Reply:
        return Reply() if post.at % period_s >= period_s - up_s else FAILED

    return Pattern(f"up {up_s} s of {period_s}", endpoint, up_s / period_s, 0.01, CHANCES)


PATTERNS = st.one_of(
    st.builds(periodic, st.integers(1, 10), st.sampled_from([0.005, 0.2])),
    st.builds(nth_attempt, st.integers(2, 10), st.sampled_from([0.005, 0.2])),
    st.builds(at_random, st.integers(10, 90), st.integers(0, 99), st.sampled_from([0.005, 0.2])),
    st.builds(by_body, st.integers(2, 10)),
    st.builds(hanging, st.integers(2, 5)),
    st.builds(busy, st.integers(2, 5), st.sampled_from([0, 3])),
    st.builds(bursts, st.sampled_from([1, 5, 20, 60]), st.integers(1, 9)),
)


def bound_s(pattern: Pattern, count: int, over_s: float, delay_s: float, attempts: int) -> float:
    """In what time *count* deliveries have ended that were published over a time.

    Five parts, each of which follows from what the endpoint answers:

    - it is found out that it succeeds: so many trials of each kind, at most `TRIAL_S` apart;
    - what had to wait comes back at the pace, which begins with one in two seconds and doubles
      every minute, or is the rate at which they were published; in the time that it is up;
    - the attempts, one at a time: an endpoint that mostly fails has a cap of one;
    - the retries of the delivery that needed most;
    - and half as much again, and two minutes, for turns that are booked a minute ahead.
    """
    found_s = KINDS * pattern.trials * TRIAL_S
    growing_s = GROWTH_S * math.log2(1 + count * math.log(2) / (GROWTH_S * MIN_PACE))
    pace_s = max(growing_s, over_s) / (pattern.share if "up" in pattern.name else 1)
    work_s = count / pattern.share * pattern.each_s
    retries_s = attempts * (1.1 * delay_s + 2)
    return over_s + found_s + 1.5 * (pace_s + work_s + retries_s) + 120


class Case(NamedTuple):
    """An endpoint, and what it is to get; `per_s` deliveries are published in a second."""

    pattern: Pattern
    deliveries: int
    per_s: float
    delay_s: float
    processes: int
    away: tuple[float, float] | None = None


CASES = st.builds(
    Case,
    pattern=PATTERNS,
    deliveries=st.sampled_from([20, 150, 311]),
    per_s=st.sampled_from([2.0, 20.0, 1_000.0]),
    delay_s=st.sampled_from([1.0, 10.0]),
    processes=st.sampled_from([1, 2]),
    away=st.sampled_from([None, AWAY]),
)


# The first example needed more than the 150 retries that there were. The others took up to 5 times
# as long: after news of a pause any delivery could try, a success closed no breaker of the other
# deliverer, whose failing trials had both wait, and first attempts used up what opens the breaker.
@given(CASES)
@settings(max_examples=40)
@example(Case(bursts(5, 9), 311, 2.0, 1.0, 2))
@example(Case(nth_attempt(10, 0.005), 311, 20.0, 10.0, 2))
@example(Case(nth_attempt(10, 0.005), 311, 2.0, 10.0, 1))
@example(Case(nth_attempt(10, 0.005), 311, 1_000.0, 10.0, 2, AWAY))
@example(Case(nth_attempt(9, 0.005), 150, 20.0, 10.0, 2, AWAY))
@example(Case(nth_attempt(10, 0.2), 150, 20.0, 10.0, 2))
@example(Case(nth_attempt(7, 0.2), 311, 20.0, 10.0, 2, AWAY))
@example(Case(nth_attempt(10, 0.2), 311, 20.0, 1.0, 2))
@example(Case(nth_attempt(10, 0.005), 20, 2.0, 10.0, 2, AWAY))
def test_what_succeeds_once_in_ten_is_drained_at_a_rate_that_follows_from_its_answers(
    case: Case,
) -> None:
    pattern, count, per_s, delay_s, processes, away = case
    world = World({7: pattern.endpoint}, schedule_s=[delay_s] * RETRIES, processes=processes)
    for number in range(count):
        world.publish(7, number / per_s)
    if away:
        world.broker_away(*away)
    wanted = {number for number in range(count) if pattern.takes(number)}
    world.run(until_ended=wanted, until=50_000)
    assert wanted <= world.ended.keys()
    assert {world.ended[number][1] for number in wanted} == {"delivered"}
    over_s = max(count / per_s, sum(away) if away else 0.0)
    attempts = max(post.attempt for _, post, _ in world.posts if post.delivery in wanted)
    took_s = max(world.ended[number][0] for number in wanted)
    assert took_s <= bound_s(pattern, count, over_s, delay_s, attempts)


@pytest.mark.parametrize("seed", range(4))
def test_an_outage_of_the_broker_opens_no_breaker(seed: int) -> None:
    """It took 148 to 684 s: three failures "over 40 s", and then trials with fresh deliveries."""
    world = World({7: nth_attempt(2, 0.005).endpoint}, seed=seed)
    for number in range(311):
        world.publish(7, number / 100 if number < 11 else 3 + (number - 11) / 300)
    world.broker_away(0.2, 40.0)
    assert world.run(until=1_000) < 41 + 10 * 1.1 + 2
    assert world.outcomes() == {"delivered": 311}
    assert not [process for process in world.processes if process.lanes.open_breakers]


@pytest.mark.parametrize("processes", [1, 2])
def test_a_trial_finds_out_that_the_fourth_attempt_succeeds(processes: int) -> None:
    """With trials of whatever came first it took two hours."""
    world = World({7: nth_attempt(4, 0.01).endpoint}, seed=1, processes=processes)
    for number in range(300):
        world.publish(7, number / 5)
    found_s = 3 * (KINDS * 3) * TRIAL_S * processes
    assert world.run(until=10_000) < 60 + 1.1 * (10 + 60 + 300) + found_s
    assert world.outcomes() == {"delivered": 300}


@pytest.mark.parametrize(
    ("reply", "per_s", "posts_before"),
    [
        pytest.param(FAILED, 5.0, 166, id="fails"),
        pytest.param(FAILED, 100.0, 415, id="fails at a burst"),
        pytest.param(Reply(0), 5.0, 86, id="hangs"),
        pytest.param(Reply(0), 100.0, 85, id="hangs at a burst"),
    ],
)
def test_a_dead_endpoint_costs_no_more_than_before(
    reply: Reply, per_s: float, posts_before: int
) -> None:
    """Before: as these rules were first, with trials that took whatever came first."""
    world = World({7: lambda _: reply}, seed=1)
    for number in range(300):
        world.publish(7, number / per_s)
    world.run(until=3_600)
    assert len(world.posts_to(7)) <= 1.03 * posts_before
    last = [post.at for post in world.posts_to(7) if post.at > 1_800]
    assert len(last) <= 1_800 / (MAX_OPEN_S * (1 - SPREAD))


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize(
    "sick", [pytest.param(FAILED, id="fails"), pytest.param(Reply(0), id="hangs")]
)
def test_a_dead_endpoint_that_heals_is_found_at_the_next_trial(sick: Reply, processes: int) -> None:
    healed = 1_800.0
    world = World(
        {7: lambda post: Reply() if post.at >= healed else sick}, seed=2, processes=processes
    )
    for number in range(300):
        world.publish(7, float(number * 6))
    world.run(until=healed + 600)
    well = [post.at for post in world.posts_to(7) if post.at >= healed]
    assert min(well) <= healed + TRIAL_S + TIMEOUT_S
    in_a_minute = sum(at <= min(well) + 60 for at in well)
    assert in_a_minute >= 10, "and then it gets what has waited"


@pytest.mark.parametrize(
    "sick", [pytest.param(FAILED, id="fail"), pytest.param(Reply(0), id="hang")]
)
def test_dead_endpoints_starve_no_sick_one_that_succeeds(sick: Reply) -> None:
    """They share a fifth of the process: 40 dead ones leave room to one that takes half."""
    dead: dict[int, Endpoint] = {number: lambda _: sick for number in range(100, 140)}
    world = World({7: nth_attempt(2, 0.05).endpoint, **dead}, seed=3, max_in_flight=50)
    for number in range(60):
        world.publish(7, number / 2)
        for webhook_id in dead:
            world.publish(webhook_id, number / 2)
    of_ours = {number for number in world.accepted if number % (len(dead) + 1) == 0}
    world.run(until_ended=of_ours, until=3_600)
    assert of_ours <= world.ended.keys()
    # Its trial, and parks of a minute at most while the dead have the fifth for themselves.
    assert max(world.ended[number][0] for number in of_ours) < 30 + KINDS * TRIAL_S + 5 * 60
