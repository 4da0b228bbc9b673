"""The card: a report in a few lines, to paste into a review.

It has the question, the verdict, three findings and what to do. It says nothing that the chapters
do not say; the verdict is that of `loadtest.report.verdict`.
"""

import shlex
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from portcall.loadtest.judge.questions import TITLE as CORRECT
from portcall.loadtest.judge.rightness import FAULTS
from portcall.loadtest.judge.thresholds import Threshold
from portcall.loadtest.measure.endings import AGAINST, Ending
from portcall.loadtest.measure.known import GRADE, MAX_RATE
from portcall.loadtest.measure.metrics import NO_FAULT, SCHEDULED
from portcall.loadtest.measure.sections import Finding
from portcall.loadtest.report.result import GENERATOR, About, Result
from portcall.loadtest.report.verdict import Reason, Verdict
from portcall.loadtest.report.wording import milliseconds

MOST = 3
_ASKED = {CORRECT: "what it processed", FAULTS: "its answers to faults", GRADE: "a grade"}


class Step(Struct, frozen=True):
    """Something to do.

    Attributes:
        words: What.
        command: A command for it; empty: none.
    """

    words: str
    command: str = ""


class Card(Struct, frozen=True):
    """A report in a few lines.

    Attributes:
        question: What the run asked.
        verdict: The answer.
        findings: The most telling ones, at most three.
        more: How many other findings decided.
        steps: What to do, at most three.
    """

    question: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    more: int
    steps: tuple[Step, ...]


def card_of(result: Result) -> Card:
    """Return the card of a run."""
    verdict = result.verdict
    first = _first_of_each(verdict.reasons)
    shown = tuple(each.finding for each in first[:MOST]) or _of_a_pass(result)
    if verdict.ending is Ending.FAILED:
        shown += _passed(result)[: MOST - len(shown)]
    return Card(
        question=_question(result),
        verdict=verdict,
        findings=shown,
        more=max(0, len(first) - MOST),
        steps=tuple(_steps(result, first))[:MOST],
    )


def standing(finding: Finding) -> bool | None:
    """Return whether a check passed; None if it did not, but that says nothing of the consumer."""
    opens = finding.code and finding.code not in AGAINST
    return None if finding.ok is False and opens else finding.ok


def detail(finding: Finding) -> str:
    """Return a finding's sentence, and why it is only reported."""
    return "; ".join(each for each in (finding.detail, finding.noted) if each)


def told(finding: Finding) -> str:
    """Return a finding in one line."""
    words = detail(finding)
    return f"{finding.name}: {words}" if words else finding.name


def command_for(about: About, finding: Finding) -> str:
    """Return the command that sends a finding's example again; empty: it has none."""
    if finding.example and about.again:
        return f"{about.again} --only {','.join(map(shlex.quote, finding.example))}"
    if finding.fault and about.probe:
        fault = "" if finding.fault == NO_FAULT else f" --fault {finding.fault}:100%"
        return f"{about.probe}{fault}"
    return ""


def _first_of_each(reasons: Sequence[Reason]) -> list[Reason]:
    """Return all reasons: the first of each chapter, then the second of each, and so on."""
    seen: dict[str, int] = {}
    ranked = []
    for place, each in enumerate(reasons):
        rank = seen[each.title] = seen.get(each.title, -1) + 1
        ranked.append((rank, place, each))
    return [each for _, _, each in sorted(ranked, key=lambda every: every[:2])]


def _question(result: Result) -> str:
    about = result.about
    bounds = ", ".join(_bound(each.threshold) for each in result.verdicts)
    if any(MAX_RATE in section.metrics for section in result.sections):
        return f"How many requests a second can {about.uri} take within {bounds}?"
    asked = [words for name, words in _ASKED.items() if name in _checks(result)]
    within = f" within {bounds}" if bounds else ""
    beside = f" Also asked: {', '.join(asked)}." if asked else ""
    return f"Can {about.uri} take {about.plan}{within}?{beside}"


def _bound(threshold: Threshold) -> str:
    if threshold.selector == SCHEDULED:
        return threshold.expression
    return f"{threshold.selector}: {threshold.expression}"


def _checks(result: Result) -> set[str]:
    """Return the checks that were asked for."""
    found = {section.title for section in result.sections} & {CORRECT, FAULTS}
    return found | ({GRADE} if GRADE in result.metrics else set())


def _of_a_pass(result: Result) -> tuple[Finding, ...]:
    """Return what a pass is worth: what is wrong but only reported, then the checks that passed."""
    findings = [each.finding for each in result.findings if each.title != GENERATOR]
    noted = [each for each in findings if each.ok is False]
    speed = result.metrics[SCHEDULED].values
    fast = Finding(
        "latency from the planned time", ok=True,
        detail=f"p50 {milliseconds(speed['med'])}, p99 {milliseconds(speed['p(99)'])}",
    )  # fmt: skip
    graded = [
        Finding(section.title, ok=True, detail=section.grade)
        for section in result.sections
        if section.grade
    ]
    passed = _passed(result)
    return tuple([*noted, *passed[:1], fast, *graded, *passed[1:]][:MOST])


def _passed(result: Result) -> tuple[Finding, ...]:
    """Return the checks of the consumer that passed."""
    findings = (each.finding for each in result.findings if each.title != GENERATOR)
    return tuple(each for each in findings if each.ok and each.detail)


def _steps(result: Result, reasons: Iterable[Reason]) -> Iterator[Step]:
    seen: set[str] = set()
    for each in reasons:
        words, command = each.finding.advice, command_for(result.about, each.finding)
        if words and words not in seen:
            yield Step(words, "" if command in seen else command)
            seen |= {words, command}
    if result.verdict.ending is Ending.PASSED:
        yield from _further(result)


def _further(result: Result) -> Iterator[Step]:
    """Return what a pass did not ask."""
    if not result.verdicts:
        yield Step("No bound on time was set: -t 'p(99)<500' makes a slow consumer fail.")
    if result.about.path == "direct" and not _checks(result):
        yield Step(
            "The behaviour was not checked: --conformance grades it, and --processed asks what"
            " the consumer processed."
        )
