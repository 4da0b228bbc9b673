"""The oracle's rules, as tables."""

import pytest

from portcall.loadtest.judge.oracle import UNASKED, Judgement, Processed, Violation, judge
from portcall.loadtest.judge.processed import ProcessedError, read
from portcall.loadtest.judge.questions import oracle_section
from portcall.loadtest.judge.rightness import faults_section, retries_section, storm_of, tallies
from portcall.loadtest.measure.endings import UNCHECKED
from portcall.loadtest.measure.ledger import LedgerEntry
from portcall.loadtest.plan import NotSent
from portcall.loadtest.send.retrying import Outage, Policy
from tests.unit.loadtest.samples import deliveries, entry, ledger, outcome, planned


def ids(verdict: Judgement) -> dict[str, list[str]]:
    """What is wrong, by kind, without what is empty."""
    found = {
        "missing": verdict.missing,
        "lost": verdict.lost,
        "twice": verdict.twice,
        "phantom": verdict.phantom,
        "unknown": verdict.unknown,
        "order": [each.delivery_id for each in verdict.violations],
    }
    return {name: each for name, each in found.items() if each}


@pytest.mark.parametrize(
    ("entries", "processed", "wrong"),
    [
        ([entry("a", 200)], ["a"], {}),
        ([entry("a", 200)], [], {"lost": ["a"]}),
        ([entry("a", 500)], [], {"missing": ["a"]}),
        ([entry("a", 0)], [], {"missing": ["a"]}),
        ([entry("a", 500)], ["a"], {}),
        ([entry("a", 500, 200)], ["a"], {}),
        ([entry("a", 200)], ["a", "a"], {"twice": ["a"]}),
        ([entry("a", 200)], ["b"], {"lost": ["a"], "unknown": ["b"]}),
        ([entry("a", 401, fault="wrong-signature")], [], {}),
        ([entry("a", 200, fault="wrong-signature")], [], {}),
        ([entry("a", 401, fault="wrong-signature")], ["a"], {"phantom": ["a"]}),
        ([entry("a", 0, fault="cut-off")], ["a"], {"phantom": ["a"]}),
        ([entry("a", 413, fault="huge-1mb")], [], {}),
        ([entry("a", 200, fault="huge-1mb")], [], {"lost": ["a"]}),
        ([entry("a", 200, fault="huge-1mb")], ["a", "a"], {"twice": ["a"]}),
        ([entry("a", 200, 200, fault="duplicate")], ["a"], {}),
        ([entry("a", 200, 200, fault="duplicate")], ["a", "a"], {"twice": ["a"]}),
        ([], [], {}),
    ],
    ids=["right", "lost", "missing", "no answer", "done though it said 500", "retried", "twice", "unknown",
         "forged", "forged and taken", "forged and processed", "cut off and processed", "huge refused", "huge lost",
         "huge twice", "duplicate", "duplicate twice", "nothing"],
)  # fmt: skip
def test_a_delivery_is_judged(
    entries: list[LedgerEntry], processed: list[str], wrong: dict[str, list[str]]
) -> None:
    verdict = judge(entries, [Processed(each) for each in processed])
    assert ids(verdict) == wrong
    assert verdict.right is not bool(set(wrong) - {"unknown"})


OLD, NEW = (
    entry("old", 200, keys=("r:t", "r@1"), rank=1),
    entry("new", 200, keys=("r:t", "r@2"), rank=2),
)
GONE = entry("gone", 200, keys=("r@1",), rank=3)
FORGED = entry("forged", 200, fault="tampered", keys=("r:t",), rank=9)
SAME = entry("same", 200, keys=("r:t",), rank=2)


@pytest.mark.parametrize(
    ("processed", "violations"),
    [
        (["old", "new", "gone"], []),
        (["new", "old"], [Violation("r:t", "old", "new")]),
        (["gone", "old"], [Violation("r@1", "old", "gone")]),
        (["new", "old stale"], []),
        (["new stale", "old"], []),
        (["old", "new", "old"], []),
        (["new", "same"], []),
        (["same", "new"], []),
        (["forged", "new"], []),
        (["new", "other", "old"], [Violation("r:t", "old", "new")]),
        (["new", "gone", "old"], [Violation("r:t", "old", "new")]),
    ],
    ids=["in order", "tag", "digest", "left alone", "only the newer left alone", "duplicate", "same time", "same time again",
         "forged is no order", "a stranger between", "told once"],
)  # fmt: skip
def test_the_order_is_judged(processed: list[str], violations: list[Violation]) -> None:
    said = [Processed(each.split()[0], each.endswith("stale")) for each in processed]
    assert judge([OLD, NEW, GONE, FORGED, SAME], said).violations == violations


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("a\nb\n", [Processed("a"), Processed("b")]),
        ("a\n\n  b  \r\n", [Processed("a"), Processed("b")]),
        ("a stale\nb", [Processed("a", stale=True), Processed("b")]),
        ('["a", "b"]', [Processed("a"), Processed("b")]),
        ("[1, 2]", [Processed("1"), Processed("2")]),
        ('{"processed": ["a"]}', [Processed("a")]),
        ('{"ids": [{"id": "a", "stale": true}]}', [Processed("a", stale=True)]),
        ('[{"webhook_id": "a"}, {"delivery_id": "b"}]', [Processed("a"), Processed("b")]),
        ('{"id": "a"}', [Processed("a")]),
        ('{"id": "a"}\n{"id": "b", "stale": true}\n', [Processed("a"), Processed("b", stale=True)]),
        ("17", [Processed("17")]),
        ("[]", []),
        ('"a",\n"b",', [Processed("a"), Processed("b")]),
    ],
)
def test_what_a_consumer_says_is_read(text: str, expected: list[Processed]) -> None:
    assert list(read(text)) == expected


@pytest.mark.parametrize("text", ['{"count": 3}', '[{"name": "a"}]', "null", '{"id":"a"}\n{"id"'])
def test_what_cannot_be_read_is_told(text: str) -> None:
    with pytest.raises(ProcessedError, match="--processed"):
        list(read(text))


def test_the_oracle_s_chapter_counts_everything() -> None:
    entries = [
        entry("a", 200, keys=("k",)), entry("b", 200, 200, fault="duplicate", keys=("k",)),
        entry("c", 200), entry("d", 401, fault="wrong-signature"),
    ]  # fmt: skip
    verdict = judge(entries, [Processed("a"), Processed("b"), Processed("b"), Processed("x")])
    section = oracle_section(ledger(*entries), verdict, 10.0)
    assert section.grade == "wrong"
    counts = {name: metric.values["count"] for name, metric in section.metrics.items()}
    assert counts == {
        "processed": 2, "missing": 0, "lost_after_accept": 1, "processed_twice": 1, "phantom": 0, "order_violations": 0,
    }  # fmt: skip
    assert [finding.name for finding in section.findings if not finding.ok] == [
        "lost after accept",
        "processed twice",
    ]
    assert any("1 that this run did not send" in words for words in section.words)


@pytest.mark.parametrize(
    ("entries", "processed", "empty"),
    [
        ([entry("a", 400)], [],
         {"lost after accept", "processed twice", "phantom", "order"}),
        ([entry("a", 200)], ["a"], {"phantom", "order"}),
        ([entry("a", 401, fault="wrong-signature")], [],
         {"missing", "lost after accept", "processed twice", "order"}),
        ([entry("a", 200, keys=("k",)), entry("b", 200, keys=("k",))], ["a", "b"], {"phantom"}),
    ],
    ids=["all refused", "one taken", "only forged", "two about one tag"],
)  # fmt: skip
def test_a_question_about_no_delivery_has_no_samples(
    entries: list[LedgerEntry], processed: list[str], empty: set[str]
) -> None:
    verdict = judge(entries, [Processed(each) for each in processed])
    section = oracle_section(ledger(*entries), verdict, 1.0)
    untold = {each.name: each.detail for each in section.findings if each.ok is None}
    assert set(untold) == empty
    assert all(detail.startswith("no samples: ") for detail in untold.values())
    values = [
        metric.values["count"] for name, metric in section.metrics.items() if name != "processed"
    ]
    assert sum(value is None for value in values) == len(empty)


def test_of_nothing_sent_the_oracle_cannot_tell() -> None:
    section = oracle_section(ledger(), judge([], []), 1.0)
    assert [(each.ok, each.code) for each in section.findings] == [(False, UNCHECKED)]
    assert "no samples" in section.findings[0].detail
    assert not section.grade
    assert not section.metrics


def test_faults_of_which_nothing_was_sent_or_answered_are_not_caught() -> None:
    none_sent = faults_section(ledger(entry("a", 200)), UNASKED, 1.0)
    assert none_sent.metrics["faults_tripped"].values["count"] is None
    # To this fault no answer is right, too: but not where the consumer answered nothing at all.
    for others, ok in (([], None), ([entry("b", 200)], True)):
        section = faults_section(ledger(entry("a", 0, fault="cut-off"), *others), UNASKED, 1.0)
        (finding,) = section.findings
        assert finding.ok is ok
        assert ("no samples" in finding.detail) == (ok is None)


def test_retries_and_a_storm_of_nothing_have_no_samples() -> None:
    source = deliveries([], policy=Policy((1000,)), outage=Outage(0.0, 1.0))
    section = retries_section(source, 1.0)
    gauges = ("retry_amplification", "storm_drain", "storm_peak")
    assert [section.metrics[name].values["value"] for name in gauges] == [None] * 3
    assert "no samples" in section.words[0]
    assert "nothing came back" in section.words[1]


def test_an_oracle_that_was_not_asked_says_so() -> None:
    section = oracle_section(ledger(entry("a", 200)), UNASKED, 1.0)
    assert not section.findings
    assert "--processed" in section.words[0]


def test_the_chapter_of_faults_names_what_tripped() -> None:
    entries = [
        entry("a", 200, 200, fault="duplicate"),
        entry("b", 401, fault="wrong-signature"),
        entry("c", 500, fault="malformed-signature"),
        entry("d", 200),
    ]
    verdict = judge(entries, [Processed("a"), Processed("a"), Processed("d")])
    section = faults_section(ledger(*entries), verdict, 1.0)
    assert section.words[0].endswith(
        "the consumer failed 2 of them: duplicate, malformed-signature."
    )
    told = {finding.name: (finding.ok, finding.detail) for finding in section.findings}
    assert [ok for ok, _ in told.values()] == [False, True, False]
    assert "1 were 5xx" in told["malformed-signature"][1]
    assert "1 of 1 was processed wrongly. For example a (push" in told["duplicate"][1]
    assert section.metrics["faults_tripped"].values["count"] == 2


def test_without_the_oracle_a_duplicate_cannot_be_told() -> None:
    entries = [entry("a", 200, 200, fault="duplicate"), entry("b", 401, fault="wrong-signature")]
    section = faults_section(ledger(*entries), UNASKED, 1.0)
    assert {finding.name: finding.ok for finding in section.findings} == {
        "duplicate": None,
        "wrong-signature": True,
    }
    assert [row[-1] for row in section.rows] == ["-", "-"]


def test_tallies_count_posts_and_answers() -> None:
    (tally,) = tallies([entry("a", 200, 500, fault="duplicate"), entry("b", 200)], UNASKED)
    assert (tally.deliveries, tally.posts, tally.as_wanted, tally.server_errors) == (1, 2, 1, 1)
    assert not tally.caught


def test_the_ledger_notes_what_an_engine_tells() -> None:
    source = deliveries([0.0, 1.0])
    first, second = source
    book = source.ledger
    for each in (first, first):
        book.sent(each)
    book.done(outcome(first, 500))
    book.done(outcome(first, 204))
    book.left_out(NotSent(second, "too late"))
    known = book.entries[first.delivery_id]
    assert known.taken
    assert known.taken_at_s == pytest.approx(0.01)
    assert [status for _, status in known.answers] == [500, 204]
    assert [each.delivery_id for each in book.sent_entries] == [first.delivery_id]
    assert book.amplification == 2.0
    assert book.entries[second.delivery_id].not_sent == ["too late"]
    book.sent(planned("of a recorded trace"))
    assert book.entries["of a recorded trace"].sent == 1


def test_a_storm_is_measured() -> None:
    source = deliveries(
        [number / 100 for number in range(300)],
        policy=Policy((300, 900), jitter=False), outage=Outage(1.0, 2.0),
    )  # fmt: skip
    for post in source:
        source.ledger.sent(post)
        source.ledger.done(outcome(post))
    storm = storm_of(source.ledger, 2.0)
    assert storm.held == 100
    assert storm.drain_s == pytest.approx(0.9, abs=0.05)
    assert (storm.peak, storm.peak_s) == (200, 0)
    section = retries_section(source, 3.0)
    assert "100 deliveries came back" in section.words[1]
    assert section.metrics["storm_peak"].values["value"] == 200
    assert section.metrics["retry_amplification"].values["value"] == 1.0
