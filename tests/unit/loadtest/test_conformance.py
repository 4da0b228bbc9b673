"""Conformance: the grade, and which check a wrong answer belongs to."""

import pytest

from portcall.loadtest.conformance.judging import (
    Check,
    Observations,
    Weight,
    checks,
    conformance_section,
    grade,
)
from portcall.loadtest.conformance.script import GENUINE, faulty, genuine, skipped, traffic_for
from portcall.loadtest.faults.kinds import KINDS, Group
from portcall.loadtest.judge.oracle import UNASKED, Processed, judge
from portcall.loadtest.measure.ledger import LedgerEntry
from portcall.loadtest.payloads.formats import find_format
from portcall.loadtest.plan import Outcome
from portcall.loadtest.send.sources import Deliveries
from portcall.loadtest.signing import Style
from tests.unit.loadtest.samples import BEGAN_US, entry, outcome, planned, traffic


def fine(name: str = "x") -> Check:
    return Check(name, ok=True)


def bad(weight: Weight) -> Check:
    return Check("y", ok=False, weight=weight)


@pytest.mark.parametrize(
    ("found", "given"),
    [
        ([], "A"),
        ([fine()], "A"),
        ([fine(), Check("z", ok=None)], "B"),
        ([fine(), bad(Weight.MINOR)], "B"),
        ([bad(Weight.MINOR), bad(Weight.MINOR)], "B"),
        ([bad(Weight.MAJOR), bad(Weight.MINOR)], "C"),
        ([bad(Weight.MAJOR), bad(Weight.MAJOR)], "D"),
        ([fine(), bad(Weight.CRITICAL)], "F"),
        ([Check("z", ok=None), bad(Weight.MAJOR)], "C"),
    ],
)
def test_the_worst_decides_the_grade(found: list[Check], given: str) -> None:
    assert grade(found) == given


def right_entries() -> list[LedgerEntry]:
    """One delivery without a fault, and one of each kind, answered as they should be."""
    found = [entry("right", 200, rank=1)]
    for kind in KINDS:
        status = {"2xx": 200, "4xx": 401, "2xx or 4xx": 413, "any": 0}[kind.wants]
        found.append(entry(kind.name, status, fault=kind.name))
    return found


def processed_by_a_right_one(entries: list[LedgerEntry]) -> list[Processed]:
    return [Processed(each.delivery_id) for each in entries if each.taken]


def outcomes(*times_s: float) -> list[Outcome]:
    made = []
    for took_s in times_s:
        one = outcome(planned())
        made.append(Outcome(one.planned, 0.0, took_s, one.timings, 200, one.failure))
    return made


def seen(
    entries: list[LedgerEntry], processed: list[Processed] | None, *times_s: float
) -> Observations:
    verdict = UNASKED if processed is None else judge(entries, processed)
    return Observations(entries, outcomes(*(times_s or (0.01,))), verdict)


def failed(found: Observations) -> dict[str, Weight]:
    return {check.name: check.weight for check in checks(found) if check.ok is False}


def test_a_right_consumer_gets_an_a() -> None:
    entries = right_entries()
    found = seen(entries, processed_by_a_right_one(entries))
    assert failed(found) == {}
    section = conformance_section(found)
    assert section.grade == "A"
    assert section.metrics["conformance"].values["value"] == 4


def test_without_the_oracle_dedup_and_order_cannot_be_told() -> None:
    section = conformance_section(seen(right_entries(), None))
    assert [finding.name for finding in section.findings if finding.ok is None] == [
        "dedup",
        "order",
    ]
    assert section.grade == "B"


@pytest.mark.parametrize(
    ("fault", "status", "check", "weight"),
    [
        ("", 500, "valid POSTs are accepted", Weight.CRITICAL),
        ("wrong-signature", 200, "signature", Weight.CRITICAL),
        ("missing-signature", 200, "signature", Weight.CRITICAL),
        ("tampered", 200, "signature", Weight.CRITICAL),
        ("wrong-signature", 500, "signature", Weight.MAJOR),
        ("wrong-signature", 0, "signature", Weight.MAJOR),
        ("rotated", 401, "signature", Weight.MAJOR),
        ("expired", 200, "replay window", Weight.CRITICAL),
        ("future", 302, "replay window", Weight.MAJOR),
        ("malformed-signature", 500, "malformed header", Weight.MAJOR),
        ("duplicate", 409, "dedup", Weight.MAJOR),
        ("stale-push", 500, "order", Weight.MAJOR),
        ("truncated-json", 500, "bodies", Weight.MINOR),
        ("huge-1mb", 0, "bodies", Weight.MINOR),
        ("duplicate-keys", 500, "bodies", Weight.MINOR),
        ("expect-continue", 417, "transport", Weight.MINOR),
        ("new-connection", 0, "transport", Weight.MINOR),
    ],
)
def test_a_wrong_answer_fails_its_check(
    fault: str, status: int, check: str, weight: Weight
) -> None:
    entries = [each for each in right_entries() if each.fault != fault]
    entries.append(entry("wrong", status, fault=fault))
    found = seen(entries, processed_by_a_right_one(entries))
    assert failed(found)[check] == weight
    assert conformance_section(found).grade == {Weight.CRITICAL: "F", Weight.MAJOR: "C"}.get(
        weight, "B"
    )


@pytest.mark.parametrize(
    ("fault", "check"),
    [("duplicate-concurrent", "dedup"), ("duplicate", "dedup"), ("late-retry", "order")],
)
def test_processing_twice_fails_its_check(fault: str, check: str) -> None:
    entries = right_entries()
    said = [*processed_by_a_right_one(entries), Processed(fault)]
    assert failed(seen(entries, said)) == {check: Weight.MAJOR}


def test_what_was_forged_and_processed_is_critical_whatever_was_answered() -> None:
    entries = right_entries()
    said = [*processed_by_a_right_one(entries), Processed("tampered")]
    assert failed(seen(entries, said)) == {"signature": Weight.CRITICAL}


def test_what_is_accepted_and_lost_is_told() -> None:
    entries = right_entries()
    said = [each for each in processed_by_a_right_one(entries) if each.delivery_id != "right"]
    assert failed(seen(entries, said)) == {"valid POSTs are accepted": Weight.CRITICAL}


def test_older_over_newer_fails_the_order() -> None:
    entries = [
        *right_entries(),
        entry("n", 200, fault="late-retry", keys=("k",), rank=2),
        entry("o", 200, fault="late-retry", keys=("k",), rank=1),
    ]
    assert failed(seen(entries, processed_by_a_right_one(entries))) == {"order": Weight.MAJOR}


@pytest.mark.parametrize(
    ("slowest_s", "weight"),
    [(0.9, None), (1.5, Weight.MINOR), (4.0, Weight.MINOR), (6.0, Weight.MAJOR)],
)
def test_slow_answers_are_told_with_the_senders_that_do_not_wait(
    slowest_s: float, weight: Weight | None
) -> None:
    entries = right_entries()
    found = seen(entries, processed_by_a_right_one(entries), 0.01, slowest_s)
    assert failed(found) == ({} if weight is None else {"fast 2xx": weight})
    if weight is not None:
        (finding,) = [
            each for each in conformance_section(found).findings if each.name == "fast 2xx"
        ]
        assert "docker distribution (1s)" in finding.detail


def test_evidence_is_short_and_says_how_much_there_is() -> None:
    wrong = [entry(f"w{number}", 200, fault="wrong-signature") for number in range(9)]
    entries = [*right_entries(), *wrong]
    found = seen(entries, processed_by_a_right_one(entries))
    (finding,) = [each for each in conformance_section(found).findings if each.name == "signature"]
    assert finding.detail.endswith("and 7 more")
    assert len(finding.detail.split("; ")) == 4


def test_the_script_has_every_fault_that_can_be_made_and_is_in_order() -> None:
    script = traffic_for(traffic())
    deliveries = Deliveries((), script, seed=1, began_us=BEGAN_US)
    assert len(list(genuine(deliveries))) == GENUINE
    posts = faulty(deliveries, script, 0.0)
    assert {each.fault for each in posts} == {kind.name for kind in KINDS}
    assert [each.at_s for each in posts] == sorted(each.at_s for each in posts)


@pytest.mark.parametrize(
    ("style", "secret", "payload", "groups"),
    [
        (Style.STANDARD, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "acr", set()),
        (Style.STANDARD, "", "acr", {Group.SIGNATURES}),
        (Style.GITHUB, "x", "acr", {Group.SIGNATURES}),
        (Style.STRIPE, "x", "docker-hub", {Group.ORDER}),
    ],
)
def test_what_cannot_be_made_is_left_out_with_a_reason(
    style: Style, secret: str, payload: str, groups: set[Group]
) -> None:
    script = traffic_for(traffic(style=style, secret=secret, payload=find_format(payload)))
    reasons = skipped(script)
    assert set(reasons) == groups
    posts = faulty(Deliveries((), script, seed=1, began_us=BEGAN_US), script, 0.0)
    left_out = {reason.partition(" ")[0] for group in reasons.values() for reason in group}
    assert left_out.isdisjoint(each.fault for each in posts)


def test_a_check_that_could_not_be_made_says_why() -> None:
    found = Observations(
        [entry("right", 200)],
        outcomes(0.1),
        UNASKED,
        {Group.SIGNATURES: ["expired github does not sign the time"]},
    )
    told = {check.name: check for check in checks(found)}
    assert told["replay window"].ok is None
    assert "github does not sign the time" in told["replay window"].evidence[1]
