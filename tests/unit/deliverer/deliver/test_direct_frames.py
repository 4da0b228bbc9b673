"""Direct frames: no router has noted them."""

from portcall.runtime.broker.routed_notes import RoutedNotes
from portcall.schemas.frames import (
    decode_deliveries,
    decode_journal,
    encode_deliveries,
)
from portcall.schemas.journal import numbers
from portcall.schemas.records import Outcome
from portcall.schemas.topology import JOURNAL
from tests.unit.deliverer.deliver.bench import Bench, bench
from tests.unit.deliverer.samples import (
    delivery,
    event,
    frame,
    turns,
    webhook,
)


def direct(*webhook_ids: int) -> bytes:
    made = decode_deliveries(frame(*(delivery(webhook_id) for webhook_id in webhook_ids)))
    return encode_deliveries(made.events, made.deliveries, direct=True)


def noted(bench: Bench) -> list[tuple[str, list[int]]]:
    frames = [decode_journal(body) for to, _, body, _ in bench.broker.published if to == JOURNAL]
    return [(each.event_id, numbers(each.webhooks or [])) for one in frames for each in one.notes]


async def test_a_direct_frame_is_noted_with_its_webhooks_and_another_is_not() -> None:
    made = bench(webhooks=(webhook(1), webhook(2)))
    await made.handle(direct(1, 2))
    assert noted(made) == [(event().id, [1, 2])]
    assert made.outcomes() == [(1, 1, Outcome.DELIVERED), (2, 1, Outcome.DELIVERED)]
    await made.handle(frame(delivery(1)))
    assert len(noted(made)) == 1


async def test_a_direct_frame_is_settled_only_after_its_note() -> None:
    made = bench(holding=True)
    task = made.begin(direct(1))
    await turns()
    assert JOURNAL in made.broker.exchanges
    assert not task.done()
    made.broker.confirm()
    await task


async def test_a_redelivered_direct_frame_is_noted_again_also_if_all_of_it_was_attempted() -> None:
    made = bench()
    made.store.recorded = {(event().id, event().accepted_ms, 1, 1): 1}
    await made.handle(direct(1), redeliveries=1)
    assert (made.sender.requests, noted(made)) == ([], [(event().id, [1])])


async def test_notes_wait_for_others_until_the_process_stops() -> None:
    made = bench()
    made.deliverer._notes = RoutedNotes(made.broker, max_held=100)
    task = made.begin(direct(1))
    await turns()
    assert noted(made) == []
    made.deliverer.stop()
    await task
    assert noted(made) == [(event().id, [1])]
