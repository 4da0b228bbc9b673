"""What every store does with records."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec
import pytest
from sqlalchemy import func, select, update

from portcall.schemas.deliveries import delivery_id
from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from portcall.schemas.frames import RawRecordFrame
from portcall.schemas.records import Detail, Outcome, RawRecord
from portcall.store.database import tables
from portcall.store.engine import Store
from portcall.store.errors import PositionConflictError, UnstorableError
from portcall.store.records import pruning
from portcall.store.records.appending import Position
from portcall.store.records.event_log import ENDED
from tests.unit.store.samples import DETAIL, STREAM, empty_frame, event, frame, record

EXTRAS = Extras(kind="harbor", source="main", actor="José", platforms=("linux/arm64",))


def append(store: Store, *frames: RawRecordFrame) -> Position:
    """Append frames behind what is there, with offsets that follow."""
    position = store.eventlog.position(STREAM)
    first = position.offset + 1 if position else 0
    return store.eventlog.append(STREAM, position, list(enumerate(frames, first)))


def rows_in(store: Store, name: str) -> int:
    with store.database.reading() as connection:
        count: int = connection.execute(
            select(func.count()).select_from(tables.metadata.tables[name])
        ).scalar_one()
        return count


def attempts_of(store: Store, webhook_id: int = 7) -> list[int]:
    """The attempts in the log, newest first."""
    return [each.attempt for each in store.eventlog.page(webhook_id, before=None, limit=1000)]


class AppendingContract:
    def test_a_record_is_read_as_it_was_written(self, store: Store) -> None:
        frames = [frame([record(7, attempt=2, outcome=Outcome.RETRIED, started_ms=5)], [event()])]
        append(store, *frames)
        (stored,) = store.eventlog.page(7, before=None, limit=10)
        assert stored.event == event()
        assert stored.body == b'{"id":"event-1"}'
        assert (stored.webhook_id, stored.attempt, stored.outcome) == (7, 2, Outcome.RETRIED)
        assert (stored.status, stored.started_ms, stored.duration_us) == (200, 5, 1_500)
        assert stored.detail == DETAIL
        assert stored.delivery_id == delivery_id("event-1", 7)

    def test_extras_are_read_as_they_were_written(self, store: Store) -> None:
        told = msgspec.structs.replace(event("told"), extras=EXTRAS)
        append(store, frame([record(7)], [told]), frame([record(8)], [event("plain")]))
        (stored,) = store.eventlog.page(7, before=None, limit=10)
        (plain,) = store.eventlog.page(8, before=None, limit=10)
        assert (stored.extras, stored.event) == (EXTRAS, told)
        assert (plain.extras, plain.event) == (None, event("plain"))

    def test_an_event_that_lost_its_extras_on_the_way_is_the_same_event(self, store: Store) -> None:
        """As by a deliverer of an earlier version: the first frame that is stored decides."""
        told = msgspec.structs.replace(event(), extras=EXTRAS)
        append(store, frame([record(7)], [told]))
        append(store, frame([record(8)], [event()]))
        assert rows_in(store, "events") == 1
        (stored,) = store.eventlog.page(8, before=None, limit=10)
        assert stored.extras == EXTRAS

    def test_extras_that_cannot_be_read_hide_no_record(self, store: Store) -> None:
        append(store, frame())
        with store.database.writing() as connection:
            connection.execute(update(tables.events).values(extras=b'{"actor":7}'))
        (stored,) = store.eventlog.page(7, before=None, limit=10)
        assert stored.extras is None

    def test_a_new_log_has_no_position(self, store: Store) -> None:
        assert store.eventlog.position(STREAM) is None

    def test_the_position_is_that_of_the_last_frame(self, store: Store) -> None:
        frames = [(10, frame(frame_id="a")), (11, frame(frame_id="b"))]
        position = store.eventlog.append(STREAM, None, frames)
        assert position == Position(11, "b") == store.eventlog.position(STREAM)
        position = store.eventlog.append(STREAM, position, [(12, frame(frame_id="c"))])
        assert position == Position(12, "c") == store.eventlog.position(STREAM)
        assert store.eventlog.position("another") is None

    @pytest.mark.parametrize(
        "expected",
        [None, Position(9, "a"), Position(10, "b")],
        ids=["none", "another offset", "another frame"],
    )
    def test_whoever_expects_another_position_writes_nothing(
        self, store: Store, expected: Position | None
    ) -> None:
        store.eventlog.append(STREAM, None, [(10, frame(frame_id="a"))])
        with pytest.raises(PositionConflictError, match="not up to"):
            store.eventlog.append(STREAM, expected, [(11, frame())])
        assert store.eventlog.position(STREAM) == Position(10, "a")
        assert rows_in(store, "records") == 1

    def test_of_two_writers_one_wins(self, store: Store) -> None:
        first = append(store, frame())

        def write(number: int) -> bool:
            try:
                store.eventlog.append(STREAM, first, [(1, frame(frame_id=f"writer-{number}"))])
            except PositionConflictError:
                return False
            return True

        with ThreadPoolExecutor(6) as threads:
            assert sum(threads.map(write, range(6))) == 1
        assert rows_in(store, "records") == 2

    def test_to_append_the_same_again_does_no_harm(self, store: Store) -> None:
        """As after a commit whose answer was lost."""
        first = append(store, frame())
        frames = [(1, frame()), (2, frame())]
        position = store.eventlog.append(STREAM, first, frames)
        assert store.eventlog.append(STREAM, first, frames) == position
        assert rows_in(store, "records") == 3

    def test_a_frame_that_is_twice_in_the_stream_is_stored_once(self, store: Store) -> None:
        twice = frame(frame_id="twice")
        append(store, twice, frame(), twice)
        append(store, frame(), twice)
        assert rows_in(store, "records") == 3
        assert store.eventlog.position(STREAM) == Position(4, "twice")
        assert store.eventlog.known_frames(["twice", "never"]) == {"twice"}

    def test_a_stream_may_be_read_again_from_its_beginning(self, store: Store) -> None:
        frames = [(offset, frame()) for offset in range(20)]
        position = store.eventlog.append(STREAM, None, frames)
        back = store.eventlog.append(STREAM, position, frames[:7])
        assert back.offset == 6
        store.eventlog.append(STREAM, back, [*frames[7:], (20, frame())])
        assert rows_in(store, "records") == 21

    def test_a_frame_without_records_moves_the_position(self, store: Store) -> None:
        append(store, empty_frame("empty"))
        assert store.eventlog.position(STREAM) == Position(0, "empty")
        assert store.eventlog.known_frames(["empty"]) == {"empty"}

    def test_an_event_is_stored_once_however_many_records_it_has(self, store: Store) -> None:
        events = [event("one"), event("two")]
        append(
            store,
            frame([record(1, of=0), record(2, of=0), record(3, of=1)], events),
            frame([record(4, of=1)], events),
        )
        append(store, frame([record(1, attempt=2)], [event("one")]))
        assert rows_in(store, "records") == 5
        assert rows_in(store, "events") == 2
        assert [each.event_id for each in store.eventlog.page(1, before=None, limit=9)] == [
            "one"
        ] * 2

    def test_an_event_that_nothing_records_is_not_stored(self, store: Store) -> None:
        append(store, frame([record(of=1)], [event("one"), event("two")]))
        assert rows_in(store, "events") == 1

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param(event("same", body=b'{"other":1}'), id="another body"),
            pytest.param(event("same", accepted_ms=1_001), id="accepted again"),
        ],
    )
    def test_two_events_of_one_id_are_told_apart(self, store: Store, other: Event) -> None:
        append(store, frame([record(1)], [event("same")]), frame([record(2)], [other]))
        (first,) = store.eventlog.page(1, before=None, limit=9)
        (second,) = store.eventlog.page(2, before=None, limit=9)
        assert (first.event, second.event) == (event("same"), other)

    @pytest.mark.parametrize(
        "broken",
        [
            pytest.param(frame([record(2**63)]), id="a webhook id of 64 bits"),
            pytest.param(frame([record(started_ms=-(2**70))]), id="a time of 70 bits"),
            pytest.param(frame(events=[event("\ud800")]), id="a lone surrogate"),
            pytest.param(frame(events=[event("e" * 5_000)]), id="a long event id"),
            pytest.param(frame(frame_id="f" * 5_000), id="a long frame id"),
        ],
    )
    def test_what_no_column_holds_is_refused_as_a_whole(
        self, store: Store, broken: RawRecordFrame
    ) -> None:
        before = append(store, frame())
        with pytest.raises(UnstorableError):
            append(store, frame(), broken)
        assert store.eventlog.position(STREAM) == before
        assert rows_in(store, "records") == rows_in(store, "frames") == 1
        append(store, frame())

    def test_a_broken_detail_does_not_hide_other_records(self, store: Store) -> None:
        append(store, frame([record(detail=b'{"sent":5}'), record()]))
        good, bad = store.eventlog.page(7, before=None, limit=9)
        assert good.detail == DETAIL
        assert bad.detail.message.startswith("the stored detail cannot be read")

    def test_many_frames_at_once(self, store: Store) -> None:
        frames = [frame([record(1), record(2)], [event(f"e{i}")]) for i in range(1_200)]
        append(store, *frames, *frames)
        assert rows_in(store, "records") == 2_400
        assert rows_in(store, "events") == rows_in(store, "frames") == 1_200


class ReadingContract:
    def test_records_are_listed_newest_first_in_pages(self, store: Store) -> None:
        for attempt in range(1, 8):
            append(store, frame([record(7, attempt=attempt), record(8, attempt=100 + attempt)]))
        seen: list[int] = []
        before = None
        while page := store.eventlog.page(7, before=before, limit=3):
            assert len(page) <= 3
            seen += [each.attempt for each in page]
            before = page[-1].id
        assert seen == [7, 6, 5, 4, 3, 2, 1]

    def test_a_page_goes_on_where_the_last_ended_whatever_came_meanwhile(
        self, store: Store
    ) -> None:
        append(store, *(frame([record(attempt=attempt)]) for attempt in (1, 2, 3)))
        first = store.eventlog.page(7, before=None, limit=2)
        append(store, frame([record(attempt=4)]))
        second = store.eventlog.page(7, before=first[-1].id, limit=2)
        assert [each.attempt for each in [*first, *second]] == [3, 2, 1]

    @pytest.mark.parametrize("before", [0, -1, 2**63, 10**30])
    def test_any_number_may_be_asked_from(self, store: Store, before: int) -> None:
        append(store, frame())
        assert len(store.eventlog.page(7, before=before, limit=5)) == (before > 1)

    def test_records_of_an_event_are_oldest_first(self, store: Store) -> None:
        append(
            store,
            frame([record(1), record(2), record(3, of=1)], [event("one"), event("two")]),
            frame([record(1, attempt=2)], [event("one", accepted_ms=9)]),
        )
        found = store.eventlog.of_event("one", None)
        assert [(each.webhook_id, each.attempt) for each in found] == [(1, 1), (2, 1), (1, 2)]
        found = store.eventlog.of_event("one", [2, 3])
        assert [(each.webhook_id, each.attempt) for each in found] == [(2, 1)]
        assert store.eventlog.of_event("none", None) == []
        assert len(store.eventlog.of_event("one", None, limit=2)) == 2

    def test_it_knows_the_highest_attempt_of_deliveries(self, store: Store) -> None:
        retried = partial(record, outcome=Outcome.RETRIED)
        append(
            store,
            frame([retried(1), retried(1, attempt=3), retried(1, attempt=2)], [event("a")]),
            frame([retried(2), retried(1, of=1)], [event("a"), event("b")]),
            frame([retried(1, attempt=5)], [event("a", accepted_ms=2_000)]),
        )
        wanted = [
            ("a", 1_000, 1, 1),
            ("a", 1_000, 2, 1),
            ("a", 2_000, 1, 1),
            ("b", 1_000, 1, 1),
            ("b", 1_000, 2, 1),
            ("c", 1_000, 1, 1),
        ]
        assert store.eventlog.attempted(wanted) == {
            ("a", 1_000, 1, 1): 3,
            ("a", 1_000, 2, 1): 1,
            ("a", 2_000, 1, 1): 5,
            ("b", 1_000, 1, 1): 1,
        }
        assert store.eventlog.attempted([]) == {}

    @pytest.mark.parametrize("ending", [each for each in Outcome if each is not Outcome.RETRIED])
    def test_it_knows_which_deliveries_have_ended(self, store: Store, ending: Outcome) -> None:
        """A frame of a later attempt may come again when an earlier one's copy was delivered."""
        append(
            store,
            frame([record(attempt=2, outcome=ending)], [event("a")]),
            frame([record(attempt=3, outcome=Outcome.RETRIED)], [event("a")]),
            frame([record(8, attempt=1, outcome=Outcome.RETRIED)], [event("a")]),
        )
        found = store.eventlog.attempted([("a", 1_000, 7, 1), ("a", 1_000, 8, 1)])
        assert found == {("a", 1_000, 7, 1): ENDED, ("a", 1_000, 8, 1): 1}

    def test_what_ended_before_a_replay_does_not_end_it(self, store: Store) -> None:
        append(store, frame([record(attempt=3, outcome=Outcome.GIVEN_UP)], [event("a")]))
        replayed, first = ("a", 1_000, 7, 4), ("a", 1_000, 7, 1)
        assert store.eventlog.attempted([replayed, first]) == {replayed: 3, first: ENDED}
        append(store, frame([record(attempt=4, outcome=Outcome.RETRIED)], [event("a")]))
        assert store.eventlog.attempted([replayed]) == {replayed: 4}
        append(store, frame([record(attempt=5)], [event("a")]))
        assert store.eventlog.attempted([replayed]) == {replayed: ENDED}

    def test_it_knows_many_deliveries(self, store: Store) -> None:
        events = [event(f"e{i}") for i in range(1_100)]
        append(store, frame([record(i, of=i) for i in range(1, 1_100)], events))
        wanted = [(f"e{i}", 1_000, i, 1) for i in range(1_100)]
        assert store.eventlog.attempted(wanted) == dict.fromkeys(wanted[1:], ENDED)


class PruningContract:
    def test_what_began_before_the_time_goes_oldest_first(self, store: Store) -> None:
        append(store, *(frame([record(attempt=i, started_ms=i * 100)]) for i in range(1, 11)))
        assert store.eventlog.prune(650, limit=4) == 4
        assert attempts_of(store) == [10, 9, 8, 7, 6, 5]
        assert store.eventlog.prune(650, limit=4) == 2
        assert store.eventlog.prune(650, limit=4) == 0
        assert attempts_of(store) == [10, 9, 8, 7]

    def test_a_record_out_of_order_is_passed_over(self, store: Store) -> None:
        times = [100, 900, 200, 300]
        append(store, *(frame([record(attempt=each, started_ms=each)]) for each in times))
        assert store.eventlog.prune(500, limit=4) == 3
        assert attempts_of(store) == [900]

    def test_an_event_goes_with_its_last_record(self, store: Store) -> None:
        append(
            store,
            frame([record(1, started_ms=100), record(2, of=1, started_ms=100)], TWO),
            frame([record(1, attempt=2, started_ms=900)], TWO),
        )
        assert store.eventlog.prune(500, limit=100) == 2
        assert rows_in(store, "events") == 1
        (left,) = store.eventlog.page(1, before=None, limit=9)
        assert left.event == TWO[0]
        assert store.eventlog.prune(1_000, limit=100) == 1
        assert rows_in(store, "events") == 0

    def test_an_event_that_comes_back_after_it_went_is_stored_again(self, store: Store) -> None:
        append(store, frame([record(1, started_ms=100)]))
        store.eventlog.prune(500, limit=100)
        append(store, frame([record(1, attempt=2, started_ms=900)]))
        (left,) = store.eventlog.page(1, before=None, limit=9)
        assert left.event == event()

    def test_frame_ids_go_with_their_records_but_for_the_newest(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pruning, "KEPT_FRAMES", 3)
        ids = [f"id-{i}" for i in range(10)]
        append(store, *(frame([record(started_ms=100)], frame_id=each) for each in ids[:5]))
        append(store, *(frame([record(started_ms=900)], frame_id=each) for each in ids[5:]))
        store.eventlog.prune(500, limit=100)
        assert store.eventlog.known_frames(ids) == set(ids[5:])
        store.eventlog.prune(1_000, limit=100)
        assert store.eventlog.known_frames(ids) == set(ids[7:])

    def test_ids_go_on_growing_when_the_log_is_empty(self, store: Store) -> None:
        append(store, frame([record(started_ms=100)]))
        (before,) = store.eventlog.page(7, before=None, limit=1)
        store.eventlog.prune(500, limit=100)
        append(store, frame([record(started_ms=900)]))
        (after,) = store.eventlog.page(7, before=None, limit=1)
        assert after.id > before.id

    def test_no_record_loses_its_event_when_both_happen_at_once(self, store: Store) -> None:
        """The event of an expired record may be just what a new record refers to."""

        def retry(number: int) -> RawRecordFrame:
            old: RawRecord = record(number % 5, attempt=number, started_ms=number)
            return frame([old], [event(f"event-{number % 5}")])

        with ThreadPoolExecutor(1) as threads:
            writing = threads.submit(lambda: [append(store, retry(i)) for i in range(80)])
            pruned = 0
            while not writing.done():
                pruned += store.eventlog.prune(10_000, limit=3)
            writing.result()
        shown = sum(len(store.eventlog.page(i, before=None, limit=100)) for i in range(5))
        assert shown == rows_in(store, "records") == 80 - pruned


TWO = [event("one"), event("two")]


class DetailContract:
    @pytest.mark.parametrize(
        "message", ["", "héllo ✓", "nul \x00 in it", "quote ' and \\ and %s"], ids=repr
    )
    def test_any_text_comes_back(self, store: Store, message: str) -> None:
        detail = Detail(message=message)
        append(store, frame([record(detail=msgspec.json.encode(detail))]))
        assert store.eventlog.page(7, before=None, limit=1)[0].detail == detail
