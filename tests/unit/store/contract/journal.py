"""What every store does with notes, and how it holds them against the log."""

import itertools
import random
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import msgspec
import pytest

from portcall.runtime.clock import now_ms
from portcall.schemas.deletes import DeletedTag
from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from portcall.schemas.filters import COALESCE, COALESCING, Facts, Filters
from portcall.schemas.frames import decode_raw_journal, encode_journal
from portcall.schemas.journal import IgnoredNote, Note, accepted, digest_of, routed
from portcall.schemas.records import Outcome
from portcall.schemas.topology import JOURNAL
from portcall.schemas.webhooks import Status
from portcall.store.engine import Store
from portcall.store.errors import PositionConflictError, UnstorableError
from portcall.store.intake.known_tags import Adopted
from portcall.store.journal.accounts import MAX_SUSPECTS, Account, Accounts, Doubt
from portcall.store.journal.open_events import BEGINNING, Cursor
from portcall.store.records.appending import Position
from portcall.store.records.lost import LostDelivery
from tests.unit.store.contract.eventlog import append, rows_in
from tests.unit.store.samples import add_registry, draft, frame, record

T = now_ms() + 3_600_000
"""When the events of these tests are accepted: after the journal began."""
LATER = T + 100_000
HOOK = 2**51
_numbers = itertools.count(1)


def event(name: str, *, accepted_ms: int = T, registry: str = "myregistry") -> Event:
    return Event(name, registry, "push", accepted_ms, msgspec.Raw(b"{}"), "team/app", "v1")


def take(
    store: Store, *notes: Note, frame_id: str = "", ignored: Sequence[IgnoredNote] = ()
) -> Position:
    """Append a frame of notes behind what is there, and do not enter it."""
    body = encode_journal(frame_id or f"notes-{next(_numbers)}", notes, ignored)
    position = store.journal.position(JOURNAL)
    offset = position.offset + 1 if position else 0
    return store.journal.append(JOURNAL, position, [(offset, decode_raw_journal(body))])


def note(store: Store, *notes: Note) -> None:
    """Append a frame of notes and enter it."""
    take(store, *notes)
    enter(store)


def enter(store: Store) -> int:
    """Enter everything; says how many notes were unusable."""
    unusable = 0
    while True:
        entered, refused = store.journal.enter()
        unusable += refused
        if not entered:
            return unusable


def settle(store: Store) -> int:
    """Settle everything that can be; says how many events."""
    while store.journal.check():
        pass
    settled = 0
    cursor: Cursor | None = BEGINNING
    while cursor is not None:
        count, cursor = store.journal.settle(cursor)
        settled += count
    return settled


def record_of(store: Store, of: Event, *outcomes: tuple[int, Outcome], at_ms: int = T) -> None:
    """Record attempts of an event: to whom, and what followed."""
    rows = [record(hook, outcome=outcome, started_ms=at_ms) for hook, outcome in outcomes]
    append(store, frame(rows, [of]))


def read(store: Store, *, before_ms: int = 0, horizon_ms: int = 0) -> Accounts:
    return store.journal.accounts(horizon_ms=horizon_ms, before_ms=before_ms)


def only(accounts: Accounts) -> Account:
    (account,) = accounts.registries
    return account


def doubts(store: Store, before_ms: int = LATER) -> list[tuple[Doubt, str, int | None]]:
    found = read(store, before_ms=before_ms).suspects
    return [(each.doubt, each.event_id, each.webhook_id) for each in found]


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
        assert entered == [True] * 10 + [False] * 15
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


class AccountsContract:
    @pytest.mark.parametrize("is_settled", [False, True])
    def test_every_ending_has_its_place(self, store: Store, *, is_settled: bool) -> None:
        hooks = [HOOK + number for number in range(6)]
        note(store, accepted(event("e")), routed(event("e"), hooks))
        record_of(store, event("e"), *((hook, Outcome.RETRIED) for hook in hooks[:3]))
        endings = [Outcome.DELIVERED, Outcome.GIVEN_UP, Outcome.CANCELLED, Outcome.REFUSED]
        record_of(store, event("e"), *zip(hooks[:4], endings, strict=True))
        record_of(store, event("e"), *((hook, Outcome.DELIVERED) for hook in hooks[4:]))
        if is_settled:
            assert settle(store) == 1
        account = only(read(store, before_ms=LATER))
        assert (account.events, account.accepted) == (1, 6)
        assert (account.delivered, account.given_up, account.cancelled) == (3, 1, 1)
        assert account.refused == 1
        assert not +account.open and not +account.unmoved

    def test_a_delivery_counts_once_and_success_is_what_counts(self, store: Store) -> None:
        note(store, routed(event("e"), [HOOK, HOOK + 1]))
        for outcome in (Outcome.GIVEN_UP, Outcome.DELIVERED, Outcome.DELIVERED, Outcome.GIVEN_UP):
            record_of(store, event("e"), (HOOK, outcome))
        record_of(store, event("e"), (HOOK + 1, Outcome.GIVEN_UP))
        account = only(read(store))
        assert (account.accepted, account.delivered, account.given_up) == (2, 1, 1)
        assert settle(store) == 1
        assert only(read(store)) == account

    def test_registries_are_apart(self, store: Store) -> None:
        for registry, count in (("beta1", 2), ("alpha", 1)):
            for number in range(count):
                note(store, accepted(event(f"e{number}", registry=registry)))
        found = read(store)
        assert [(each.registry, each.events) for each in found.registries] == [
            ("alpha", 1),
            ("beta1", 2),
        ]
        one = store.journal.accounts(horizon_ms=0, before_ms=0, registry="beta1")
        assert [each.registry for each in one.registries] == ["beta1"]

    def test_what_is_unmoved_is_named(self, store: Store) -> None:
        note(store, accepted(event("unrouted")))
        note(store, routed(event("waiting"), [HOOK, HOOK + 1, HOOK + 2]))
        record_of(store, event("waiting"), (HOOK, Outcome.RETRIED), (HOOK + 1, Outcome.DELIVERED))
        assert set(doubts(store)) == {
            (Doubt.NOT_ROUTED, "unrouted", None),
            (Doubt.NOT_RETRIED, "waiting", HOOK),
            (Doubt.NOT_ATTEMPTED, "waiting", HOOK + 2),
        }
        assert doubts(store, before_ms=T) == []

    def test_what_has_just_been_attempted_moves(self, store: Store) -> None:
        note(store, routed(event("e"), [HOOK, HOOK + 1]))
        record_of(store, event("e"), (HOOK, Outcome.RETRIED), (HOOK + 1, Outcome.RETRIED))
        record_of(store, event("e"), (HOOK, Outcome.RETRIED), at_ms=T + 50_000)
        assert doubts(store, T + 50_000) == [(Doubt.NOT_RETRIED, "e", HOOK + 1)]
        assert doubts(store, T + 50_002) == [
            (Doubt.NOT_RETRIED, "e", HOOK),
            (Doubt.NOT_RETRIED, "e", HOOK + 1),
        ]

    def test_not_all_of_many_are_named_and_all_are_counted(self, store: Store) -> None:
        note(store, *(routed(event(f"e{number}"), [HOOK, HOOK + 1]) for number in range(700)))
        found = read(store, before_ms=LATER)
        assert len(found.suspects) == MAX_SUSPECTS
        assert only(found).unmoved == {Doubt.NOT_ATTEMPTED: 1400}

    def test_records_of_an_event_that_nobody_accepted(self, store: Store) -> None:
        record_of(store, event("stray"), (HOOK, Outcome.DELIVERED))
        assert read(store).registries == ()
        settle(store)
        account = only(read(store, before_ms=LATER))
        assert (account.events, account.accepted, account.delivered) == (0, 0, 0)
        assert doubts(store) == [(Doubt.NEVER_ACCEPTED, "stray", None)]

    def test_a_late_note_clears_it_up(self, store: Store) -> None:
        record_of(store, event("late"), (HOOK, Outcome.DELIVERED))
        settle(store)
        note(store, accepted(event("late")), routed(event("late"), [HOOK]))
        assert settle(store) == 1
        account = only(read(store, before_ms=LATER))
        assert (account.events, account.delivered, +account.unmoved) == (1, 1, {})

    def test_a_late_note_tells_what_the_event_is_about(self, store: Store) -> None:
        body = msgspec.Raw(b'{"target": {"digest": "sha256:1"}}')
        late = msgspec.structs.replace(event("late"), body=body)
        record_of(store, late, (HOOK, Outcome.DELIVERED))
        settle(store)
        note(store, accepted(late), routed(late, [HOOK]))
        assert store.journal.of_id("late")[0].manifest == "sha256:1"

    def test_a_ping_speaks_for_itself(self, store: Store) -> None:
        ping = Event("ping", "myregistry", "ping", T, msgspec.Raw(b"{}"))
        record_of(store, ping, (HOOK, Outcome.DELIVERED))
        assert settle(store) == 1
        account = only(read(store, before_ms=LATER))
        assert (account.events, account.accepted, account.delivered) == (1, 1, 1)

    def test_what_was_accepted_before_the_journal_began_is_left_alone(self, store: Store) -> None:
        record_of(store, event("old", accepted_ms=1_000), (HOOK, Outcome.DELIVERED))
        settle(store)
        assert read(store, before_ms=LATER).registries == ()

    @pytest.mark.parametrize(
        ("made", "recorded", "expected"),
        [
            pytest.param([0, 1], [0, 1, 2], {(Doubt.NEVER_ROUTED, HOOK + 2)}, id="one more"),
            pytest.param(
                [0, 1],
                [0, 2],
                {(Doubt.NEVER_ROUTED, HOOK + 2), (Doubt.NOT_ATTEMPTED, HOOK + 1)},
                id="another one",
            ),
        ],
    )
    def test_records_of_a_delivery_that_nobody_made(
        self,
        store: Store,
        made: list[int],
        recorded: list[int],
        expected: set[tuple[Doubt, int]],
    ) -> None:
        note(store, routed(event("e"), [HOOK + number for number in made]))
        outcomes = [(HOOK + number, Outcome.DELIVERED) for number in recorded]
        record_of(store, event("e"), *outcomes)
        assert settle(store) == 0
        assert {(doubt, hook) for doubt, _, hook in doubts(store)} == expected
        account = only(read(store, before_ms=LATER))
        assert account.unmoved.total() == len(expected)
        assert account.delivered == len(set(made) & set(recorded))

    def test_an_event_that_is_sent_anew_is_counted_anew(self, store: Store) -> None:
        note(store, routed(event("e"), [HOOK]))
        record_of(store, event("e"), (HOOK, Outcome.GIVEN_UP))
        assert settle(store) == 1
        note(store, routed(event("e"), [HOOK]))
        assert settle(store) == 0  # it may yet be delivered
        assert only(read(store)).given_up == 1
        record_of(store, event("e"), (HOOK, Outcome.DELIVERED))
        assert settle(store) == 1
        account = only(read(store))
        assert (account.accepted, account.delivered, account.given_up) == (1, 1, 0)

    def test_what_was_sent_anew_long_ago_is_settled_as_it_is(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(2):
            note(store, routed(event("e"), [HOOK]))
        record_of(store, event("e"), (HOOK, Outcome.GIVEN_UP))
        assert settle(store) == 0
        monkeypatch.setattr("portcall.store.journal.open_events.ANEW_MS", -1)
        assert settle(store) == 1

    def test_what_is_forgotten_is_neither_missing_nor_unexpected(self, store: Store) -> None:
        old, new = event("old"), event("new", accepted_ms=T + 60_000)
        for each in (old, new):
            note(store, accepted(each), routed(each, [HOOK, HOOK + 1]))
            record_of(store, each, (HOOK, Outcome.DELIVERED), at_ms=each.accepted_ms)
        note(store, routed(event("nobody"), []))
        settle(store)
        before_ms = T + 30_000
        assert store.journal.prune(before_ms, limit=100) == 2
        assert store.journal.prune(before_ms, limit=100) == 0
        while store.eventlog.prune(before_ms, limit=100):
            pass
        found = read(store, before_ms=LATER)
        assert found.since_ms >= before_ms
        assert (only(found).events, only(found).accepted) == (1, 2)
        assert doubts(store) == [(Doubt.NOT_ATTEMPTED, "new", HOOK + 1)]

    def test_a_horizon_hides_what_is_about_to_be_forgotten(self, store: Store) -> None:
        note(store, accepted(event("old")), accepted(event("new", accepted_ms=T + 9)))
        found = read(store, horizon_ms=T + 1)
        assert (found.since_ms, only(found).events) == (T + 1, 1)

    def test_old_frames_are_forgotten_and_new_ones_known(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("portcall.store.journal.closing.KEPT_FRAMES", 5)
        for number in range(10):
            take(store, frame_id=f"f{number}")
        store.journal.prune(0, limit=10)
        assert rows_in(store, "journal_frames") == 10  # not entered yet
        enter(store)
        store.journal.prune(0, limit=10)
        known = store.journal.known_frames([f"f{number}" for number in range(10)])
        assert known == {f"f{number}" for number in range(4, 10)}

    @pytest.mark.parametrize("seed", range(5))
    def test_random_histories_add_up_settled_or_not(self, store: Store, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 (reproducible, not secret)
        history = [_history(chance, number) for number in range(60)]
        chance.shuffle(history)
        expected = Account("myregistry")
        for each, hooks, outcomes in history:
            note(store, *chance.choice(([accepted(each)], [])), routed(each, hooks))
            for hook, outcome in outcomes:
                record_of(store, each, (hook, outcome))
            if chance.random() < 0.1:
                settle(store)
            _count(expected, hooks, outcomes)
        for _ in range(2):
            account = only(read(store))
            assert +account.open == +expected.open
            account.open = expected.open
            assert account == expected
            settle(store)


def _history(
    chance: random.Random, number: int
) -> tuple[Event, list[int], list[tuple[int, Outcome]]]:
    """An event, its webhooks, and what was recorded of them: any attempts, in any order."""
    hooks = chance.sample(range(HOOK, HOOK + 9), chance.randint(0, 5))
    outcomes = [(hook, chance.choice(list(Outcome))) for hook in hooks for _ in range(2)]
    chance.shuffle(outcomes)
    kept = outcomes[: chance.randint(0, len(outcomes))]
    return event(f"e{number}", accepted_ms=T + chance.randint(0, 3)), hooks, kept


def _count(
    expected: Account, hooks: Sequence[int], outcomes: Sequence[tuple[int, Outcome]]
) -> None:
    """The same by hand."""
    expected.events += 1
    expected.accepted += len(hooks) or 1
    expected.no_match += not hooks
    for hook in hooks:
        found = {outcome for each, outcome in outcomes if each == hook}
        if Outcome.DELIVERED in found:
            expected.delivered += 1
        elif Outcome.REFUSED in found:
            expected.refused += 1
        elif Outcome.GIVEN_UP in found:
            expected.given_up += 1
        elif Outcome.CANCELLED in found:
            expected.cancelled += 1
        else:
            doubt = Doubt.NOT_RETRIED if found else Doubt.NOT_ATTEMPTED
            expected.open[doubt] += 1


def bad(event_id: str, at_ms: int = T, *, registry: str = "myregistry", **more: str) -> IgnoredNote:
    """The note of a push that cannot be read."""
    fields = {"action": "push", "place": "events[0].target.tag", "problem": "is not a tag"} | more
    return IgnoredNote(event_id, registry, at_ms, "bad_tag", **fields)


def pulled(event_id: str, at_ms: int = T) -> IgnoredNote:
    """The note of a pull."""
    return IgnoredNote(event_id, "myregistry", at_ms, "pull", "pull", "team/app")


def untagged(tag: str, at_ms: int = T, **more: str) -> IgnoredNote:
    """The note that a tag was deleted."""
    fields = {"registry": "myregistry", "repository": "team/app", "request_id": "r-1"} | more
    return IgnoredNote(
        event_id=f"of-{tag}",
        ignored_ms=at_ms,
        reason="tag_delete",
        action="delete",
        tag=tag,
        **fields,
    )


D = "sha256:" + "d" * 64


def deleted(event_id: str, *, request: str = "r-1") -> Event:
    """The delete of a manifest."""
    body = {"target": {"digest": D}, "request": {"id": request}}
    raw = msgspec.Raw(msgspec.json.encode(body))
    return Event(event_id, "myregistry", "delete", T, raw, "team/app")


class DeletedTagsContract:
    """The tags of a delete are found by the request that deleted them."""

    KEY = ("myregistry", "r-1", "team/app")

    def test_they_are_those_of_the_same_request_registry_and_repository(self, store: Store) -> None:
        others = [
            untagged("x", request_id="r-2"),
            untagged("x", registry="other"),
            untagged("x", repository="team/other"),
            untagged("x", request_id=""),
            msgspec.structs.replace(untagged("x"), reason="pull"),
        ]
        take(store, ignored=[untagged("v1"), *others])
        take(store, ignored=[untagged("v1"), untagged("latest"), pulled("y")])
        other_key = ("other", "r-1", "team/app")
        found = store.journal.deleted_tags([self.KEY, other_key, ("myregistry", "r-3", "team/app")])
        assert found == {self.KEY: ["v1", "latest"], other_key: ["x"]}
        assert store.journal.deleted_tags([]) == {}

    def test_they_are_still_found_as_ignored(self, store: Store) -> None:
        take(store, ignored=[untagged("v1")])
        (found,) = store.journal.ignored("myregistry", "of-v1")
        assert (found.reason, found.tag) == ("tag_delete", "v1")

    def test_the_newest_of_a_registry_are_found(self, store: Store) -> None:
        others = [untagged("x", registry="other"), pulled("y"), bad("z")]
        take(store, ignored=[untagged("v1"), *others, untagged("v2"), untagged("v3")])
        found = store.journal.newest_ignored_tags("myregistry", 2)
        assert [(each.event_id, each.tag) for each in found] == [("of-v3", "v3"), ("of-v2", "v2")]
        assert len(store.journal.newest_ignored_tags("myregistry", 9)) == 3
        assert store.journal.newest_ignored_tags("none", 9) == []

    def test_very_many_are_shown_in_part(self, store: Store) -> None:
        take(store, ignored=[untagged(f"v{number}") for number in range(150)])
        assert len(store.journal.deleted_tags([self.KEY])[self.KEY]) == 100

    def test_they_are_forgotten_with_the_events_of_their_time(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        take(store, ignored=[untagged("old"), *(untagged(f"v{n}", T + 100) for n in range(5))])
        store.journal.prune(T + 50, limit=10)
        assert store.journal.deleted_tags([self.KEY])[self.KEY] == ["v0", "v1", "v2", "v3", "v4"]
        monkeypatch.setattr("portcall.store.intake.deleted_tags.KEPT", 2)
        store.journal.prune(T + 50, limit=10)
        assert store.journal.deleted_tags([self.KEY])[self.KEY] == ["v3", "v4"]

    def test_a_delete_is_given_those_of_its_request(self, store: Store) -> None:
        told = [
            DeletedTag(*key, tag, T)
            for key in (self.KEY, ("other", *self.KEY[1:]))
            for tag in ("b", "a")
        ]
        store.deleted_tags.tell(told[:3])
        take(store, ignored=[untagged("b"), untagged("c")])  # the recorder writes them, too
        mine, push = deleted("e1"), msgspec.structs.replace(deleted("e2"), action="push")
        named = store.deleted_tags.named([push, mine, deleted("e3", request="r-9")])
        assert [(each.extras or Extras()).tags for each in named] == [(), ("b", "a", "c"), ()]
        assert store.deleted_tags.named([push]) == [push]
        assert store.deleted_tags.named([]) == []

    def test_a_delete_of_which_none_are_told_is_given_those_that_named_its_digest(
        self, store: Store
    ) -> None:
        adopt = [
            Adopted("team/app", tag, digest) for tag, digest in (("b", D), ("a", D), ("c", "x"))
        ]
        store.tags.adopt("myregistry", [*adopt, Adopted("team/other", "d", D)], T - 9)
        store.tags.adopt("myregistry", [Adopted("team/app", "later", D)], T + 1)
        gone = deleted("e1", request="")

        def tags(at: Event) -> tuple[str, ...]:
            (named,) = store.deleted_tags.named([at])
            return (named.extras or Extras()).tags

        assert tags(gone) == ("a", "b")
        note(store, accepted(gone))
        assert tags(gone) == ("a", "b")  # the recorder has taken its note
        again = msgspec.structs.replace(gone, accepted_ms=T + 100)
        assert tags(again) == ("a", "b", "later")
        assert tags(msgspec.structs.replace(gone, accepted_ms=T + 90_000)) == ("later",)
        take(store, ignored=[untagged("z")])
        assert tags(deleted("e2")) == ("z",)

    def test_registries_whose_webhooks_ask_for_them_are_known(self, store: Store) -> None:
        add_registry(store)
        drafts = [
            draft("webhook1"),
            replace(draft("webhook2"), filters=Filters(tagged_only=True)),
            replace(draft("webhook3"), filters=Filters(tags_on_delete=True)),
        ]
        store.webhooks.put_many(drafts[:2])
        assert store.subscribers.untagging() == frozenset()
        store.webhooks.put_many(drafts)
        assert store.subscribers.untagging() == {"myregistry"}
        store.webhooks.patch("myregistry", "webhook3", status=Status.DISABLED)
        assert store.subscribers.untagging() == frozenset()


class IgnoredContract:
    """What became no event is found by its id, and is bounded."""

    def test_it_is_found_by_registry_and_id_as_soon_as_it_is_stored(self, store: Store) -> None:
        take(store, accepted(event("a")), ignored=[bad("x"), pulled("y")])
        take(store, ignored=[bad("x", T + 5, tag="-")])
        newest, older = store.journal.ignored("myregistry", "x")
        assert (newest.ignored_ms, newest.tag, older.ignored_ms, older.tag) == (T + 5, "-", T, "")
        assert (newest.reason, newest.place) == ("bad_tag", "events[0].target.tag")
        assert newest.problem == "is not a tag" and newest.action == "push"
        assert [each.reason for each in store.journal.ignored("myregistry", "y")] == ["pull"]
        assert store.journal.ignored("other", "x") == store.journal.ignored("myregistry", "a") == []

    def test_a_frame_that_comes_twice_is_kept_once(self, store: Store) -> None:
        for _ in range(2):
            take(store, frame_id="same", ignored=[bad("x")])
        assert len(store.journal.ignored("myregistry", "x")) == 1

    def test_it_is_no_event_of_the_accounts(self, store: Store) -> None:
        take(store, ignored=[bad("x"), pulled("y")])
        enter(store)
        assert read(store).registries == ()
        assert store.journal.of_id("x") == []

    def test_it_is_counted_by_registry_and_reason(self, store: Store) -> None:
        take(store, ignored=[pulled("a"), pulled("b", T + 9), bad("c"), bad("d", registry="other")])
        told = [
            (each.registry, each.reason, each.is_unread, each.count, each.last_ms)
            for each in store.journal.ignored_kinds(T)
        ]
        assert told == [
            ("myregistry", "bad_tag", True, 1, T),
            ("myregistry", "pull", False, 2, T + 9),
            ("other", "bad_tag", True, 1, T),
        ]
        assert [each.event_id for each in store.journal.newest_unread(T, 10)] == ["d", "c"]
        assert store.journal.newest_unread(T + 1, 10) == []
        assert [each.count for each in store.journal.ignored_kinds(T + 1)] == [1]

    def test_what_no_column_holds_is_left_out_and_the_rest_kept(self, store: Store) -> None:
        odd = [
            bad("nul", tag="\0"),
            bad("long", problem="p" * 601),
            bad("early", -1),
            bad("late", 2**63),
            bad("x" * 601),
            bad("good", repository="r" * 511, problem="é" * 600),
        ]
        take(store, ignored=odd)
        assert [each.event_id for each in store.journal.newest_unread(0, 10)] == ["good"]

    def test_notes_that_are_none_are_left_out(self, store: Store) -> None:
        for number, ignored in enumerate((b"7", b'[7,["x"],["a","b",1,"pull"]]', b'{"a":1}')):
            body = b'{"v":1,"id":"f%d","notes":[],"ignored":%b}' % (number, ignored)
            position = store.journal.position(JOURNAL)
            offset = position.offset + 1 if position else 0
            store.journal.append(JOURNAL, position, [(offset, decode_raw_journal(body))])
        assert [each.registry for each in store.journal.ignored_kinds(0)] == ["b"]

    def test_it_is_forgotten_with_the_events_of_its_time(self, store: Store) -> None:
        take(store, ignored=[bad("old"), pulled("older"), bad("new", T + 100)])
        store.journal.prune(T + 50, limit=10)
        assert store.journal.ignored("myregistry", "old") == []
        assert len(store.journal.ignored("myregistry", "new")) == 1

    def test_pulls_push_out_pulls_and_not_what_cannot_be_read(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("portcall.store.intake.ignored.KEPT", 3)
        take(store, ignored=[bad("bad"), *(pulled(f"p{number}") for number in range(10))])
        store.journal.prune(0, limit=10)
        kinds = [(each.reason, each.count) for each in store.journal.ignored_kinds(0)]
        assert kinds == [("bad_tag", 1), ("pull", 3)]
        assert store.journal.ignored("myregistry", "p9") and not store.journal.ignored(
            "myregistry", "p6"
        )
