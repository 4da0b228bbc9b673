"""The judgement: from sent, answered and processed requests to checks and a grade."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum

from msgspec import Struct
from msgspec.structs import replace

from portcall.loadtest.faults.kinds import Group
from portcall.loadtest.judge.oracle import Judgement
from portcall.loadtest.measure.endings import WRONG
from portcall.loadtest.measure.known import GRADE
from portcall.loadtest.measure.ledger import LedgerEntry
from portcall.loadtest.measure.metrics import NO_FAULT
from portcall.loadtest.measure.sections import NO_SAMPLES, Finding, Section, gauge
from portcall.loadtest.plan import Outcome, Wants
from portcall.loadtest.send.senders import SENDERS
from portcall.schemas.durations import format_duration

MAX_EVIDENCE = 3
FAST_S, SLOW_S = 1.0, 5.0
"""Docker distribution waits a second, Azure five."""
ADVICE = {
    "valid POSTs are accepted": "Check --uri, --secret and --style: a valid POST must get a 2xx.",
    "signature": "Verify the signature over the received bytes, and answer 401 without it.",
    "replay window": "Refuse timestamps that are more than five minutes away.",
    "malformed header": "Answer 4xx to headers that cannot be parsed, not 5xx.",
    "dedup": "Store each id in the transaction that does the work, and skip an id that is there.",
    "order": "Compare the event's timestamp with that of what was applied last.",
    "bodies": "Answer 4xx to bodies that cannot be read, not 5xx.",
    "transport": "Read the whole body, however it arrives, before answering.",
    "fast 2xx": "Store the delivery, answer 2xx, and work afterwards.",
}
"""For each check, what to do when it fails."""


class Weight(IntEnum):
    """The severity of a failed check."""

    FINE = 0
    MINOR = 1
    MAJOR = 2
    CRITICAL = 3


class Check(Struct, frozen=True):
    """One check.

    Attributes:
        name: Its name.
        ok: Whether it passed; None: unknown.
        weight: Its severity if it fails.
        evidence: What was seen.
        fault: The fault of the worst POST; empty: it had none.
    """

    name: str
    ok: bool | None
    weight: Weight = Weight.FINE
    evidence: tuple[str, ...] = ()
    fault: str = ""

    @property
    def finding(self) -> Finding:
        """Return it as a finding; a minor failure is only reported, as it leaves a B."""
        decides = self.ok is False and self.weight > Weight.MINOR
        return Finding(
            self.name,
            self.ok,
            "; ".join(self.evidence),
            code=WRONG if decides else 0,
            noted="it is minor" if self.ok is False and not decides else "",
            metric=GRADE,
            advice=ADVICE[self.name] if self.ok is False else "",
            fault=self.fault or (NO_FAULT if self.ok is False else ""),
        )


class Observations(Struct, frozen=True):
    """The observations of a conformance run.

    Attributes:
        entries: Every delivery.
        outcomes: Every answer.
        verdict: The oracle's.
        skipped: The faults that could not be injected, with reasons.
    """

    entries: Sequence[LedgerEntry]
    outcomes: Sequence[Outcome]
    verdict: Judgement
    skipped: Mapping[Group, Sequence[str]] = {}


class CheckFailure(Struct, frozen=True):
    """Whether the check failed."""

    weight: Weight
    told: str
    fault: str = ""


def grade(checks: Iterable[Check]) -> str:
    """Return the grade, from A to F.

    F: a critical failure; D: two major ones; C: one major one; B: only minor ones, or an important
    check without a result; A: none of these.
    """
    failed = [check.weight for check in checks if check.ok is False]
    if Weight.CRITICAL in failed:
        return "F"
    majors = failed.count(Weight.MAJOR)
    if majors:
        return "C" if majors == 1 else "D"
    return "B" if failed or any(check.ok is None for check in checks) else "A"


def checks(seen: Observations) -> list[Check]:
    """Make all checks."""
    return [
        _genuine(seen),
        _of("signature", seen, {"wrong-signature", "missing-signature", "tampered", "rotated"}),
        _of("replay window", seen, {"expired", "future", "replayed"}),
        _of("malformed header", seen, {"malformed-signature"}),
        _of("dedup", seen, _named(Group.DUPLICATES), asks=True),
        _of("order", seen, _named(Group.ORDER), asks=True),
        _of("bodies", seen, _named(Group.BODIES)),
        _of("transport", seen, _named(Group.TRANSPORT)),
        _fast(seen),
    ]


def conformance_section(seen: Observations) -> Section:
    """Return the graded report."""
    found = checks(seen)
    given = grade(found)
    failed = [check.name for check in found if check.ok is False]
    untold = [check.name for check in found if check.ok is None]
    words = [f"{len(seen.outcomes)} POSTs, {len(found)} checks. Grade {given}."]
    if failed:
        words.append(f"Failed: {', '.join(failed)}.")
    if untold:
        words.append(f"Without a result: {', '.join(untold)}; an A needs all of them.")
    return Section(
        "Conformance",
        words=tuple(words),
        findings=tuple(each.finding for each in found),
        metrics={GRADE: gauge("FDCBA".index(given))},
        grade=given,
    )


def _named(group: Group) -> Callable[[LedgerEntry], bool]:
    return lambda entry: entry.kind is not None and entry.kind.group is group


def _genuine(seen: Observations) -> Check:
    """Check that valid POSTs are accepted: without that, nothing else means anything."""
    right = [entry for entry in seen.entries if entry.kind is None]
    if not right:
        return Check("valid POSTs are accepted", ok=None, evidence=(NO_SAMPLES,))
    refused = [entry for entry in right if not entry.taken]
    lost = [entry for entry in right if entry.delivery_id in seen.verdict.lost]
    if not (refused or lost):
        return Check(
            "valid POSTs are accepted", ok=True, evidence=(f"{len(right)} of {len(right)}",)
        )
    told = [f"{entry.delivery_id} was answered {_answers(entry)}" for entry in refused]
    told += [f"{entry.delivery_id} was answered 2xx and never processed" for entry in lost]
    return Check("valid POSTs are accepted", ok=False, weight=Weight.CRITICAL, evidence=_few(told))


def _of(
    name: str,
    seen: Observations,
    which: set[str] | Callable[[LedgerEntry], bool],
    *,
    asks: bool = False,
) -> Check:
    """Check some kinds of faults; *asks*: only the oracle has the result."""
    chosen = which if callable(which) else lambda entry: entry.fault in which
    entries = [entry for entry in seen.entries if chosen(entry)]
    if not entries:
        reasons = [each for group in seen.skipped.values() for each in group]
        return Check(name, ok=None, evidence=_few(["not made", *_about(reasons, which)]))
    faults = [
        replace(fault, fault=entry.fault)
        for entry in entries
        for fault in _faults(entry, seen.verdict)
    ]
    if faults:
        worst = max(fault.weight for fault in faults)
        by_weight = sorted(faults, key=lambda fault: -fault.weight)
        return Check(
            name,
            ok=False,
            weight=worst,
            evidence=_few([each.told for each in by_weight]),
            fault=by_weight[0].fault,
        )
    if asks and not seen.verdict.asked:
        return Check(name, ok=None, evidence=("say where the processed ids are: --processed",))
    if not any(entry.answered for entry in seen.entries):
        return Check(name, ok=None, evidence=(f"{NO_SAMPLES}: no POST was answered",))
    answered = sum(len(entry.answers) for entry in entries)
    return Check(name, ok=True, evidence=(f"{answered} POSTs, all answered correctly",))


def _about(reasons: list[str], which: set[str] | Callable[[LedgerEntry], bool]) -> list[str]:
    if callable(which):
        return []
    return [reason for reason in reasons if reason.partition(" ")[0] in which]


def _faults(entry: LedgerEntry, verdict: Judgement) -> Iterable[CheckFailure]:
    """Return what is wrong with one delivery."""
    kind = entry.kind
    if kind is None:
        return
    forged = kind.group is Group.SIGNATURES and kind.wants is Wants.REFUSED
    for _, status in entry.answers:
        if kind.wants.met_by(status):
            continue
        told = f"{kind.name}: {kind.sent}: answered {status or 'nothing'}, not {kind.wants}"
        if forged and 200 <= status < 300:
            yield CheckFailure(Weight.CRITICAL, told)
        elif kind.group in {Group.BODIES, Group.TRANSPORT}:
            yield CheckFailure(Weight.MINOR, told)
        else:
            yield CheckFailure(Weight.MAJOR, told)
    yield from _wrongly_processed(entry, verdict, forged=forged)


def _wrongly_processed(
    entry: LedgerEntry, verdict: Judgement, *, forged: bool
) -> Iterable[CheckFailure]:
    sent, identity = entry.fault, entry.delivery_id
    if identity in verdict.phantom:
        yield CheckFailure(
            Weight.CRITICAL if forged else Weight.MAJOR, f"{sent}: {identity} was processed"
        )
    if identity in verdict.twice:
        yield CheckFailure(Weight.MAJOR, f"{sent}: {identity} was processed more than once")
    if identity in verdict.lost:
        yield CheckFailure(Weight.MAJOR, f"{sent}: {identity} was answered 2xx and never processed")
    for each in verdict.violations:
        if each.delivery_id == identity:
            yield CheckFailure(
                Weight.MAJOR, f"{sent}: {identity} was applied over the newer {each.after}"
            )


def _fast(seen: Observations) -> Check:
    """Check that the 2xx response is fast enough for the known senders."""
    times = sorted(
        outcome.done_s - outcome.sent_s
        for outcome in seen.outcomes
        if not outcome.planned.fault and 200 <= outcome.status < 300
    )
    if not times:
        return Check("fast 2xx", ok=None, evidence=("no valid POST was answered 2xx",))
    slowest_s = times[-1]
    told = f"the slowest of {len(times)} took {1000 * slowest_s:.0f} ms"
    late = [each for each in SENDERS if each.timeout_ms and each.timeout_ms / 1000 < slowest_s]
    if slowest_s <= FAST_S and not late:
        return Check("fast 2xx", ok=True, evidence=(told,))
    weight = Weight.MAJOR if slowest_s > SLOW_S else Weight.MINOR
    names = ", ".join(f"{each.title} ({format_duration(each.timeout_ms)})" for each in late)
    return Check("fast 2xx", ok=False, weight=weight, evidence=(told, f"too slow for {names}"))


def _answers(entry: LedgerEntry) -> str:
    return ", ".join(str(status or "nothing") for _, status in entry.answers) or "nothing"


def _few(every: Sequence[str]) -> tuple[str, ...]:
    told = list(dict.fromkeys(every))
    more = len(told) - MAX_EVIDENCE
    return (*told[:MAX_EVIDENCE], *([f"and {more} more"] if more > 0 else []))
