"""What the console asks of the store: over a million records, and over none.

``python benchmarks/console.py [--records 1000000] [--webhooks 500] [--hours 24] [--databases URL
URL]``: prints one table, the median of 20 of each question. For a machine that does nothing else.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import msgspec

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from portcall.runtime.clock import now_ms
from portcall.schemas.events import Action, Event
from portcall.schemas.frames import RawRecordFrame
from portcall.schemas.records import Answer, Detail, Outcome, RawRecord, RecordOf, Sent
from portcall.schemas.webhooks import Sku, Status
from portcall.store.database.migrate import migrate
from portcall.store.engine import Store, open_store
from portcall.store.records.filters import Filter
from portcall.store.webhooks.row import WebhookDraft

REGISTRY = "alpha"
STREAM = "benchmark"
DAY_MS = 86_400_000
FRAME = 64
FRAMES = 100
PER_EVENT = 8
ASKED = 20
_DETAIL = msgspec.Raw(
    msgspec.json.encode(
        Detail(
            sent=Sent("http://127.0.0.1:29999/hook", {f"x-header-{n}": "v" * 24 for n in range(8)}),
            answer=Answer(200, "OK", {f"x-answer-{n}": "v" * 24 for n in range(6)}, "ok" * 40),
        )
    )
)
_BODY = msgspec.Raw(b'{"id":"e","target":{"mediaType":"' + b"x" * 500 + b'"}}')

Question = tuple[str, Callable[[Store, int], object]]


def main() -> None:
    """Fill two stores, ask both, and print what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--webhooks", type=int, default=500)
    parser.add_argument("--hours", type=float, default=24.0, help="the time that they took")
    parser.add_argument("--databases", nargs=2, metavar="URL", help="an empty one for each store")
    wanted = parser.parse_args()
    with databases(wanted.databases) as (empty_url, full_url):
        empty, _ = opened(empty_url, 1)
        full, webhook_ids = opened(full_url, wanted.webhooks)
        fill(full, webhook_ids, wanted.records, int(wanted.hours * 3_600_000))
        add_up(full)
        print(f"\n{'':44} {'empty':>10} {'full':>10}")
        for name, ask in questions():
            times = [timed(ask, store, webhook_ids[0]) for store in (empty, full)]
            print(f"{name:44} {times[0]:7.1f} ms {times[1]:7.1f} ms")
        empty.close()
        full.close()


@contextmanager
def databases(named: list[str] | None) -> Iterator[tuple[str, str]]:
    """Those that are named, or two SQLite files that are gone afterwards."""
    if named:
        yield named[0], named[1]
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/empty.db", f"sqlite:///{folder}/full.db"


def opened(url: str, webhooks: int) -> tuple[Store, list[int]]:
    """A store with a registry and so many webhooks."""
    migrate(url)
    store = open_store(url)
    store.registries.put(
        REGISTRY, location="westus", sku=Sku.PREMIUM, tags={}, resource_group="portcall"
    )
    drafts = [
        WebhookDraft(
            registry=REGISTRY,
            name=f"webhook{number}",
            location="westus",
            tags={},
            uri="http://127.0.0.1:29999/hook",
            headers={},
            actions=Action.PUSH.bit,
            status=Status.ENABLED,
        )
        for number in range(webhooks)
    ]
    return store, [row.id for row, _ in store.webhooks.put_many(drafts)]


def fill(store: Store, webhook_ids: list[int], count: int, span_ms: int) -> None:
    """Store so many records, evenly over the last *span_ms*."""
    chance = random.Random(7)  # noqa: S311 (no secret)
    began_ms, position = now_ms() - span_ms, None
    began_s, cpu_s = time.perf_counter(), time.process_time()
    frames: list[tuple[int, RawRecordFrame]] = []
    for offset, first in enumerate(range(0, count, FRAME)):
        numbers = range(first, min(first + FRAME, count))
        times = [began_ms + number * span_ms // count for number in numbers]
        frames.append((offset, frame_of(numbers, times, webhook_ids, chance)))
        if len(frames) == FRAMES or numbers[-1] == count - 1:
            position = store.eventlog.append(STREAM, position, frames)
            frames = []
    cpu_us = (time.process_time() - cpu_s) / count * 1e6
    seconds = time.perf_counter() - began_s
    print(f"{count} records stored in {seconds:.1f} s, {cpu_us:.1f} us of CPU each, made included")


def frame_of(
    numbers: range, times_ms: list[int], webhook_ids: list[int], chance: random.Random
) -> RawRecordFrame:
    """A frame of records of a few events."""
    events = [
        Event(
            f"event-{numbers[0]}-{number}",
            REGISTRY,
            "push",
            times_ms[0],
            _BODY,
            f"team/app{number}",
            f"v{number}",
        )
        for number in range(len(numbers) // PER_EVENT + 1)
    ]
    records: list[RawRecord] = [
        RecordOf(
            (number - numbers[0]) // PER_EVENT,
            chance.choice(webhook_ids),
            1,
            *((Outcome.DELIVERED, 200) if chance.random() < 0.97 else (Outcome.RETRIED, 503)),
            times_ms[number - numbers[0]],
            int(chance.lognormvariate(10, 0.7)),
            _DETAIL,
        )
        for number in numbers
    ]
    return RawRecordFrame(1, f"frame-{numbers[0]}", events, records)


def add_up(store: Store) -> None:
    """Let the sums catch up, as the recorder does beside the recording."""
    counted, began_s, cpu_s = 0, time.perf_counter(), time.process_time()
    longest_s = 0.0
    while True:
        step_s = time.perf_counter()
        more = store.traffic.advance(now_ms=now_ms())
        longest_s = max(longest_s, time.perf_counter() - step_s)
        if not more:
            break
        counted += more
    cpu_us = (time.process_time() - cpu_s) / counted * 1e6
    print(
        f"{counted} records added up in {time.perf_counter() - began_s:.1f} s,"
        f" {cpu_us:.1f} us of CPU each; the longest step took {longest_s * 1000:.0f} ms"
    )


def questions() -> list[Question]:
    """What the pages ask."""
    return [
        ("webhooks of a registry, last hour", lambda store, _: webhooks(store, 3_600_000)),
        ("webhooks of a registry, last day", lambda store, _: webhooks(store, DAY_MS)),
        ("50 webhooks of a registry, last day", lambda store, _: webhooks(store, DAY_MS, 50)),
        ("installation, last hour", lambda store, _: series(store, 3_600_000)),
        ("installation, last day", lambda store, _: series(store, DAY_MS)),
        ("a webhook, last day", lambda store, one: series(store, DAY_MS, one)),
        ("50 newest records", lambda store, _: search(store, Filter())),
        ("50 newest of a webhook", lambda store, one: search(store, Filter(webhook_id=one))),
        ("50 newest failures", lambda store, _: search(store, Filter(status_classes={5}))),  # type: ignore[arg-type]  # a set will do
        ("given up (none)", lambda store, _: search(store, GIVEN_UP)),
        ("a tag that nobody has", lambda store, _: search(store, Filter(tag="none"))),
        (
            "the same of a webhook",
            lambda store, one: search(store, Filter(webhook_id=one, tag="none")),
        ),
        ("the same to the end, page by page", lambda store, _: exhaust(store, Filter(tag="none"))),
        ("an hour of yesterday", lambda store, _: search(store, an_hour())),
    ]


GIVEN_UP = Filter(outcomes=frozenset({Outcome.GIVEN_UP}))


def an_hour() -> Filter:
    """The hour that ended half a day ago."""
    until_ms = now_ms() - DAY_MS // 2
    return Filter(since_ms=until_ms - 3_600_000, until_ms=until_ms)


def webhooks(store: Store, span_ms: int, count: int | None = None) -> object:
    """The list of webhooks, sums and percentiles taken."""
    until_ms = now_ms()
    ids = None
    if count is not None:
        ids = [each.id for each in store.subscribers.of(REGISTRY)[:count]]
    found = store.traffic.of_webhooks(
        REGISTRY, since_ms=until_ms - span_ms, until_ms=until_ms, webhook_ids=ids
    )
    return [(each.total.success_rate, each.total.latency.p95_ms) for each in found.values()]


def series(store: Store, span_ms: int, webhook_id: int | None = None) -> object:
    """A chart, every step with its percentiles."""
    until_ms = now_ms()
    found = store.traffic.series(
        since_ms=until_ms - span_ms, until_ms=until_ms, registry=REGISTRY, webhook_id=webhook_id
    )
    return [
        (each.sums.latency.p50_ms, each.sums.latency.p95_ms, each.sums.latency.p99_ms)
        for each in found.buckets
    ]


def search(store: Store, wanted: Filter) -> object:
    """One page."""
    return store.searching.search(wanted)


def exhaust(store: Store, wanted: Filter) -> object:
    """Page after page until there is no more."""
    found = store.searching.search(wanted)
    while found.next is not None:
        found = store.searching.search(wanted, before=found.next)
    return found


def timed(ask: Callable[[Store, int], object], store: Store, webhook_id: int) -> float:
    """The median of some askings, milliseconds."""
    times = []
    for _ in range(ASKED):
        began_s = time.perf_counter()
        ask(store, webhook_id)
        times.append((time.perf_counter() - began_s) * 1000)
        if sum(times) > 10_000:
            break
    return median(times)


if __name__ == "__main__":
    main()
