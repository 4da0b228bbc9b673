"""How every store finds records."""

import msgspec
import pytest

from portcall.schemas.deliveries import delivery_id
from portcall.schemas.events import Event
from portcall.schemas.records import Outcome, RawRecord, RecordOf
from portcall.store.engine import Store
from portcall.store.records import scan
from portcall.store.records.filters import Filter
from portcall.store.records.searching import FoundEvent, FoundRecords
from tests.unit.store.contract.eventlog import append
from tests.unit.store.samples import frame

MINUTE = 60_000
T = 1_700_000_000_000


def event(
    event_id: str,
    *,
    registry: str = "myregistry",
    action: str = "push",
    repository: str = "team/app",
    tag: str = "v1",
) -> Event:
    return Event(event_id, registry, action, T, msgspec.Raw(b"{}"), repository, tag)


def record(
    of: int,
    webhook_id: int = 7,
    *,
    attempt: int = 1,
    outcome: Outcome = Outcome.DELIVERED,
    status: int = 200,
    at_ms: int = T,
) -> RawRecord:
    return RecordOf(of, webhook_id, attempt, outcome, status, at_ms, 1_500, msgspec.Raw(b"{}"))


def ids(found: FoundRecords) -> list[str]:
    return [line.event_id for line in found.lines]


@pytest.fixture
def filled(store: Store) -> Store:
    """Eight records that differ in what can be asked for; the last one is the newest."""
    events = [
        event("a"),
        event("b", action="delete", tag=""),
        event("c", repository="team/app-ui", tag="v2"),
        event("d", registry="other", repository="100%"),
    ]
    records = [
        record(0, outcome=Outcome.RETRIED, status=503, at_ms=T),
        record(0, attempt=2, at_ms=T + 10 * MINUTE),
        record(1, 8, outcome=Outcome.RETRIED, status=0, at_ms=T + 20 * MINUTE),
        record(1, 8, attempt=2, outcome=Outcome.GIVEN_UP, status=410, at_ms=T + 30 * MINUTE),
        record(2, status=202, at_ms=T + 40 * MINUTE),
        record(2, 8, outcome=Outcome.CANCELLED, status=0, at_ms=T + 50 * MINUTE),
        record(3, 9, status=301, outcome=Outcome.RETRIED, at_ms=T + 60 * MINUTE),
        record(3, 9, attempt=2, status=200, at_ms=T + 70 * MINUTE),
    ]
    append(store, frame(records, events))
    return store


FILTERS = [
    pytest.param(Filter(), "ddccbbaa", id="everything"),
    pytest.param(Filter(registry="myregistry"), "ccbbaa", id="registry"),
    pytest.param(Filter(registry="none"), "", id="unknown registry"),
    pytest.param(Filter(webhook_id=8), "cbb", id="webhook"),
    pytest.param(Filter(webhook_id=99), "", id="webhook without a record"),
    pytest.param(Filter(event_id="b"), "bb", id="event"),
    pytest.param(Filter(event_id="c", webhook_id=8), "c", id="event of a webhook"),
    pytest.param(Filter(event_id="z"), "", id="unknown event"),
    pytest.param(Filter(status_classes=frozenset({2})), "dca", id="2xx"),
    pytest.param(Filter(status_classes=frozenset({0})), "cb", id="without an answer"),
    pytest.param(Filter(status_classes=frozenset({3, 5})), "da", id="3xx and 5xx"),
    pytest.param(Filter(statuses=frozenset({410})), "b", id="exact status"),
    pytest.param(
        Filter(statuses=frozenset({410}), status_classes=frozenset({5})), "ba", id="either"
    ),
    pytest.param(Filter(outcomes=frozenset({Outcome.GIVEN_UP})), "b", id="given up"),
    pytest.param(
        Filter(outcomes=frozenset({Outcome.GIVEN_UP, Outcome.CANCELLED})), "cb", id="outcomes"
    ),
    pytest.param(Filter(actions=frozenset({"delete"})), "bb", id="action"),
    pytest.param(Filter(repository="APP"), "ccbbaa", id="part of a repository"),
    pytest.param(Filter(repository="app-ui"), "cc", id="another part"),
    pytest.param(Filter(repository="%"), "dd", id="a sign that patterns know"),
    pytest.param(
        Filter(repository="team/app", repository_is_exact=True), "bbaa", id="a repository"
    ),
    pytest.param(Filter(tag="v2"), "cc", id="tag"),
    pytest.param(Filter(first_attempts=True), "dccba", id="first attempts"),
    pytest.param(Filter(first_attempts=False), "dba", id="later attempts"),
    pytest.param(Filter(since_ms=T + 40 * MINUTE), "ddcc", id="since"),
    pytest.param(Filter(until_ms=T + 10 * MINUTE), "a", id="until"),
    pytest.param(Filter(since_ms=T + 5 * MINUTE, until_ms=T + 25 * MINUTE), "ba", id="between"),
    pytest.param(
        Filter(webhook_id=9, status_classes=frozenset({2}), tag="v1"), "d", id="all at once"
    ),
]


class SearchingContract:
    def test_a_line_says_why_its_attempt_did_not_succeed(self, store: Store) -> None:
        details = (b'{"failure": "connection_refused", "message": "nobody"}', b"not JSON", b"{}")
        records = [
            RecordOf(0, 7, number, Outcome.RETRIED, 0, T, 5, msgspec.Raw(each))
            for number, each in enumerate(details, 1)
        ]
        append(store, frame([*records, record(0, attempt=4, status=200)], [event("a")]))
        lines = store.searching.search(Filter()).lines
        assert [each.reason for each in lines] == [
            "",
            "no answer",
            "no answer",
            "connection refused",
        ]
        assert store.searching.reasons([lines[3].id, 999]) == {lines[3].id: "connection refused"}
        assert store.searching.reasons([]) == {}

    def test_the_newest_record_of_each_delivery_is_known(self, filled: Store) -> None:
        found = filled.searching
        lines = found.search(Filter(webhook_id=8)).lines
        assert [each.attempt for each in lines] == [1, 2, 1]
        assert found.newest_of(lines[2:]) == {("b", T, 8): lines[1].id}
        assert found.newest_of([]) == {}

    @pytest.mark.parametrize(("wanted", "expected"), FILTERS)
    def test_what_fits_is_found_newest_first(
        self, filled: Store, wanted: Filter, expected: str
    ) -> None:
        found = filled.searching.search(wanted)
        assert "".join(ids(found)) == expected
        assert found.next is None

    @pytest.mark.parametrize(("wanted", "expected"), FILTERS)
    def test_pages_of_one_and_windows_of_two_come_to_the_same(
        self, filled: Store, monkeypatch: pytest.MonkeyPatch, wanted: Filter, expected: str
    ) -> None:
        monkeypatch.setattr(scan, "WINDOWS", (1, 2))
        seen: list[str] = []
        before: int | None = None
        while True:
            found = filled.searching.search(wanted, before=before, limit=1)
            seen += ids(found)
            before = found.next
            if before is None:
                break
        assert "".join(seen) == expected

    def test_a_search_without_time_says_how_far_it_came(
        self, filled: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(scan, "WINDOWS", (3,))
        wanted = Filter(tag="nothing")
        first = filled.searching.search(wanted, budget_s=0)
        assert first.lines == []
        assert not first.is_full
        assert first.searched_to_ms == T + 50 * MINUTE
        second = filled.searching.search(wanted, before=first.next, budget_s=0)
        assert second.searched_to_ms == T + 20 * MINUTE
        last = filled.searching.search(wanted, before=second.next, budget_s=0)
        assert (last.next, last.searched_to_ms) == (None, T)

    def test_a_full_page_says_where_to_go_on(self, filled: Store) -> None:
        found = filled.searching.search(Filter(webhook_id=7), limit=2)
        assert found.is_full
        assert ids(found) == ["c", "a"]
        assert found.next == found.lines[-1].id

    def test_an_empty_log_has_nothing(self, store: Store) -> None:
        assert store.searching.search(Filter()) == FoundRecords([])

    def test_a_line_leads_to_its_record(self, filled: Store) -> None:
        (line,) = filled.searching.search(Filter(outcomes=frozenset({Outcome.GIVEN_UP}))).lines
        found = filled.searching.get(line.id)
        assert found is not None
        assert (found.event_id, found.status, found.attempt) == ("b", 410, 2)
        assert filled.searching.get(line.id + 99) is None
        assert filled.searching.get(2**70) is None


def test_the_event_of_a_delivery_is_found_by_the_id_of_the_delivery(filled: Store) -> None:
    found = filled.searching.event_of("myregistry", delivery_id("b", 8))
    assert found == FoundEvent("b")
    for registry, wanted in (("other", delivery_id("b", 8)), ("myregistry", delivery_id("b", 9))):
        assert filled.searching.event_of(registry, wanted) == FoundEvent("")


def test_a_search_for_a_delivery_says_how_far_it_got_in_its_time(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portcall.store.records.searching._DELIVERIES", 1)
    newest = filled.searching.search(Filter()).lines[0]
    found = filled.searching.event_of("myregistry", delivery_id("a", 7), budget_s=0.0)
    assert found == FoundEvent("", newest.started_ms)
    assert filled.searching.event_of("myregistry", delivery_id("a", 7)) == FoundEvent("a")
