"""What every store adds up of its records, and how it forgets that."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from portcall.runtime.clock import now_ms
from portcall.schemas.events import Event
from portcall.schemas.journal import accepted, routed
from portcall.schemas.records import Outcome, RawRecord, RecordOf
from portcall.store.engine import Store
from portcall.store.traffic.traffic import Series, Sums
from tests.unit.store.contract.eventlog import append
from tests.unit.store.contract.notes import take
from tests.unit.store.samples import add_registry, add_webhook, frame

NOW = now_ms() // 3_600_000 * 3_600_000 + 1_800_000
"""Half past some hour, at most half an hour away."""
MINUTE = 60_000
HOUR = 60 * MINUTE


def record(
    webhook_id: int,
    at_ms: int,
    *,
    outcome: Outcome = Outcome.DELIVERED,
    status: int = 200,
    duration_us: int = 20_000,
) -> RawRecord:
    return RecordOf(0, webhook_id, 1, outcome, status, at_ms, duration_us, msgspec.Raw(b"{}"))


def event(registry: str = "myregistry", event_id: str = "e", at_ms: int = NOW) -> Event:
    return Event(event_id, registry, "push", at_ms, msgspec.Raw(b"{}"), "team/app", "v1")


def put(store: Store, records: Sequence[RawRecord], registry: str = "myregistry") -> None:
    append(store, frame(records, [event(registry)]))


def add_up(store: Store, now_ms: int = NOW, window: int = 1000) -> int:
    counted = 0
    while more := store.traffic.advance(now_ms=now_ms, window=window):
        counted += more
    return counted


def of_all(store: Store, since_ms: int = NOW - HOUR, until_ms: int = NOW) -> Series:
    return store.traffic.series(since_ms=since_ms, until_ms=until_ms)


def facts(sums: Sums) -> tuple[int, int, int, int, int]:
    return sums.attempts, sums.succeeded, sums.given_up, sums.cancelled, sums.latency.count


class AddingUpContract:
    def test_each_outcome_counts_as_what_it_is(self, store: Store) -> None:
        put(
            store,
            [
                record(7, NOW),
                record(7, NOW, outcome=Outcome.RETRIED, status=503),
                record(7, NOW, outcome=Outcome.RETRIED, status=0),
                record(7, NOW, outcome=Outcome.GIVEN_UP, status=500),
                record(7, NOW, outcome=Outcome.GIVEN_UP, status=0, duration_us=0),
                record(7, NOW, outcome=Outcome.CANCELLED, status=0, duration_us=0),
            ],
        )
        assert add_up(store) == 6
        total = of_all(store).total
        assert facts(total) == (4, 1, 2, 1, 3)
        assert total.failed == 3
        assert total.success_rate == 0.25

    def test_what_the_receiver_refused_is_apart_from_failures(self, store: Store) -> None:
        add_registry(store)
        hook = add_webhook(store, "webhook1").id
        refused = [record(hook, NOW, outcome=Outcome.REFUSED, status=400) for _ in range(4)]
        put(store, refused)
        add_up(store)
        assert of_all(store).total.success_rate is None
        put(store, [record(hook, NOW), record(hook, NOW, outcome=Outcome.RETRIED, status=503)])
        add_up(store)
        total = of_all(store).total
        assert (total.attempts, total.refused, total.failed) == (6, 4, 1)
        assert (total.success_rate, total.latency.count) == (0.5, 6)
        of_hook = store.traffic.totals("myregistry", since_ms=NOW - HOUR, until_ms=NOW)[hook]
        assert (of_hook.refused, of_hook.success_rate) == (4, 0.5)

    def test_every_record_counts_once_however_often_one_looks(self, store: Store) -> None:
        for number in range(5):
            put(store, [record(7 + number, NOW - number * MINUTE) for _ in range(3)])
            add_up(store, window=2)
        add_up(store)
        assert facts(of_all(store).total)[:2] == (15, 15)

    def test_the_sums_agree_at_every_step_and_for_every_subject(self, store: Store) -> None:
        add_registry(store)
        hooks = [add_webhook(store, f"webhook{number}").id for number in range(3)]
        chance = random.Random(5)  # noqa: S311 (no secret)
        for _ in range(4):
            put(
                store,
                [
                    record(
                        chance.choice(hooks),
                        NOW - chance.randrange(80 * MINUTE),
                        outcome=chance.choice([Outcome.DELIVERED, Outcome.RETRIED]),
                        duration_us=chance.randrange(1, 10**7),
                    )
                    for _ in range(100)
                ],
            )
            add_up(store, window=77)
        since = NOW - 85 * MINUTE  # ten seconds are kept for two hours of the real time
        total = facts(of_all(store, since).total)
        assert total[0] == total[4] == 400
        for step_s in (10, 60, 300, 3600):
            series = store.traffic.series(since_ms=since, until_ms=NOW, step_s=step_s)
            assert series.step_s == step_s
            assert facts(series.total) == total
        of_registry = store.traffic.series(
            since_ms=since, until_ms=NOW, registry="myregistry", step_s=60
        )
        assert facts(of_registry.total) == total
        each = store.traffic.of_webhooks("myregistry", since_ms=since, until_ms=NOW)
        assert sorted(each) == sorted(hooks)
        whole = Sums()
        for one in each.values():
            whole.merge(one.total)
            alone = store.traffic.series(
                since_ms=since, until_ms=NOW, registry="myregistry", webhook_id=one.webhook_id
            )
            assert facts(alone.total) == facts(one.total)
        assert facts(whole) == total
        sums = store.traffic.totals("myregistry", since_ms=since, until_ms=NOW)
        assert {hook: (sums[hook].attempts, sums[hook].succeeded) for hook in sums} == {
            hook: (one.total.attempts, one.total.succeeded) for hook, one in each.items()
        }

    def test_registries_are_told_apart(self, store: Store) -> None:
        put(store, [record(7, NOW)])
        put(store, [record(8, NOW), record(8, NOW)], registry="other")
        add_up(store)
        counted = {
            registry: store.traffic.series(
                since_ms=NOW - HOUR, until_ms=NOW, registry=registry
            ).total.attempts
            for registry in ("myregistry", "other", "third")
        }
        assert counted == {"myregistry": 1, "other": 2, "third": 0}

    def test_percentiles_are_within_three_percent(self, store: Store) -> None:
        put(store, [record(7, NOW, duration_us=1000 * each) for each in range(1, 101)])
        add_up(store)
        latency = of_all(store).total.latency
        for percent, found in [(50, latency.p50_ms), (95, latency.p95_ms), (99, latency.p99_ms)]:
            assert found is not None
            assert abs(found - percent) <= 0.03 * percent

    def test_several_at_once_count_each_record_once(self, store: Store) -> None:
        for _ in range(20):
            put(store, [record(7, NOW) for _ in range(10)])
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda _: add_up(store, window=7), range(4)))
        assert facts(of_all(store).total)[0] == 200

    def test_a_step_without_a_record_is_there(self, store: Store) -> None:
        put(store, [record(7, NOW - 30 * MINUTE)])
        add_up(store)
        series = store.traffic.series(since_ms=NOW - HOUR, until_ms=NOW - 1, step_s=600)
        assert [bucket.sums.attempts for bucket in series.buckets] == [0, 0, 0, 1, 0, 0]
        assert series.buckets[0].start_ms == NOW - HOUR

    def test_a_time_in_the_future_counts_as_now(self, store: Store) -> None:
        put(store, [record(7, NOW + 999 * HOUR)])
        add_up(store)
        assert of_all(store).total.attempts == 1

    def test_a_webhook_says_its_newest_record(self, store: Store) -> None:
        add_registry(store)
        quiet, busy = add_webhook(store, "quiet1"), add_webhook(store, "busy1")
        put(store, [record(busy.id, NOW - 99 * HOUR)])
        put(store, [record(busy.id, NOW - 98 * HOUR, outcome=Outcome.RETRIED, status=503)])
        found = store.traffic.of_webhooks("myregistry", since_ms=NOW - HOUR, until_ms=NOW)
        assert found[quiet.id].last is None
        last = found[busy.id].last
        assert last is not None
        assert (last.status, last.outcome, last.started_ms) == (
            503,
            Outcome.RETRIED,
            NOW - 98 * HOUR,
        )
        only = store.traffic.of_webhooks(
            "myregistry", since_ms=NOW - HOUR, until_ms=NOW, webhook_ids=[quiet.id]
        )
        assert list(only) == [quiet.id]

    def test_totals_are_of_one_registry_and_one_time(self, store: Store) -> None:
        add_registry(store)
        add_registry(store, "other")
        old, mine = add_webhook(store, "old01"), add_webhook(store, "mine1")
        others = add_webhook(store, "mine1", registry="other")
        put(store, [record(old.id, NOW - 5 * HOUR), record(mine.id, NOW)])
        put(store, [record(mine.id, NOW - HOUR, outcome=Outcome.RETRIED, status=503)])
        put(store, [record(others.id, NOW)], registry="other")
        add_up(store)
        found = store.traffic.totals("myregistry", since_ms=NOW - 4 * HOUR, until_ms=NOW)
        assert {key: (sums.attempts, sums.failed) for key, sums in found.items()} == {
            mine.id: (2, 1)
        }

    def test_it_says_whether_it_is_behind(self, store: Store) -> None:
        assert not store.traffic.is_behind()
        put(store, [record(7, NOW)])
        assert store.traffic.is_behind()
        add_up(store)
        assert not store.traffic.is_behind()


class EventsContract:
    def test_an_event_counts_when_it_is_accepted_and_once(self, store: Store) -> None:
        first, second = event(event_id="a", at_ms=now_ms()), event(event_id="b", at_ms=now_ms())
        take(store, accepted(first), accepted(second), routed(first, [7]))
        take(store, accepted(event("other", "c", now_ms())))
        until = now_ms()
        everything = store.traffic.series(since_ms=until - HOUR, until_ms=until)
        assert everything.total.events == 3
        other = store.traffic.series(since_ms=until - HOUR, until_ms=until, registry="other")
        assert other.total.events == 1

    def test_a_frame_that_comes_twice_counts_once(self, store: Store) -> None:
        for _ in range(2):
            take(store, accepted(event(at_ms=now_ms())), frame_id="same")
        until = now_ms()
        assert store.traffic.series(since_ms=until - HOUR, until_ms=until).total.events == 1

    def test_events_and_attempts_share_a_row(self, store: Store) -> None:
        at_ms = now_ms()
        take(store, accepted(event(at_ms=at_ms)))
        put(store, [record(7, at_ms)])
        add_up(store, now_ms=at_ms)
        take(store, accepted(event(event_id="b", at_ms=at_ms)))
        total = of_all(store, at_ms - HOUR, at_ms).total
        assert (total.events, total.attempts, total.latency.count) == (2, 1, 1)


class ForgettingContract:
    def test_what_is_kept_no_longer_is_forgotten_and_nothing_else(self, store: Store) -> None:
        ages_h = (0, 1, 3, 26, 100, 200)
        for hours in ages_h:
            put(store, [record(7, NOW - hours * HOUR)])
            add_up(store, now_ms=NOW - hours * HOUR)
        before_ms = NOW - 150 * HOUR
        while store.traffic.prune(now_ms=NOW, before_ms=before_ms, limit=2):
            pass
        assert left(store) == {
            ("", 0, 10): 2,
            ("", 0, 60): 5,
            ("", 0, 3600): 5,
            ("myregistry", 0, 10): 2,
            ("myregistry", 0, 60): 3,
            ("myregistry", 0, 3600): 5,
            ("myregistry", 7, 300): 3,
            ("myregistry", 7, 3600): 5,
        }

    def test_what_is_too_old_for_a_step_is_not_added_to_it(self, store: Store) -> None:
        put(store, [record(7, NOW - 100 * HOUR)])
        add_up(store)
        assert set(left(store)) == {
            ("", 0, 60),
            ("", 0, 3600),
            ("myregistry", 0, 3600),
            ("myregistry", 7, 3600),
        }

    def test_an_old_time_comes_in_hours(self, store: Store) -> None:
        put(store, [record(7, NOW - 100 * HOUR)])
        add_up(store)
        series = store.traffic.series(
            since_ms=NOW - 101 * HOUR, until_ms=NOW, registry="myregistry", step_s=60
        )
        assert series.step_s == 3600
        assert series.total.attempts == 1


def left(store: Store) -> dict[tuple[str, int, int], int]:
    """How many rows there are, by subject and step."""
    with store.database.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT registry, webhook_id, step_s, COUNT(*) FROM traffic GROUP BY 1, 2, 3"
        )
        return {(row[0], row[1], row[2]): row[3] for row in rows}
