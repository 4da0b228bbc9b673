"""How a run ends: exit code, terminal, JUnit, HTML, Markdown and JSON say the same, in a table."""

import json
import re
from collections.abc import Callable, Sequence
from html import unescape
from typing import NamedTuple
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from portcall.cli.loadtest.summary import show_result
from portcall.loadtest.conformance.judging import Check, Weight, grade
from portcall.loadtest.dashboard.state import Phase, Watched, state_of
from portcall.loadtest.judge.accepting import accepting_section
from portcall.loadtest.judge.oracle import UNASKED, Judgement, Processed, judge
from portcall.loadtest.judge.questions import oracle_section
from portcall.loadtest.judge.rightness import faults_section
from portcall.loadtest.judge.thresholds import Threshold, ThresholdResult, parse_threshold
from portcall.loadtest.measure.endings import UNCHECKED, Ending
from portcall.loadtest.measure.ledger import Ledger, LedgerEntry
from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.measure.sections import Finding, Section
from portcall.loadtest.outputs import html, junit, k6, markdown
from portcall.loadtest.report.card import MOST, card_of, command_for
from portcall.loadtest.report.merging import merge
from portcall.loadtest.report.packed import unpack
from portcall.loadtest.report.result import Result
from portcall.loadtest.report.verdict import Reason
from portcall.loadtest.send.generator import GeneratorHealth
from portcall.schemas.records import Failure
from tests.unit.loadtest.runs import ABOUT, WELL, measured_of, outcome, planned, result_of, steady
from tests.unit.loadtest.samples import entry, ledger

LATE = replace(WELL, problem="the generator itself was late", slow=True)
FULL = replace(WELL, problem="5 of 105 requests were not sent")
DEAD = "the connection was refused"
AGAIN = "portcall loadtest --uri http://127.0.0.1:9000/hook --seed 7"
PROBE = "portcall loadtest --uri http://127.0.0.1:9000/hook --rate 5 --duration 2s"


def answering(status: int, count: int = 100) -> Measurements:
    return measured_of(outcome(planned(n / 100), status=status) for n in range(count))


def refusing() -> Measurements:
    return measured_of(
        outcome(planned(n / 100), status=0, failure=Failure.REFUSED, message=DEAD)
        for n in range(10)
    )


def delivered(*statuses: int) -> Ledger:
    """A delivery without a fault for each final status."""
    entries = [entry(f"msg_{number}", status) for number, status in enumerate(statuses)]
    for each in entries:
        if not each.answers[-1][1]:
            each.reason = DEAD
    return ledger(*entries)


def accepted(*statuses: int) -> Section:
    return accepting_section(delivered(*statuses), frozenset())


def asked(*processed: str, entries: Sequence[LedgerEntry] = ()) -> Section:
    book = ledger(*(entries or [entry("msg_1", 200), entry("msg_2", 200)]))
    seen = [Processed(each) for each in processed]
    return oracle_section(book, judge(book.sent_entries, seen), 1.0)


def faulty(*entries: LedgerEntry, verdict: Judgement = UNASKED) -> Section:
    return faults_section(ledger(*entries), verdict, 1.0)


def graded(*weights: Weight) -> Section:
    names = ("signature", "dedup", "bodies", "fast 2xx")
    checks = [
        Check(name, weight is Weight.FINE, weight, ("seen",), fault="wrong-signature")
        for name, weight in zip(names, weights, strict=False)
    ]
    return Section(
        "Conformance", findings=tuple(each.finding for each in checks), grade=grade(checks)
    )


UNASKABLE = Section(
    "Checks",
    findings=(
        Finding("it was asked", ok=False, detail="it is gone", code=UNCHECKED, brief="not asked"),
    ),
)


class Told(NamedTuple):
    """What every output must say."""

    ending: Ending
    code: int
    headline: str
    reasons: int


def passed() -> Told:
    return Told(Ending.PASSED, 0, "passed", 0)


def failed(code: int, words: str, reasons: int = 1) -> Told:
    return Told(Ending.FAILED, code, f"failed: {words}", reasons)


def no_verdict(code: int, words: str, reasons: int = 1) -> Told:
    return Told(Ending.NO_VERDICT, code, words, reasons)


def run(
    measured: Measurements,
    *sections: Section,
    bounds: Sequence[str] = (),
    health: GeneratorHealth = WELL,
    interrupted: bool = False,
    report_only: bool = False,
) -> Result:
    found = result_of(
        measured,
        thresholds=[parse_threshold(each) for each in bounds],
        sections=sections,
        health=health,
        interrupted=interrupted,
        report_only=report_only,
    )
    return replace(found, about=replace(ABOUT, again=AGAIN, probe=PROBE))


def aborted(bound: Threshold, value: float) -> Result:
    """Ended by its threshold, though the last answers made up for it."""
    return replace(
        result_of(answering(200), thresholds=[bound]), crossed=ThresholdResult(bound, value)
    )


NAIVE = [entry("twice", 200, 200, fault="duplicate"), entry("lost", 200), entry("fine", 200)]
TWICE_AND_LOST = asked("twice", "twice", "fine", entries=NAIVE)
FORGED = entry("forged", 200, fault="wrong-signature")
TABLE: dict[str, tuple[Result, Told]] = {
    "all is well": (run(answering(200), accepted(200, 200)), passed()),
    "a threshold is met": (run(answering(200), accepted(200), bounds=["p(99)<500"]), passed()),
    "one of 100 fails": (run(answering(200), accepted(*[200] * 99, 500)), passed()),
    "retries made up for failures": (
        run(answering(200), accepting_section(ledger(entry("a", 500, 200)), frozenset())),
        passed(),
    ),
    "every connection is refused": (
        run(refusing(), accepted(0, 0)),
        failed(96, f"no request was answered, so nothing was measured: {DEAD}"),
    ),
    "some connections are refused": (
        run(measured_of([*steady(90)]), accepted(*[200] * 90, *[0] * 10)),
        failed(95, f"10 of 100 valid deliveries not accepted: {DEAD}"),
    ),
    "only 404": (
        run(answering(404), accepted(404, 404)),
        failed(95, "2 of 2 valid deliveries not accepted: answered 404"),
    ),
    "only 404, which is a final answer": (
        run(answering(404), accepting_section(delivered(404, 404), frozenset({404}))),
        failed(95, "2 of 2 valid deliveries not accepted: answered 404"),
    ),
    "some are refused by a final answer": (
        run(answering(200), accepting_section(delivered(200, 404), frozenset({404}))), passed()
    ),
    "a threshold of one's own on failed requests": (
        run(answering(404), accepted(404), bounds=["http_req_failed: rate<=1"]), passed()
    ),
    "a threshold on failed deletes is not about the others": (
        run(answering(404), accepted(404), bounds=["http_req_failed{status:404}: rate<=1"]),
        failed(95, "1 of 1 valid delivery not accepted: answered 404"),
    ),
    "a threshold is missed": (
        run(answering(200), accepted(200), bounds=["p(99)<5"]),
        failed(99, "http_req_scheduled_duration: p(99)<5"),
    ),
    "a threshold ended the run": (
        aborted(parse_threshold("p(99)<500", abort=True), 501.0),
        failed(99, "http_req_scheduled_duration: p(99)<500"),
    ),
    "a threshold has no samples": (
        run(refusing(), bounds=["p(99)<5"]),
        failed(
            99,
            f"no request was answered, so nothing was measured: {DEAD};"
            " http_req_scheduled_duration: p(99)<5 (no samples)",
            2,
        ),
    ),
    "lost and processed twice": (
        run(answering(200), accepted(200), TWICE_AND_LOST),
        failed(95, "1 lost after accept; 1 processed twice", 2),
    ),
    "lost and processed twice, and a threshold on it": (
        run(answering(200), TWICE_AND_LOST, bounds=["processed_twice: count==0"]),
        failed(99, "1 lost after accept; processed_twice: count==0", 2),
    ),
    "lost and processed twice, only reported": (
        run(answering(200), TWICE_AND_LOST, report_only=True), passed()
    ),
    "only reported, but a threshold is missed": (
        run(answering(200), TWICE_AND_LOST, report_only=True, bounds=["lost_after_accept==0"]),
        failed(99, "lost_after_accept: count==0"),
    ),
    "a forged POST is accepted": (
        run(answering(200), faulty(FORGED)), failed(95, "faults: wrong-signature")
    ),
    "grade D": (
        run(answering(200), graded(Weight.MAJOR, Weight.MAJOR, Weight.MINOR, Weight.FINE)),
        failed(95, "grade D", 2),
    ),
    "grade C": (run(answering(200), graded(Weight.MAJOR)), failed(95, "grade C")),
    "grade F": (run(answering(200), graded(Weight.CRITICAL)), failed(95, "grade F")),
    "grade B": (run(answering(200), graded(Weight.FINE, Weight.FINE, Weight.MINOR)), passed()),
    "grade D, only reported": (
        run(answering(200), graded(Weight.MAJOR, Weight.MAJOR), report_only=True), passed()
    ),
    "grade D, which a threshold allows": (
        run(answering(200), graded(Weight.MAJOR, Weight.MAJOR), bounds=["conformance: value<9"]),
        failed(99, "conformance: value<9 (no samples)"),  # the section here measured none
    ),
    "the generator was late": (
        run(answering(200), accepted(200), health=LATE),
        no_verdict(98, "does not count: the generator itself was late"),
    ),
    "the generator was late, so a duration is open": (
        run(answering(200), accepted(200), health=LATE, bounds=["p(99)<5"]),
        no_verdict(98, "does not count: the generator itself was late"),
    ),
    "the generator was late, and the consumer wrong": (
        run(answering(200), TWICE_AND_LOST, health=LATE),
        failed(95, "1 lost after accept; 1 processed twice", 2),
    ),
    "the generator was late, and too many failed": (
        run(answering(500), health=LATE, bounds=["http_req_failed: rate<0.01"]),
        failed(99, "http_req_failed: rate<0.01"),
    ),
    "too many were in flight": (
        run(answering(200), health=FULL),
        no_verdict(98, "does not count: 5 of 105 requests were not sent"),
    ),
    "too many were in flight, and it was slow": (
        run(answering(200), health=FULL, bounds=["p(99)<5"]),
        failed(99, "http_req_scheduled_duration: p(99)<5"),
    ),
    "a check has no result": (
        run(answering(200), accepted(200), UNASKABLE),
        no_verdict(97, "not asked"),
    ),
    "nothing was sent to be asked about": (
        run(answering(200), oracle_section(Ledger(), Judgement(asked=True), 1.0)),
        no_verdict(97, "a requested check has no result: nothing was sent"),
    ),
    "stopped": (
        run(answering(200), accepted(200), interrupted=True),
        no_verdict(105, "stopped before its end"),
    ),
    "stopped, so that answers were not awaited": (
        run(answering(200), accepted(200, 0), interrupted=True),
        no_verdict(105, "stopped before its end"),
    ),
    "stopped, and processed twice until then": (
        run(answering(200), TWICE_AND_LOST, interrupted=True),
        failed(95, "1 lost after accept; 1 processed twice", 2),
    ),
    "nothing was planned": (
        run(measured_of([])), failed(96, "no request was planned, so nothing was measured")
    ),
}  # fmt: skip


@pytest.mark.parametrize(("result", "told"), TABLE.values(), ids=TABLE)
def test_the_verdict(result: Result, told: Told) -> None:
    verdict = result.verdict
    assert (verdict.ending, verdict.code, verdict.words) == told[:3]
    assert len(verdict.reasons) == told.reasons
    assert (result.exit_code, result.words) == (verdict.code, verdict.words)


@pytest.mark.parametrize(("result", "told"), TABLE.values(), ids=TABLE)
def test_junit_has_a_failure_or_an_error_if_and_only_if_it_did_not_pass(
    result: Result, told: Told
) -> None:
    tree = ET.fromstring(junit.render(result))  # noqa: S314 (our own)
    failures, errors = len(list(tree.iter("failure"))), len(list(tree.iter("error")))
    assert failures == (told.reasons if told.ending is Ending.FAILED else 0)
    assert errors == (told.reasons if told.ending is Ending.NO_VERDICT else 0)
    assert bool(failures + errors) == bool(told.code)
    skipped = len(list(tree.iter("skipped")))
    assert [tree.get(each) for each in ("failures", "errors", "skipped")] == [
        str(failures), str(errors), str(skipped)
    ]  # fmt: skip
    assert tree.get("tests") == str(len(list(tree.iter("testcase"))))
    assert (tree.findtext(".//system-out") or "").startswith(told.headline)


@pytest.mark.parametrize(("result", "told"), TABLE.values(), ids=TABLE)
def test_the_page_has_it_as_its_headline_and_in_its_colour(result: Result, told: Told) -> None:
    kinds = {Ending.PASSED: "good", Ending.FAILED: "bad", Ending.NO_VERDICT: "grey"}
    text = html.render(result)
    (headline,) = re.findall(r"<h1>(.*?)</h1>", text)
    badge = f'<span class="badge {kinds[told.ending]}">{told.ending}</span>'
    assert headline.startswith(badge)
    rest = unescape(headline.removeprefix(badge)).strip()
    assert rest == told.headline.removeprefix("failed: ").removeprefix("passed")
    assert text.index(f'<section class="card {kinds[told.ending]}">') < text.index(
        'class="equation"'
    )


@pytest.mark.parametrize(("result", "told"), TABLE.values(), ids=TABLE)
def test_the_terminal_says_it_first_and_last(
    result: Result, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    show_result(result, aside=False)
    lines = capsys.readouterr().out.splitlines()
    assert told.headline.startswith(lines[0])
    assert lines[-1].endswith(f"exit code {told.code}")
    assert lines[0] in lines[-5:-1]


@pytest.mark.parametrize(("result", "told"), TABLE.values(), ids=TABLE)
def test_markdown_json_and_the_dashboard_say_the_same(result: Result, told: Told) -> None:
    mark = {Ending.PASSED: "✅", Ending.FAILED: "❌", Ending.NO_VERDICT: "⚪"}[told.ending]
    assert markdown.render(result).startswith(f"## {mark} {told.headline.replace('<', '&lt;')}\n")
    ours = json.loads(k6.render(result))["portcall"]
    assert (ours["passed"], ours["exitCode"]) == (not told.code, told.code)
    assert (ours["verdict"], ours["ending"]) == (told.headline, told.ending)
    state = state_of(Watched("1", "", "", 1.0, 1, ()), Phase.OVER, None, result)
    assert (state.exit_code, state.ending) == (told.code, told.ending)


@pytest.mark.parametrize(("result", "told"), TABLE.values(), ids=TABLE)
def test_a_merged_report_keeps_what_its_runs_found(result: Result, told: Told) -> None:
    packed = unpack(k6.render(result).encode(), "one.json")
    merged = merge([("one.json", packed)], [each.threshold for each in result.verdicts])
    assert (merged.verdict.ending, merged.verdict.code) == (told.ending, told.code)


# ---- the card ---------------------------------------------------------------------------------


def test_the_card_has_the_question_three_findings_and_what_to_do() -> None:
    naive = run(
        answering(200), accepted(*[500] * 5, 200), TWICE_AND_LOST, faulty(FORGED),
        graded(Weight.CRITICAL), bounds=["p(99)<5"],
    )  # fmt: skip
    card = card_of(naive)
    assert card.question == (
        "Can http://127.0.0.1:9000/hook take 100/s for 8 s within p(99)<5? Also asked: what it processed, its answers to faults."
    )
    assert [each.name for each in card.findings] == [
        "valid deliveries are accepted", "lost after accept", "wrong-signature"
    ]  # fmt: skip
    assert card.more == len(naive.verdict.reasons) - MOST
    assert len(card.steps) == MOST
    assert card.steps[0].command == f"{AGAIN} --only msg_0"
    assert "log" in card.steps[0].words


def test_a_pass_says_what_it_is_worth_and_what_was_not_asked() -> None:
    card = card_of(run(answering(200), accepted(200, 200)))
    assert [each.name for each in card.findings[:2]] == [
        "valid deliveries are accepted", "latency from the planned time"
    ]  # fmt: skip
    assert ["-t 'p(99)<500'" in each.words for each in card.steps] == [True, False]
    assert "--conformance" in card.steps[1].words
    whole = run(answering(200), TWICE_AND_LOST, report_only=True, bounds=["p(99)<500"])
    assert [each.name for each in card_of(whole).findings][:2] == [
        "lost after accept", "processed twice"
    ]  # fmt: skip
    assert card_of(whole).steps == ()


def test_each_finding_says_why_and_which_command_sends_its_example_again() -> None:
    lost, twice = (each for each in TWICE_AND_LOST.findings if each.ok is False)
    assert lost.detail == (
        "1 of 3 were answered 2xx and then never processed. For example lost (push), answered 200"
        " at 0.0 s"
    )
    assert "twice (push, duplicate), answered 200 at 0.0 s, 200 at 1.0 s" in twice.detail
    about = replace(ABOUT, again=AGAIN, probe=PROBE)
    assert command_for(about, lost) == f"{AGAIN} --only lost"
    assert command_for(about, graded(Weight.MAJOR).findings[0]) == (
        f"{PROBE} --fault wrong-signature:100%"
    )
    assert command_for(ABOUT, lost) == ""
    result = run(answering(200), TWICE_AND_LOST)
    for render in (html.render, markdown.render, junit.render):
        assert f"{AGAIN} --only lost" in render(result)


def test_an_example_of_a_wrong_order_has_both_deliveries() -> None:
    older = entry("older", 200, fault="swapped", keys=("a",), rank=1)
    newer = entry("newer", 200, keys=("a",), rank=2)
    section = asked("newer", "older", entries=[older, newer])
    (found,) = (each for each in section.findings if each.ok is False)
    assert found.example == ("older", "newer")
    book = ledger(older, newer)
    verdict = judge(book.sent_entries, [Processed("newer"), Processed("older")])
    assert faulty(older, newer, verdict=verdict).findings[0].example == ("older", "newer")


def test_what_a_consumer_may_ignore_is_not_lost() -> None:
    ignored = entry("ignored", 200, fault="stale-push")
    ignored.owed = False
    section = asked("push", entries=[ignored, entry("push", 200)])
    assert all(each.ok is not False for each in section.findings)
    assert "need not process" in section.words[-1]
    assert section.metrics["lost_after_accept"].values["count"] == 0


@pytest.mark.parametrize("status", [0, 401, 404, 429, 500, 400])
def test_what_to_do_depends_on_the_answer(status: int) -> None:
    section = accepted(status)
    words = {
        0: "runs at the address", 401: "--secret", 404: "path", 429: "--rate", 500: "log",
        400: "--payload",
    }  # fmt: skip
    assert words[status] in section.findings[0].advice


def test_many_lost_deliveries_are_told_by_their_kind() -> None:
    entries = [entry(f"d{n}", 200, fault="stale-push") for n in range(3)]
    entries.append(entry("plain", 200))
    (lost,) = (each for each in asked("x", entries=entries).findings if each.ok is False)
    assert "(3 stale-push, 1 push without a fault)" in lost.detail


def test_a_reason_is_only_what_has_the_sort_of_the_exit_code() -> None:
    result = run(answering(200), TWICE_AND_LOST, UNASKABLE, health=FULL)
    assert {each.finding.name for each in result.verdict.reasons} == {
        "lost after accept", "processed twice"
    }  # fmt: skip
    assert all(isinstance(each, Reason) for each in result.findings)


def test_faults_have_one_chapter(capsys: pytest.CaptureFixture[str]) -> None:
    measured = measured_of([*steady(5), outcome(planned(1, fault="duplicate"))])
    show_result(run(measured, faulty(FORGED)), aside=False)
    assert capsys.readouterr().out.splitlines().count("Faults") == 1


Render = Callable[[Result], str]


@pytest.mark.parametrize("render", [html.render, markdown.render])
def test_what_is_only_reported_says_why(render: Render) -> None:
    for result, noted in (
        (run(answering(200), TWICE_AND_LOST, report_only=True), "--report-only"),
        (run(answering(200), graded(Weight.FINE, Weight.FINE, Weight.MINOR)), "it is minor"),
        (run(answering(200), health=LATE, bounds=["p(99)<5"]), "durations do not count"),
    ):
        assert noted in render(result)
