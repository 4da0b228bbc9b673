"""What filters hold back is not sent, and noted with the filter's name."""

from portcall.runtime.metrics import REGISTRY
from portcall.schemas.filters import Filters
from portcall.schemas.journal import numbers
from tests.unit.router.samples import event
from tests.unit.router.worlds import World

TAGGED = Filters(tagged_only=True)


def held(world: World) -> list[dict[str, list[int]]]:
    return [
        {name: numbers(steps) for name, steps in (note.held or {}).items()}
        for published in world.publisher.noted
        for note in published.notes
    ]


def counted(name: str) -> float:
    found = REGISTRY.get_sample_value("portcall_deliveries_filtered_total", {"filter": name})
    return found or 0


async def test_only_webhooks_without_such_a_filter_get_it() -> None:
    world, before = World(), counted("taggedOnly")
    world.put(1)
    for webhook_id in (2, 3):
        world.put(webhook_id, TAGGED)
    await world.route(event("tagged"), event("bare", tag=""))
    assert sorted(world.publisher.pairs) == [
        ("bare", 1), ("tagged", 1), ("tagged", 2), ("tagged", 3),
    ]  # fmt: skip
    assert sorted(world.publisher.routed) == [("bare", [1]), ("tagged", [1, 2, 3])]
    assert held(world) == [{}, {"taggedOnly": [2, 3]}]
    assert counted("taggedOnly") - before == 2


async def test_an_event_that_every_filter_holds_back_is_noted() -> None:
    world = World()
    world.put(1, TAGGED)
    await world.route(event("bare", tag=""))
    assert world.publisher.pairs == []
    assert held(world) == [{"taggedOnly": [1]}]


async def test_a_change_of_the_filters_is_in_force_at_once() -> None:
    world = World()
    world.put(1, TAGGED)
    world.put(1)
    await world.route(event("bare", tag=""))
    world.put(1, TAGGED)
    world.holder.index.remove(1)
    assert world.holder.index.filters == {}
    assert world.publisher.pairs == [("bare", 1)]
