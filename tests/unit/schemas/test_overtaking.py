"""A waiting delivery and its copy: each has another turn and its own standing."""

from msgspec.structs import replace

from portcall.schemas import examples
from portcall.schemas.deliveries import Delivery, delivery_id
from portcall.schemas.overtaking import Overtaken, Standing, copy_of, standings, turn_of

EVENT = examples.event()
WAITING = Delivery(event=0, webhook_id=7, attempt=3, not_before_ms=9, due_ms=9, parks=2)


def test_a_copy_is_the_same_attempt_without_a_wait() -> None:
    copy = copy_of(EVENT, WAITING)
    assert (copy.webhook_id, copy.attempt, copy.first) == (7, 3, WAITING.first)
    assert (copy.not_before_ms, copy.due_ms, copy.parks) == (0, 0, 0)


def test_a_copy_is_a_millisecond_younger() -> None:
    assert copy_of(EVENT, WAITING).began_ms == EVENT.accepted_ms + 1
    assert copy_of(EVENT, replace(WAITING, began_ms=500)).began_ms == 501


def test_a_turn_names_the_attempt_of_a_delivery() -> None:
    assert turn_of(EVENT, WAITING) == (
        delivery_id(EVENT.id, 7), EVENT.accepted_ms, 3, WAITING.first, 0,
    )  # fmt: skip


def test_what_waits_and_its_copy_have_a_standing_and_nothing_else_has() -> None:
    turn, copied = turn_of(EVENT, WAITING), turn_of(EVENT, copy_of(EVENT, WAITING))
    found = standings([Overtaken(turn, is_published=True)])
    assert found == {turn: Standing.OVERTAKEN, copied: Standing.OVERTAKES}
    assert standings([Overtaken(turn, is_published=False)])[turn] is Standing.DOUBTFUL
    assert standings([]) == {}
