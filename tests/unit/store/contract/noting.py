"""What every store does with notes, in any order, and what it finds of lost deliveries."""

import itertools
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from portcall.schemas.filters import COALESCE, COALESCING, Facts
from portcall.schemas.frames import decode_raw_journal, encode_journal
from portcall.schemas.journal import accepted, digest_of, routed
from portcall.schemas.records import Outcome
from portcall.schemas.topology import JOURNAL
from portcall.store.engine import Store
from portcall.store.errors import PositionConflictError, UnstorableError
from portcall.store.journal.accounts import MAX_SUSPECTS, Doubt
from portcall.store.journal.entries import ENTERED_FRAMES
from portcall.store.records.appending import Position
from portcall.store.records.lost import LostDelivery
from tests.unit.store.contract.eventlog import append, rows_in
from tests.unit.store.contract.notes import (
    HOOK,
    LATER,
    T,
    enter,
    event,
    note,
    only,
    read,
    record_of,
    settle,
    take,
)
from tests.unit.store.samples import frame, record


class LostContract:
    def lost(self, of: Event, webhook_id: int) -> LostDelivery:
        return LostDelivery(of.id, digest_of(of).hex(), webhook_id)

    def test_a_delivery_continues_at_its_last_attempt(self, store: Store) -> None:
        of = event("e")
        first = record(HOOK, outcome=Outcome.RETRIED, attempt=1)
        second = record(HOOK, outcome=Outcome.RETRIED, attempt=2)
        append(store, frame([first], [of]))
        append(store, frame([second], [of]))
        wanted = self.lost(of, HOOK)
        found = store.lost.find([wanted])[wanted]
        assert (found.event, found.webhook_id, found.attempt) == (of, HOOK, 2)

    def test_a_delivery_without_a_record_has_the_event_of_another(self, store: Store) -> None:
        of = event("e")
        record_of(store, of, (HOOK, Outcome.DELIVERED))
        wanted = self.lost(of, HOOK + 1)
        found = store.lost.find([wanted])[wanted]
        assert (found.event, found.webhook_id, found.attempt) == (of, HOOK + 1, 0)

    def test_an_event_without_a_record_is_not_found(self, store: Store) -> None:
        record_of(store, event("other"), (HOOK, Outcome.DELIVERED))
        assert store.lost.find([self.lost(event("e"), HOOK)]) == {}

    def test_another_event_of_the_same_id_is_not_taken(self, store: Store) -> None:
        record_of(store, event("e", accepted_ms=T + 1), (HOOK, Outcome.RETRIED))
        assert store.lost.find([self.lost(event("e"), HOOK)]) == {}

    def test_more_suspects_are_named_on_request(self, store: Store) -> None:
        count = MAX_SUSPECTS + 5
        note(store, *(accepted(event(f"e{number}")) for number in range(count)))
        found = store.journal.accounts(horizon_ms=0, before_ms=LATER, suspects=count)
        assert len(found.suspects) == count
        assert len(read(store, before_ms=LATER).suspects) == MAX_SUSPECTS


class NotingContract:
    def test_an_accepted_event_waits_for_a_router(self, store: Store) -> None:
        note(store, accepted(event("e")))
        account = only(read(store))
        assert (account.events, account.accepted) == (1, 1)
        assert account.open == {Doubt.NOT_ROUTED: 1}

    def test_a_routed_event_is_as_many_deliveries(self, store: Store) -> None:
        note(store, accepted(event("e")), routed(event("e"), [HOOK + 9, HOOK + 1]))
        account = only(read(store))
        assert (account.events, account.accepted, account.no_match) == (1, 2, 0)
        assert +account.open == {Doubt.NOT_ATTEMPTED: 2}

    def test_the_order_of_the_notes_does_not_matter(self, store: Store) -> None:
        note(store, routed(event("e"), [HOOK]))
        note(store, accepted(event("e")))
        assert (only(read(store)).events, only(read(store)).accepted) == (1, 1)

    def test_an_event_for_nobody_is_settled_at_once(self, store: Store) -> None:
        note(store, accepted(event("e")), routed(event("e"), []))
        account = only(read(store))
        assert (account.events, account.accepted, account.no_match) == (1, 1, 1)
        assert not +account.open
        assert settle(store) == 0

    def test_what_filters_hold_back_is_an_end_of_its_own(self, store: Store) -> None:
        held = {"taggedOnly": [HOOK + 1, HOOK + 3], "noReferrers": [HOOK + 2]}
        note(store, accepted(event("e")), routed(event("e"), [HOOK], held))
        account = only(read(store))
        assert (account.accepted, account.filtered, account.no_match) == (4, 3, 0)
        assert +account.open == {Doubt.NOT_ATTEMPTED: 1}
        record_of(store, event("e"), (HOOK, Outcome.DELIVERED))
        assert settle(store) == 1
        account = only(read(store))
        assert (account.accepted, account.delivered, account.filtered) == (4, 1, 3)
        assert account.no_match == 0
        (noted,) = store.journal.of_id("e")
        assert (noted.webhook_ids, noted.held) == ([HOOK], held)

    def test_an_event_that_filters_hold_back_from_all_matched(self, store: Store) -> None:
        note(store, accepted(event("e")), routed(event("e"), [], {"taggedOnly": [HOOK]}))
        account = only(read(store))
        assert (account.events, account.accepted, account.filtered) == (1, 1, 1)
        assert account.no_match == 0
        assert not +account.open

    def test_what_is_sent_at_last_was_not_held_back(self, store: Store) -> None:
        """A router dies before its note, and the next one decides otherwise: both ways."""
        held = {"changedOnly": [HOOK]}
        first, then = event("first"), event("then")
        note(store, accepted(first), routed(first, [], held), routed(first, [HOOK]))
        note(store, accepted(then), routed(then, [HOOK]), routed(then, [], held))
        account = only(read(store))
        assert (account.accepted, account.filtered) == (2, 0)
        assert +account.open == {Doubt.NOT_ATTEMPTED: 2}

    @pytest.mark.parametrize("order", [*itertools.permutations(range(4))])
    def test_a_push_that_waited_ends_in_any_order_of_the_notes(
        self, store: Store, order: Sequence[int]
    ) -> None:
        """Two webhooks: it is held back from one, and sent to the other after all."""
        one, waits = event("e"), {COALESCING: [HOOK, HOOK + 1]}
        notes = [
            routed(one, [HOOK + 2], waits),
            routed(one, [HOOK + 2], waits),  # routed again, after a crash
            routed(one, [HOOK + 1], {COALESCE: [HOOK]}),
            routed(one, [], {COALESCE: [HOOK + 1]}),  # decided again, when the index had come
        ]
        note(store, accepted(one), *(notes[each] for each in order))
        account = only(read(store))
        assert (account.accepted, account.filtered) == (3, 1)
        assert +account.open == {Doubt.NOT_ATTEMPTED: 2}
        record_of(store, one, (HOOK + 1, Outcome.DELIVERED), (HOOK + 2, Outcome.DELIVERED))
        assert settle(store) == 1
        account = only(read(store))
        assert (account.delivered, account.filtered, account.unmoved) == (2, 1, Counter())
        (noted,) = store.journal.of_id("e")
        assert (noted.webhook_ids, noted.held) == ([HOOK + 1, HOOK + 2], {COALESCE: [HOOK]})

    def test_a_push_that_waits_is_a_delivery_that_is_expected(self, store: Store) -> None:
        one = event("e")
        note(store, accepted(one), routed(one, [], {COALESCING: [HOOK]}))
        account = only(read(store))
        assert (account.accepted, account.filtered, account.no_match) == (1, 0, 0)
        assert +account.open == {Doubt.NOT_ATTEMPTED: 1}
        found = read(store, before_ms=LATER)
        (suspect,) = found.suspects
        assert (suspect.doubt, suspect.webhook_id) == (Doubt.NOT_ATTEMPTED, HOOK)
        (noted,) = store.journal.of_id("e")
        assert (noted.webhook_ids, noted.held) == ([HOOK], {COALESCING: [HOOK]})
        note(store, routed(one, [], {COALESCE: [HOOK]}))
        account = only(read(store))
        assert (account.filtered, +account.open) == (1, {})
        assert settle(store) == 0

    def test_a_push_that_waited_and_was_given_up_is_settled(self, store: Store) -> None:
        one = event("e")
        note(store, routed(one, [], {COALESCING: [HOOK]}), routed(one, [HOOK]), accepted(one))
        record_of(store, one, (HOOK, Outcome.GIVEN_UP))
        assert settle(store) == 1  # it was not sent anew

    def test_the_facts_of_an_event_are_kept_in_any_order_of_the_notes(self, store: Store) -> None:
        tag = f"sha256-{'ab' * 32}.sig"
        one = Event("one", "myregistry", "push", T, msgspec.Raw(b"{}"), "team/app", tag)
        other = Event("other", "myregistry", "push", T, msgspec.Raw(b"{}"), "team/app", tag)
        note(store, accepted(one), routed(one, []))
        note(store, routed(other, []), accepted(other))
        facts = [each.facts for name in ("one", "other") for each in store.journal.of_id(name)]
        assert facts == [Facts("push", tag, "signature", is_referrer=True)] * 2

    def test_before_the_note_of_the_producer_the_tag_tells_what_it_can(self, store: Store) -> None:
        tag = f"sha256-{'ab' * 32}"
        one = Event("one", "myregistry", "push", T, msgspec.Raw(b"{}"), "team/app", tag)
        note(store, routed(one, []))
        (noted,) = store.journal.of_id("one")
        assert noted.facts == Facts("push", tag, "index", is_referrer=True)

    @pytest.mark.parametrize("held", [{"": [1]}, {"x" * 65: [1]}, {"x": [-1]}, {"\0": [1]}])
    def test_an_odd_note_of_what_was_held_back_is_unusable(
        self, store: Store, held: dict[str, list[int]]
    ) -> None:
        take(store, msgspec.structs.replace(routed(event("e"), []), held=held))
        assert enter(store) == 1

    def test_only_an_event_for_nobody_keeps_its_extras(self, store: Store) -> None:
        extras = Extras(kind="zot", actor="ci")
        alone, wanted = (
            msgspec.structs.replace(event(name), extras=extras) for name in ("alone", "wanted")
        )
        note(store, accepted(alone), routed(alone, []), accepted(wanted), routed(wanted, [HOOK]))
        kept = {each: store.journal.of_id(each)[0].extras for each in ("alone", "wanted")}
        assert kept == {"alone": extras, "wanted": None}
        note(store, routed(alone, []))
        assert store.journal.of_id("alone")[0].extras == extras

    def test_what_is_told_twice_counts_once(self, store: Store) -> None:
        notes = [accepted(event("e")), routed(event("e"), [HOOK, HOOK + 1])]
        for _ in range(3):
            note(store, *notes, *notes)
        assert only(read(store)).accepted == 2

    def test_a_frame_that_comes_twice_is_stored_once(self, store: Store) -> None:
        for _ in range(3):
            take(store, accepted(event("e")), frame_id="same")
        assert rows_in(store, "journal_frames") == 1

    def test_another_routing_adds_to_the_first(self, store: Store) -> None:
        note(store, routed(event("e"), [HOOK + 5, HOOK + 1]))
        note(store, routed(event("e"), [HOOK + 7, HOOK + 5]))
        assert only(read(store)).accepted == 3

    def test_the_same_id_accepted_twice_is_two_events(self, store: Store) -> None:
        note(store, accepted(event("e")), accepted(event("e", accepted_ms=T + 1)))
        assert only(read(store)).events == 2

    def test_nothing_is_entered_before_it_is_asked_for(self, store: Store) -> None:
        take(store, accepted(event("e")), frame_id="a")
        take(store, frame_id="b")
        assert read(store).registries == ()
        assert not store.journal.has_entered("a") and not store.journal.has_entered("b")
        assert store.journal.known_frames(["a", "b", "c"]) == {"a", "b"}
        assert store.journal.enter() == (2, 0)
        assert store.journal.has_entered("a") and store.journal.has_entered("b")
        assert not store.journal.has_entered("never came")
        assert store.journal.enter() == (0, 0)

    def test_it_is_entered_in_the_order_of_the_stream(self, store: Store) -> None:
        for number in range(25):
            take(store, accepted(event(f"e{number}")), frame_id=f"f{number}")
        store.journal.enter()
        entered = [store.journal.has_entered(f"f{number}") for number in range(25)]
        assert entered == [True] * ENTERED_FRAMES + [False] * (25 - ENTERED_FRAMES)
        enter(store)
        assert only(read(store)).events == 25

    def test_the_position_is_held_as_that_of_the_log(self, store: Store) -> None:
        position = take(store, frame_id="a")
        assert store.journal.position(JOURNAL) == position == Position(0, "a")
        other = decode_raw_journal(encode_journal("b", []))
        with pytest.raises(PositionConflictError):
            store.journal.append(JOURNAL, None, [(1, other)])
        assert store.journal.append(JOURNAL, position, [(1, other)]) == Position(1, "b")
        assert store.journal.append(JOURNAL, position, [(1, other)]) == Position(1, "b")

    def test_a_frame_with_an_impossible_id_is_refused(self, store: Store) -> None:
        with pytest.raises(UnstorableError):
            take(store, frame_id="x" * 201)
        assert rows_in(store, "journal_frames") == 0

    @pytest.mark.parametrize(
        "notes",
        [
            pytest.param(b'{"no": "list"}', id="no list"),
            pytest.param(b'["note"]', id="no note"),
            pytest.param(b'[["zz","e","r",1,null]]', id="no digest"),
            pytest.param(b'[["00","e","r",1,null]]', id="a short digest"),
            pytest.param(b'[["' + b"0" * 32 + b'","e","r",%d,null]]' % 2**63, id="a late time"),
            pytest.param(b'[["' + b"0" * 32 + b'","e","r",-1,null]]', id="an early time"),
            pytest.param(b'[["' + b"0" * 32 + b'","e\\u0000","r",1,null]]', id="a zero byte"),
            pytest.param(b'[["' + b"0" * 32 + b'","' + b"e" * 201 + b'","r",1,null]]', id="long"),
            pytest.param(b'[["' + b"0" * 32 + b'","e","r",1,[%d]]]' % 2**70, id="a large number"),
            pytest.param(b'[["' + b"0" * 32 + b'","e","r",1,[1,-5]]]', id="a negative one"),
        ],
    )
    def test_an_unusable_note_is_counted_and_hinders_no_other(
        self, store: Store, notes: bytes
    ) -> None:
        broken = decode_raw_journal(b'{"v":1,"id":"broken","notes":' + notes + b"}")
        store.journal.append(JOURNAL, None, [(0, broken)])
        take(store, accepted(event("e")))
        assert enter(store) == 1
        assert only(read(store)).events == 1

    def test_notes_and_checks_at_once_lose_nothing(self, store: Store) -> None:
        events = [event(f"e{number}") for number in range(60)]

        def notes() -> None:
            for each in events:
                note(store, accepted(each), routed(each, [HOOK]))

        def records() -> None:
            for each in events:
                record_of(store, each, (HOOK, Outcome.DELIVERED))
                store.journal.check()

        with ThreadPoolExecutor() as pool:
            for work in [pool.submit(notes), pool.submit(records)]:
                work.result()
        settle(store)
        account = only(read(store, before_ms=LATER))
        assert (account.events, account.delivered) == (60, 60)
        assert not +account.open and not +account.unmoved
