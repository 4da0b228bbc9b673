"""What every store says of webhooks by name, and of how deliveries stand."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection

from portcall.schemas.records import Outcome
from portcall.schemas.webhooks import Cause, Status
from portcall.store.database.database import Database
from portcall.store.database.tables import webhooks
from portcall.store.engine import Store
from portcall.store.records.last_records import Last
from tests.unit.store.contract.eventlog import append
from tests.unit.store.samples import add_registry, add_webhook, event, frame, record


class KnownContract:
    """`KnownWebhooks` and `Lasts`."""

    def test_webhooks_by_name(self, store: Store) -> None:
        add_registry(store, "MyRegistry")
        first, second = add_webhook(store, "Hook1"), add_webhook(store, "hook2")
        found = store.known.by_ids([first.id, second.id, 7, -1, 2**70])
        assert set(found) == {first.id, second.id}
        assert found[first.id].path == "MyRegistry/Hook1"
        assert (found[first.id].status, found[first.id].reason) == (Status.ENABLED, "")

    def test_those_that_disabled_themselves_in_the_order_of_their_changes(
        self, store: Store
    ) -> None:
        add_registry(store, "MyRegistry")
        rows = [add_webhook(store, f"hook{number}") for number in range(4)]
        store.webhooks.patch("myregistry", "hook3", status=Status.DISABLED)
        store.webhooks.disable(rows[2].id, "410", 1_000)
        store.webhooks.disable(rows[0].id, "failed", 2_000, Cause.FAILING)
        found = store.known.disabled_by_themselves()
        assert [(each.name, each.cause, each.reason, each.changed_ms) for each in found] == [
            ("hook2", Cause.GONE, "410", 1_000),
            ("hook0", Cause.FAILING, "failed", 2_000),
        ]
        newer = store.known.disabled_by_themselves(found[0].revision)
        assert [each.name for each in newer] == ["hook0"]

    def test_those_of_which_every_attempt_fails_the_longest_first(self, store: Store) -> None:
        add_registry(store, "MyRegistry")
        rows = [add_webhook(store, f"hook{number}") for number in range(4)]
        store.webhooks.patch("myregistry", "hook3", status=Status.DISABLED)
        failures = {0: 5_000, 1: 3_000, 3: 1_000}
        with store.webhooks._database.writing() as connection:
            for number, since_ms in failures.items():
                change = webhooks.update().where(webhooks.c.id == rows[number].id)
                connection.execute(change.values(failing_since_ms=since_ms))
        found, count = store.known.failing(9_000, 1)
        assert ([(each.name, each.failing_since_ms) for each in found], count) == (
            [("hook1", 3_000)],
            2,
        )
        found, count = store.known.failing(4_000, 9)
        assert ([each.name for each in found], count) == (["hook1"], 1)

    def test_what_was_told_begins_at_the_present_and_is_kept(self, store: Store) -> None:
        add_registry(store, "MyRegistry")
        first = store.known.told()
        assert first == store.webhooks.revision()
        add_webhook(store, "hook1")
        assert store.known.told() == first
        store.known.note_told(first + 1)
        assert store.known.told() == first + 1

    def test_what_was_told_never_goes_backwards(self, store: Store) -> None:
        first = store.known.told()
        for revision, told in ((first + 5, 5), (first + 2, 5), (first + 5, 5), (first + 6, 6)):
            store.known.note_told(revision)
            assert store.known.told() == first + told

    def test_two_that_ask_for_the_first_time_at_once_are_told_the_same(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Both have found none before one of them adds it."""
        both = threading.Barrier(2, timeout=20)
        writing = Database.writing

        @contextmanager
        def together(self: Database, **options: bool) -> Iterator[Connection]:
            both.wait()
            with writing(self, **options) as connection:
                yield connection

        monkeypatch.setattr(Database, "writing", together)
        with ThreadPoolExecutor(2) as pool:
            told = {each.result() for each in [pool.submit(store.known.told) for _ in range(2)]}
        monkeypatch.undo()
        assert told == {store.known.told()} == {store.webhooks.revision()}

    def test_the_last_of_each_delivery(self, store: Store) -> None:
        one, two = event("one"), event("two", accepted_ms=5)
        append(
            store,
            frame([record(7, attempt=1, outcome=Outcome.RETRIED), record(8)], [one]),
            frame([record(7, attempt=2, outcome=Outcome.GIVEN_UP)], [one]),
            frame([record(7, attempt=1, outcome=Outcome.CANCELLED)], [two]),
        )
        keys = [("one", 1_000, 7), ("one", 1_000, 8), ("two", 5, 7)]
        missing = [("one", 1_000, 9), ("one", 999, 7), ("three", 1_000, 7)]
        assert store.lasts.of([*keys, *missing]) == {
            keys[0]: Last(2, Outcome.GIVEN_UP),
            keys[1]: Last(1, Outcome.DELIVERED),
            keys[2]: Last(1, Outcome.CANCELLED),
        }
        assert store.lasts.of([]) == {}
