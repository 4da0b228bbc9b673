"""A few deliveries of a run again: the same POSTs, at once, in their distances."""

from itertools import islice

import pytest
from msgspec.structs import replace

from portcall.loadtest.faults.kinds import KINDS
from portcall.loadtest.payloads.facts import FactMix
from portcall.loadtest.plan import Planned
from portcall.loadtest.send.picked import Picked, picked
from portcall.loadtest.send.sources import Deliveries
from portcall.schemas.errors import InvalidValueError
from tests.unit.loadtest.samples import BEGAN_US, outcome, traffic

TIMES = [number / 10 for number in range(400)]
EVERY = {kind.name: 1 / len(KINDS) for kind in KINDS if kind.name != "huge-25mb"}
MIX = FactMix({"push": 3, "delete": 1, "ping": 1}, repositories=5)


def whole(began_us: int = BEGAN_US) -> Deliveries:
    return Deliveries(TIMES, traffic(faults=EVERY, mix=MIX), seed=4, began_us=began_us)


def shape(planned: Planned) -> tuple[object, ...]:
    return (planned.delivery_id, planned.action, planned.fault, planned.wants, planned.attempt)


def ids_of(fault: str) -> list[str]:
    return list(dict.fromkeys(each.delivery_id for each in whole() if each.fault == fault))


@pytest.mark.parametrize("fault", ["", *EVERY])
def test_the_same_seed_makes_the_same_posts_of_a_delivery(fault: str) -> None:
    chosen = ids_of(fault)[-1]
    before = [each for each in whole() if each.delivery_id == chosen]
    again = list(picked(whole, {chosen}, BEGAN_US))
    assert [shape(each) for each in again] == [shape(each) for each in before]
    assert again[0].at_s == 0
    assert [each.at_s for each in again] == pytest.approx(
        [each.at_s - before[0].at_s for each in before]
    )


def test_an_order_of_two_deliveries_stays() -> None:
    both = set(islice(ids_of("stale-push"), 2))
    before = [each for each in whole() if each.delivery_id in both]
    found = picked(whole, both, BEGAN_US)
    assert [each.delivery_id for each in found] == [each.delivery_id for each in before]
    assert set(found.deliveries.ledger.entries) == both
    assert len(found) == len(before)


def test_its_event_does_not_lie_in_the_future() -> None:
    chosen = ids_of("")[-1]
    late = next(each for each in whole() if each.delivery_id == chosen)
    assert late.at_s > 30
    (again,) = picked(whole, {chosen}, BEGAN_US)
    first = next(iter(Deliveries([0.0], traffic(), seed=1, began_us=BEGAN_US)))
    stamp = b'"timestamp":"2026-03-04T10:20:30'
    assert stamp in first.body
    assert stamp in again.body
    assert stamp not in late.body


def test_a_retry_follows_as_in_the_run() -> None:
    found = Picked(whole(), {ids_of("")[0]})
    (planned,) = found
    assert list(found.after(outcome(planned, 500))) == list(
        found.deliveries.after(outcome(planned, 500))
    )
    assert replace(planned, attempt=2).attempt == 2


def test_a_delivery_of_another_run_is_refused() -> None:
    with pytest.raises(InvalidValueError, match=r"--only.*nosuch.*--seed"):
        picked(whole, {"nosuch"}, BEGAN_US)


def test_only_actions_that_were_asked_for_are_owed() -> None:
    asked = Deliveries(TIMES, traffic(faults=EVERY), seed=4, began_us=BEGAN_US)
    list(asked)
    by_action = {each.action: each.owed for each in asked.ledger.entries.values()}
    assert by_action == {"push": True, "delete": False}
    everything = whole()
    list(everything)
    owed = {each.action: each.owed for each in everything.ledger.entries.values()}
    assert owed == {"push": True, "delete": True, "ping": False}
