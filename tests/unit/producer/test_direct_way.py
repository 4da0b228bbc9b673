"""What a producer looks at because of its direct way."""

from portcall.producer.direct_way import filled_queues
from portcall.schemas.topology import EVENTS, EVENTS_IN, topology


def test_the_shards_queues_are_looked_at_with_a_direct_way_only() -> None:
    wanted = topology(shards=2, rungs_ms=(1_000,))
    assert set(filled_queues(wanted, 0)) == {EVENTS_IN}
    found = filled_queues(wanted, 1)
    assert set(found) == {EVENTS_IN, "portcall.deliver.0", "portcall.deliver.1"}
    assert {each.exchange for each in found.values()} == {EVENTS}
