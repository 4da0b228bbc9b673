"""A list has one row for each delivery, that of its newest attempt."""

from portcall.management.console.views.folding import Key, folded
from portcall.schemas.records import Outcome
from portcall.store.records.filters import RecordLine


def line(record_id: int, event_id: str, attempt: int = 1, accepted_ms: int = 5) -> RecordLine:
    return RecordLine(
        id=record_id,
        event_id=event_id,
        registry="myregistry",
        action="push",
        repository="team/app",
        tag="v1",
        accepted_ms=accepted_ms,
        webhook_id=7,
        attempt=attempt,
        outcome=Outcome.RETRIED,
        status=500,
        started_ms=record_id,
        duration_us=1,
    )


LINES = [line(9, "a", 3), line(8, "b", 1), line(7, "a", 2), line(6, "c", 2), line(5, "a", 1)]


def ids(lines: list[RecordLine]) -> list[int]:
    return [each.id for each in lines]


def test_the_newest_attempt_of_each_delivery_is_a_row() -> None:
    assert ids(folded(LINES)) == [9, 8, 6]


def test_an_event_that_was_accepted_twice_has_two_deliveries() -> None:
    assert ids(folded([line(9, "a", accepted_ms=6), line(8, "a", accepted_ms=5)])) == [9, 8]


def test_a_delivery_that_the_page_before_shows_is_not_shown_again() -> None:
    newest: dict[Key, int] = {("a", 5, 7): 12, ("b", 5, 7): 8, ("c", 5, 7): 10}
    assert ids(folded(LINES, before=10, newest=newest)) == [8]


def test_a_new_attempt_while_one_turns_pages_hides_only_what_the_page_before_shows() -> None:
    newest: dict[Key, int] = {("a", 5, 7): 9, ("b", 5, 7): 8, ("c", 5, 7): 6}
    assert ids(folded(LINES, before=10, newest=newest)) == [9, 8, 6]
