"""The recorder's lease in every store, and writes of an old term."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from sqlalchemy import update

from portcall.schemas.frames import RawJournalFrame
from portcall.schemas.topology import JOURNAL
from portcall.store.database import tables
from portcall.store.engine import Store
from portcall.store.errors import LeaseLostError
from portcall.store.records.lease import AWAITED_MS, LEASE_MS
from tests.unit.store.samples import STREAM, empty_frame, event, frame, record

SLACK_MS = 5_000
"""How slow a busy machine may be, within the lease's 6 s."""


def leading(store: Store, owner: str = "a") -> int:
    """Make *owner* lead, and end the term of the leader before."""
    term = store.lease.take(store.lease.look(), owner, is_dead=True)
    assert term is not None
    return term


def later(store: Store, ms: int) -> None:
    """Let time pass for the lease."""
    columns = tables.leases.c
    with store.database.writing() as connection:
        connection.execute(
            update(tables.leases).values(
                expires_ms=columns.expires_ms - ms, awaited_until_ms=columns.awaited_until_ms - ms
            )
        )


class LeaseContract:
    def test_a_new_lease_is_free_and_taken_once(self, store: Store) -> None:
        seen = store.lease.look()
        assert (seen.owner, seen.term, seen.is_free) == ("", 0, True)
        assert store.lease.take(seen, "a") == 1
        assert store.lease.take(seen, "b") is None
        seen = store.lease.look()
        assert (seen.owner, seen.term, seen.is_free) == ("a", 1, False)
        assert LEASE_MS - SLACK_MS < seen.left_ms <= LEASE_MS
        assert seen.awaited_ms < 0

    def test_one_of_several_that_take_it_at_once_has_it(self, store: Store) -> None:
        seen = store.lease.look()
        with ThreadPoolExecutor(4) as pool:
            terms = list(pool.map(lambda owner: store.lease.take(seen, owner), "abcd"))
        assert sorted(map(str, terms)) == ["1", "None", "None", "None"]

    def test_a_leader_that_nobody_awaits_keeps_an_expired_lease(self, store: Store) -> None:
        leading(store)
        later(store, 3_600_000)
        seen = store.lease.look()
        assert seen.left_ms < 0
        assert not seen.is_free
        assert store.lease.take(seen, "b") is None

    def test_a_standby_gives_the_leader_a_whole_lease_to_answer(self, store: Store) -> None:
        term = leading(store)
        later(store, 3_600_000)
        store.lease.await_turn(store.lease.look())
        seen = store.lease.look()
        assert LEASE_MS - SLACK_MS < seen.left_ms <= LEASE_MS
        assert AWAITED_MS - SLACK_MS < seen.awaited_ms <= AWAITED_MS
        assert store.lease.take(seen, "b") is None
        later(store, LEASE_MS + 1)
        assert store.lease.look().is_free
        assert store.lease.take(store.lease.look(), "b") == term + 1

    def test_further_announcements_give_a_leader_no_further_time(self, store: Store) -> None:
        leading(store)
        store.lease.await_turn(store.lease.look())
        later(store, LEASE_MS - 2_000)
        store.lease.await_turn(store.lease.look())
        seen = store.lease.look()
        assert seen.left_ms <= 2_000
        assert seen.awaited_ms > AWAITED_MS - SLACK_MS

    def test_a_renewed_lease_is_not_free(self, store: Store) -> None:
        term = leading(store)
        store.lease.await_turn(store.lease.look())
        later(store, LEASE_MS + 1)
        assert store.lease.renew(term)
        seen = store.lease.look()
        assert not seen.is_free
        assert store.lease.take(seen, "b") is None

    def test_a_take_over_of_what_changed_since_the_look_fails(self, store: Store) -> None:
        leading(store)
        seen = store.lease.look()
        leading(store, "b")
        assert store.lease.take(seen, "c", is_dead=True) is None
        store.lease.await_turn(seen)
        assert store.lease.look().awaited_ms < 0

    def test_a_released_lease_is_free_at_once(self, store: Store) -> None:
        term = leading(store)
        store.lease.release(term)
        assert store.lease.look().is_free
        assert store.lease.take(store.lease.look(), "b") == term + 1

    def test_an_old_leader_neither_renews_nor_releases(self, store: Store) -> None:
        old = leading(store)
        new = leading(store, "b")
        before = store.lease.look()
        assert not store.lease.renew(old)
        store.lease.release(old)
        after = store.lease.look()
        assert (after.owner, after.term) == ("b", new)
        assert after.left_ms <= before.left_ms


def _journal_frame(frame_id: str) -> RawJournalFrame:
    return RawJournalFrame(1, frame_id, msgspec.Raw(b"[]"))


WRITES: dict[str, Callable[[Store, int], object]] = {
    "log": lambda store, term: store.eventlog.in_term(term).append(
        STREAM, None, [(0, frame([record(7)], [event()]))]
    ),
    "journal": lambda store, term: store.journal.in_term(term).append(
        JOURNAL, None, [(0, _journal_frame("f"))]
    ),
    "entering": lambda store, term: store.journal.in_term(term).enter(),
    "pruning": lambda store, term: store.journal.in_term(term).prune(0, limit=1),
}


class TermContract:
    @pytest.mark.parametrize("name", WRITES)
    def test_a_leader_writes_in_its_term_and_not_afterwards(self, store: Store, name: str) -> None:
        term = leading(store)
        WRITES[name](store, term)
        leading(store, "b")
        with pytest.raises(LeaseLostError, match=f"term {term} .* has ended"):
            WRITES[name](store, term)

    def test_a_leader_writes_in_an_expired_term_that_no_other_one_ended(self, store: Store) -> None:
        term = leading(store)
        later(store, 3_600_000)
        store.lease.await_turn(store.lease.look())
        later(store, LEASE_MS + 1)
        WRITES["log"](store, term)

    def test_an_old_leader_moves_no_position_back_and_stores_nothing(self, store: Store) -> None:
        old = leading(store)
        new = leading(store, "b")
        log = store.eventlog.in_term(new)
        position = log.append(STREAM, None, [(0, empty_frame("one")), (1, empty_frame("two"))])
        with pytest.raises(LeaseLostError):
            store.eventlog.in_term(old).append(
                STREAM, position, [(2, frame([record(7)], [event()]))]
            )
        assert store.eventlog.position(STREAM) == position
        assert store.eventlog.page(7, before=None, limit=9) == []

    def test_an_old_leader_checks_no_events(self, store: Store) -> None:
        old = leading(store)
        store.eventlog.append(STREAM, None, [(0, frame([record(7)], [event()]))])
        leading(store, "b")
        with pytest.raises(LeaseLostError):
            store.journal.in_term(old).check()
