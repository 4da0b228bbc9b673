"""No query of the hot paths reads a table from end to end; as SQLite plans the real statements."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from msgspec import Raw
from sqlalchemy import Connection
from sqlalchemy import event as hooks

from portcall.schemas.events import Event
from portcall.schemas.journal import Note, accepted, routed
from portcall.schemas.records import Outcome
from portcall.schemas.webhooks import Status
from portcall.store.engine import Store
from portcall.store.intake.digests import KnownDigest
from portcall.store.intake.known_tags import Adopted
from portcall.store.intake.known_tags import take as take_tags
from portcall.store.journal.journal import Journal
from portcall.store.records.filters import Filter
from portcall.store.records.selection import ENDINGS, Selection
from portcall.store.webhooks.index import Changes
from tests.unit.store.contract import notes
from tests.unit.store.contract.eventlog import append
from tests.unit.store.contract.notes import take
from tests.unit.store.samples import add_registry, add_webhook, draft, event, frame, record

Action = Callable[[Store], object]


@contextmanager
def plans_of(store: Store) -> Iterator[list[str]]:
    """The steps of SQLite's plans for every statement of the block."""
    steps: list[str] = []

    def explain(
        _connection: Connection,
        cursor: object,
        statement: str,
        parameters: Sequence[object],
        _context: object,
        many: bool,  # noqa: FBT001 (as SQLAlchemy calls it)
    ) -> None:
        if statement.split(maxsplit=1)[0] in ("SELECT", "WITH", "UPDATE", "DELETE"):
            other = cursor.connection.cursor()  # type: ignore[attr-defined]  # a cursor of sqlite3
            first = parameters[0] if many else parameters
            planned = other.execute(f"EXPLAIN QUERY PLAN {statement}", first)
            steps.extend(step for *_, step in planned.fetchall())

    engine = store.database._engine
    hooks.listen(engine, "before_cursor_execute", explain)
    yield steps
    hooks.remove(engine, "before_cursor_execute", explain)


def changes(store: Store) -> Changes | None:
    before = store.webhooks.revision()
    store.webhooks.patch("myregistry", "webhook1", status=Status.DISABLED)
    return store.webhooks.changes_since(before)


def webhook_id(store: Store) -> int:
    row = store.webhooks.get("myregistry", "webhook1")
    assert row is not None
    return row.id


def replay_page(store: Store, selection: Selection) -> object:
    replay = store.replays.create(selection, rate=50, now_ms=1)
    return store.replays.page(replay, limit=5)


def traffic_of_webhooks(store: Store) -> object:
    """With rows to read."""
    store.traffic.advance(now_ms=5)
    return store.traffic.of_webhooks("myregistry", since_ms=1, until_ms=5)


def traffic_totals(store: Store) -> object:
    """With rows to read."""
    store.traffic.advance(now_ms=5)
    return store.traffic.totals("myregistry", since_ms=1, until_ms=5)


def forgetting_sightings(store: Store) -> object:
    """With rows to forget, for both reasons."""
    rows = [KnownDigest(bytes([n]), is_manifest=False, media_type="", seen_ms=n) for n in range(9)]
    store.digests.keep(rows)
    return store.digests.prune(2, most=4, limit=9)


GIVEN_UP = Filter(outcomes=frozenset({Outcome.GIVEN_UP}))


def noted(store: Store) -> Journal:
    """With a delivery that has ended, of which two records came."""
    notes.note(store, routed(notes.event("e"), [7]))
    for _ in range(2):
        append(store, frame([record(7)], [notes.event("e")]))
    return store.journal


def forgetting_tags(store: Store) -> object:
    """With rows to forget, for both reasons."""
    tags = [Adopted("a", f"v{n}", "sha256:a" if n > 3 else None) for n in range(9)]
    store.tags.adopt("myregistry", tags, 1)
    return store.tags.prune(2, most=2, limit=9)


def known_tags(store: Store) -> object:
    """Of all repositories, and of one."""
    store.tags.page("myregistry", repository="a", after=("", ""), limit=9)
    return store.tags.page("myregistry", repository=None, after=("a", "v1"), limit=9)


ACTIONS: list[tuple[str, Action]] = [
    ("first page", lambda store: store.eventlog.page(7, before=None, limit=5)),
    ("next page", lambda store: store.eventlog.page(7, before=99, limit=5)),
    (
        "attempted",
        lambda store: store.eventlog.attempted([("event-1", 1_000, 7, 1), ("b", 2, 8, 1)]),
    ),
    ("of event", lambda store: store.eventlog.of_event("event-1", None)),
    ("of event and webhooks", lambda store: store.eventlog.of_event("event-1", [1, 7])),
    ("append", lambda store: append(store, frame([record(), record(8)]), frame())),
    ("known frames", lambda store: store.eventlog.known_frames(["a", "b"])),
    ("notes of frames", lambda store: take(store, accepted(event("e")))),
    ("entering", lambda store: (take(store, accepted(event("e"))), store.journal.enter())),
    ("entered", lambda store: (take(store, frame_id="a"), store.journal.has_entered("a"))),
    ("checking", lambda store: store.journal.check()),
    ("settling", lambda store: noted(store).settle()),
    ("forgetting", lambda store: noted(store).prune(2**50, limit=5)),
    ("position", lambda store: store.eventlog.position("portcall.log")),
    ("webhook", lambda store: store.webhooks.get("myregistry", "webhook1")),
    ("webhooks", lambda store: store.webhooks.list("myregistry", after="a", limit=5)),
    ("count", lambda store: store.webhooks.count("myregistry")),
    ("by ids", lambda store: store.webhooks.by_ids([1, 2, 3])),
    ("changes", changes),
    ("put", lambda store: store.webhooks.put_many([draft(), draft("webhook2")])),
    ("patch", lambda store: store.webhooks.patch("myregistry", "webhook1", scope="app")),
    ("disable", lambda store: store.webhooks.disable(webhook_id(store), "410 Gone", 1)),
    (
        "count what was given up",
        lambda store: store.replays.count(Selection(registry="myregistry")),
    ),
    ("page of a registry", lambda store: replay_page(store, Selection(registry="myregistry"))),
    (
        "page of a webhook",
        lambda store: replay_page(
            store, Selection(registry="myregistry", webhook_id=7, outcomes=ENDINGS, since_ms=5)
        ),
    ),
    (
        "page of an event",
        lambda store: replay_page(
            store, Selection(registry="myregistry", webhook_id=7, event_id="event-1")
        ),
    ),
    ("claim replays", lambda store: store.replays.claim("me", now_ms=5, lease_ms=5)),
    ("standing", lambda store: store.webhook_health.advance(disable_after_ms=1, now_ms=5)),
    ("adding up", lambda store: store.traffic.advance(now_ms=5)),
    ("forgetting traffic", lambda store: store.traffic.prune(now_ms=5, before_ms=5, limit=5)),
    ("traffic of webhooks", traffic_of_webhooks),
    ("traffic totals", traffic_totals),
    ("traffic of all", lambda store: store.traffic.series(since_ms=1, until_ms=5)),
    (
        "traffic of a webhook",
        lambda store: store.traffic.series(
            since_ms=1, until_ms=5, registry="myregistry", webhook_id=7
        ),
    ),
    ("searching all", lambda store: store.searching.search(Filter(tag="v9"))),
    ("searching a time", lambda store: store.searching.search(Filter(since_ms=1, until_ms=9))),
    ("searching what was given up", lambda store: store.searching.search(GIVEN_UP)),
    ("a record", lambda store: store.searching.get(1)),
    ("sightings", lambda store: store.digests.find([b"a", b"b"])),
    ("forgetting sightings", forgetting_sightings),
    ("known tags", known_tags),
    ("forgetting known tags", forgetting_tags),
    ("delete", lambda store: store.webhooks.delete("myregistry", "webhook1")),
]


@pytest.mark.parametrize("action", [pytest.param(do, id=name) for name, do in ACTIONS])
def test_no_table_is_read_from_end_to_end(store: Store, action: Action) -> None:
    add_registry(store)
    add_webhook(store)
    append(store, frame(), frame())
    with plans_of(store) as steps:
        assert action(store) is not None
    assert any(step.startswith("SEARCH") for step in steps)
    assert [step for step in steps if step.startswith("SCAN") and not is_of_values(step)] == []


def is_of_values(step: str) -> bool:
    """Whether the scan is of nothing but what is wanted: values in the statement, a partial index."""
    of_little = ("SCAN wanted", "SCAN each_delivery")
    return step in of_little or "CONSTANT ROW" in step or "ix_journal_frames_waiting" in step


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        pytest.param(Filter(webhook_id=7, tag="v1"), "ix_records_webhook_id_id", id="webhook"),
        pytest.param(GIVEN_UP, "ix_records_given_up", id="given up"),
        pytest.param(
            Filter(outcomes=frozenset({Outcome.REFUSED})), "ix_records_refused", id="refused"
        ),
        pytest.param(Filter(event_id="event-1"), "ix_records_event_key_webhook_id", id="event"),
        pytest.param(
            Filter(registry="myregistry"), "INTEGER PRIMARY KEY (rowid>? AND rowid<?)", id="ids"
        ),
    ],
)
def test_a_search_goes_by_the_index_of_what_it_asks_for(
    store: Store, wanted: Filter, index: str
) -> None:
    append(store, frame(), frame())
    with plans_of(store) as steps:
        store.searching.search(wanted)
    joined = steps.index("SEARCH events USING INTEGER PRIMARY KEY (rowid=?)")
    assert any(index in step for step in steps[joined - 1 : joined + 2]), steps


def test_pruning_reads_the_oldest_by_their_ids(store: Store) -> None:
    append(store, frame(), frame())
    with plans_of(store) as steps:
        assert store.eventlog.prune(10_000, limit=5) == 2
    scanned = [step for step in steps if step.startswith("SCAN")]
    assert scanned == [
        "SCAN records",  # up to the limit, in the order of the primary key: see below
        "SCAN frames USING COVERING INDEX ix_frames_record_id",  # the newest few
    ]
    assert not any("B-TREE" in step for step in steps)


def test_a_delete_reads_the_tags_of_its_digest_alone(store: Store) -> None:
    with plans_of(store) as steps, store.database.writing() as connection:
        take_tags(connection, [Note("", "e", "r", 1, None, "delete", "team/app", "", "sha256:a")])
    update, tags = (step for step in steps if step.startswith("SEARCH known_tags"))
    assert update.endswith("PRIMARY KEY (registry=? AND repository=? AND tag=?)")
    assert tags.endswith("_registry_repository_digest (registry=? AND repository=? AND digest=?)")


def test_only_webhooks_for_deleted_tags_are_read_to_find_them(store: Store) -> None:
    with plans_of(store) as steps:
        store.subscribers.untagging()
    assert any("ix_webhooks_untag" in step for step in steps)
    assert any("ix_webhooks_names_tags" in step for step in steps)


def test_the_tags_of_a_digest_are_found_by_it(store: Store) -> None:
    body = Raw(b'{"target":{"digest":"sha256:a"},"request":{"id":"r1"}}')
    with plans_of(store) as steps:
        store.deleted_tags.named([Event("e", "r", "delete", 1, body, "team/app")])
    assert any("ix_deleted_tags_request_id" in step for step in steps)
    assert any("_registry_repository_digest" in step for step in steps)


@pytest.mark.parametrize("before", [None, 99])
def test_a_page_is_not_sorted(store: Store, before: int | None) -> None:
    append(store, frame(), frame())
    with plans_of(store) as steps:
        store.eventlog.page(7, before=before, limit=5)
    assert not any("B-TREE" in step for step in steps)
    assert any("ix_records_webhook_id_id (webhook_id=?" in step for step in steps)


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(
            lambda store: store.eventlog.attempted([("event-1", 1_000, 7, 1)]), id="attempted"
        ),
        pytest.param(lambda store: store.eventlog.of_event("event-1", [7]), id="of event"),
    ],
)
def test_records_of_an_event_are_not_looked_for_among_those_of_the_webhook(
    store: Store, ask: Action
) -> None:
    append(store, frame(), frame())
    with plans_of(store) as steps:
        assert ask(store)
    assert any("ix_records_event_key_webhook_id (event_key=? AND webhook_id" in s for s in steps)
    assert not any("ix_records_webhook_id_id" in step for step in steps), steps


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(
            lambda store: store.replays.count(Selection(registry="myregistry")), id="count"
        ),
        pytest.param(lambda store: replay_page(store, Selection(registry="myregistry")), id="page"),
    ],
)
def test_only_records_that_were_given_up_are_looked_through_for_them(
    store: Store, ask: Action
) -> None:
    append(store, frame(), frame())
    with plans_of(store) as steps:
        ask(store)
    assert any("ix_records_given_up (" in step for step in steps), steps
