"""Sources: which POSTs come of which times, faults and outages."""

import json
from collections import defaultdict
from itertools import pairwise

import pytest
from msgspec.structs import replace

from portcall.loadtest.faults.kinds import AT_ONCE_S, BY_NAME, LATER_S, WINDOW_S
from portcall.loadtest.payloads.facts import FactMix
from portcall.loadtest.payloads.formats import find_format
from portcall.loadtest.plan import Planned, Wants
from portcall.loadtest.send.retrying import Outage, Policy
from portcall.loadtest.sink.verifying import SinkKeys, objection
from tests.unit.loadtest.samples import BEGAN_US, SECRET, deliveries, outcome

TIMES = [number / 100 for number in range(300)]
NOW = 1_772_619_640.5
TRUST = SinkKeys.of([SECRET])


def lower(planned: Planned, now_s: float = NOW) -> dict[str, str]:
    return {name.lower(): value for name, value in planned.sign(now_s)}


def believed(planned: Planned) -> bool:
    return not objection(TRUST, lower(planned), planned.body, NOW)


def by_delivery(posts: list[Planned]) -> dict[str, list[Planned]]:
    found = defaultdict(list)
    for planned in posts:
        found[planned.delivery_id].append(planned)
    return found


def test_without_faults_each_time_has_one_right_post() -> None:
    source = deliveries(TIMES)
    posts = list(source)
    assert [planned.at_s for planned in posts] == TIMES
    assert all(believed(planned) for planned in posts)
    assert len(source.ledger.entries) == len(posts)
    headers = lower(posts[0])
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["webhook-id"] == posts[0].delivery_id == json.loads(posts[0].body)["id"]


@pytest.mark.parametrize("name", BY_NAME)
def test_posts_come_in_the_order_of_their_times_and_none_is_early(name: str) -> None:
    posts = list(deliveries(TIMES[:60], faults={name: 1.0}))
    assert all(first.at_s <= second.at_s for first, second in pairwise(posts))
    assert {planned.fault for planned in posts} == {name}


def test_the_same_seed_makes_the_same_posts() -> None:
    def made(seed: int) -> list[tuple[float, str, str, bytes]]:
        faults = {"duplicate": 0.2, "stale-push": 0.2, "truncated-json": 0.2}
        return [
            (planned.at_s, planned.delivery_id, planned.fault, planned.body)
            for planned in deliveries(TIMES, seed=seed, faults=faults)
        ]

    assert made(1) == made(1)
    assert made(1) != made(2)


@pytest.mark.parametrize(
    ("name", "after_s"),
    [("duplicate", LATER_S), ("duplicate-concurrent", AT_ONCE_S), ("duplicate-resigned", LATER_S)],
)
def test_a_duplicate_is_the_same_delivery_again(name: str, after_s: tuple[float, float]) -> None:
    for posts in by_delivery(list(deliveries(TIMES, faults={name: 1.0}))).values():
        first, again = posts
        assert first.body == again.body
        assert after_s[0] <= again.at_s - first.at_s <= after_s[1]
        headers, later = lower(first), lower(again, NOW + 2)
        assert believed(first)
        if name == "duplicate-resigned":
            assert again.attempt == 2
            assert int(later["webhook-timestamp"]) - int(headers["webhook-timestamp"]) == 2
            assert later["webhook-signature"] != headers["webhook-signature"]
        else:
            assert later == headers


@pytest.mark.parametrize(("name", "action"), [("stale-push", "delete"), ("late-retry", "push")])
@pytest.mark.parametrize("payload", ["acr", "harbor"])
def test_what_is_newer_comes_first(name: str, action: str, payload: str) -> None:
    chosen = find_format(payload)
    source = deliveries(TIMES[:50], faults={name: 1.0}, payload=chosen)
    posts = sorted(source, key=lambda planned: source.ledger.entries[planned.delivery_id].rank)
    entries = source.ledger.entries
    by_key: dict[str, list[Planned]] = defaultdict(list)
    assert len(posts) == 100
    for planned in posts:
        for key in entries[planned.delivery_id].keys:
            by_key[key].append(planned)
    overtaken = 0
    for late in posts:
        for key in entries[late.delivery_id].keys:
            overtaken += any(
                newer.action == action
                and newer.at_s < late.at_s
                and entries[newer.delivery_id].rank > entries[late.delivery_id].rank
                for newer in by_key[key]
            )
    assert overtaken >= 50


def test_what_is_swapped_is_late() -> None:
    posts = list(deliveries([0.0, 5.0], faults={"swapped": 1.0}))
    assert [WINDOW_S[0] <= planned.at_s % 5 <= WINDOW_S[1] for planned in posts] == [True, True]


def test_what_is_swapped_is_as_late_as_told() -> None:
    made = deliveries([0.0, 5.0], faults={"swapped": 1.0})
    made.traffic = replace(made.traffic, swap_within_s=(2.0, 3.0))
    assert [2 <= planned.at_s % 5 <= 3 for planned in made] == [True, True]


@pytest.mark.parametrize(
    "name",
    [
        "wrong-signature",
        "missing-signature",
        "malformed-signature",
        "expired",
        "future",
        "tampered",
    ],
)
def test_forged_posts_are_not_to_be_believed(name: str) -> None:
    for planned in deliveries(TIMES[:30], faults={name: 1.0}):
        assert not believed(planned)
        assert planned.wants is Wants.REFUSED


@pytest.mark.parametrize("name", ["rotated", "truncated-json", "duplicate-keys", "huge-1mb"])
def test_spoilt_posts_are_rightly_signed(name: str) -> None:
    assert all(believed(planned) for planned in deliveries(TIMES[:2], faults={name: 1.0}))


def test_malformed_headers_come_in_turn() -> None:
    posts = deliveries(TIMES[:13], faults={"malformed-signature": 1.0})
    assert (
        len({(each["webhook-signature"], each["webhook-timestamp"]) for each in map(lower, posts)})
        == 13
    )


def test_another_content_type_and_an_expectation_are_headers() -> None:
    (plain,) = deliveries([0.0], faults={"wrong-content-type": 1.0})
    assert lower(plain)["content-type"] == "text/plain"
    (expecting,) = deliveries([0.0], faults={"expect-continue": 1.0})
    assert lower(expecting)["expect"] == "100-continue"
    assert expecting.transport.expect


def test_a_failed_post_is_tried_again_by_the_schedule() -> None:
    source = deliveries([0.0], policy=Policy((1000, 2000), jitter=False))
    (first,) = source
    (second,) = source.after(outcome(first, 503, at_s=0.5))
    assert (second.delivery_id, second.attempt) == (first.delivery_id, 2)
    assert second.at_s == pytest.approx(1.51)
    (third,) = source.after(outcome(second, 0))
    assert third.attempt == 3
    assert not list(source.after(outcome(third, 500)))
    assert not list(source.after(outcome(first, 200)))
    assert not list(source.after(outcome(first, 410)))


@pytest.mark.parametrize(
    ("policy", "after_s"),
    [
        (Policy((1000,), jitter=False), 5.0),
        (Policy((10_000,), jitter=False), 10.0),
        (Policy((60_000,), compression=60, jitter=False), 5.0),
        (Policy((1000,), jitter=False, heeds=False), 1.0),
    ],
    ids=["longer than the delay", "shorter", "the consumer's seconds are real", "not heeded"],
)
def test_retry_after_lengthens_a_delay(policy: Policy, after_s: float) -> None:
    source = deliveries([0.0], policy=policy)
    (first,) = source
    asked = replace(outcome(first, 429, at_s=1.0), retry_after_ms=5000)
    (second,) = source.after(asked)
    assert second.at_s - asked.done_s == pytest.approx(after_s)


def test_a_forged_post_is_not_tried_again() -> None:
    source = deliveries([0.0], policy=Policy((1000,)), faults={"wrong-signature": 1.0})
    (forged,) = source
    assert not list(source.after(outcome(forged, 500)))


@pytest.mark.parametrize("compression", [1.0, 10.0])
def test_time_can_run_faster(compression: float) -> None:
    source = deliveries([0.0], policy=Policy((10_000,), compression, jitter=False))
    (first,) = source
    (second,) = source.after(outcome(first, 500))
    assert second.at_s == pytest.approx(0.01 + 10 / compression)


def test_jitter_spreads_what_failed_together() -> None:
    source = deliveries(TIMES[:50], policy=Policy((10_000,)))
    times = {next(iter(source.after(outcome(each, 500, at_s=0.0)))).at_s for each in source}
    assert len(times) > 45
    assert all(10.5 <= at_s - 0.01 <= 11.01 for at_s in times)


def test_an_outage_holds_back_and_lets_go_by_the_schedule() -> None:
    """Events at 0 to 2.99 s, away from 1 to 2 s; tried again after 0.3 s and 0.9 s more."""
    policy = Policy((300, 900), jitter=False)
    source = deliveries(TIMES, policy=policy, outage=Outage(1.0, 2.0))
    posts = list(source)
    assert not [planned for planned in posts if 1.0 <= planned.at_s < 2.0]
    held = [planned for planned in posts if planned.attempt > 1]
    assert len(held) == 100
    assert source.given_up == 0
    numbers = {planned.attempt for planned in held}
    assert numbers == {2, 3}
    assert all(source.ledger.entries[planned.delivery_id].held for planned in held)


def test_what_the_schedule_does_not_bring_past_the_outage_is_given_up() -> None:
    source = deliveries(TIMES, policy=Policy((100,), jitter=False), outage=Outage(1.0, 2.0))
    posts = list(source)
    assert source.given_up == 90
    assert len(posts) == 210


def test_events_happen_at_their_planned_times() -> None:
    (post,) = deliveries([2.5], mix=FactMix({"ping": 1}))
    assert json.loads(post.body)["timestamp"] == "2026-03-04T10:20:32.6234560Z"
    assert BEGAN_US % 1_000_000 == 123_456


def test_a_replayed_delivery_is_right_first_and_an_hour_old_then() -> None:
    posts = list(deliveries(TIMES[:20], faults={"replayed": 1.0}))
    for first, second in by_delivery(posts).values():
        assert LATER_S[0] <= second.at_s - first.at_s <= LATER_S[1]
        assert believed(first)
        assert objection(TRUST, lower(second), second.body, NOW).endswith("minutes off")
        assert objection(TRUST, lower(second), second.body, NOW - 3600) == ""


@pytest.mark.parametrize("name", ["duplicate", "duplicate-resigned", "duplicate-concurrent"])
def test_duplicates_come_as_often_and_as_late_as_told(name: str) -> None:
    source = deliveries(TIMES[:20], faults={name: 1.0}, copies=3, copies_after_s=(5.0, 6.0))
    low, high = AT_ONCE_S if name == "duplicate-concurrent" else (5.0, 6.0)
    for posts in by_delivery(list(source)).values():
        assert len(posts) == 4
        first = min(posts, key=lambda planned: planned.at_s)
        late = [planned.at_s - first.at_s for planned in posts if planned is not first]
        assert all(low <= each <= high for each in late)


def test_bodies_are_padded_to_their_size_and_not_cut() -> None:
    (small,) = list(deliveries(TIMES[:1], size=10))
    (large,) = list(deliveries(TIMES[:1], size=5_000))
    assert 100 < len(small.body) < 5_000
    assert len(large.body) == 5_000
    assert json.loads(large.body)["id"] == large.delivery_id
    assert believed(large)
