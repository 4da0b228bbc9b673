"""How every store holds the notes against the log."""

import random
from collections.abc import Sequence

import msgspec
import pytest

from portcall.schemas.events import Event
from portcall.schemas.journal import accepted, routed
from portcall.schemas.records import Outcome
from portcall.store.engine import Store
from portcall.store.journal.accounts import MAX_SUSPECTS, Account, Doubt
from tests.unit.store.contract.eventlog import rows_in
from tests.unit.store.contract.notes import (
    HOOK,
    LATER,
    T,
    doubts,
    enter,
    event,
    note,
    only,
    read,
    record_of,
    settle,
    take,
)


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
