"""Chapters of the report: the consumer and each fault, and the retries."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from portcall.loadtest.faults.kinds import BY_NAME, FaultKind
from portcall.loadtest.judge.oracle import Judgement
from portcall.loadtest.judge.questions import UNASKED, among, told
from portcall.loadtest.measure.endings import WRONG
from portcall.loadtest.measure.ledger import Ledger, LedgerEntry
from portcall.loadtest.measure.sections import NO_SAMPLES, Finding, Section, counter, gauge
from portcall.loadtest.send.sources import Deliveries
from portcall.schemas.plurals import counted

FAULTS = "Faults"


@dataclass(slots=True)
class FaultTally:
    """The results of the deliveries with one fault.

    Attributes:
        kind: The fault.
        deliveries: How many there were.
        posts: How many POSTs.
        as_wanted: Of these, how many were answered correctly.
        server_errors: How many were answered 5xx.
        wrong: Deliveries with an error, by the oracle.
        odd: Deliveries with a response that is not correct.
    """

    kind: FaultKind
    deliveries: int = 0
    posts: int = 0
    as_wanted: int = 0
    server_errors: int = 0
    wrong: list[LedgerEntry] = field(default_factory=list)
    odd: list[LedgerEntry] = field(default_factory=list)

    @property
    def caught(self) -> bool:
        """Whether the consumer was correct, as far as was seen."""
        return self.as_wanted == self.posts and not self.server_errors and not self.wrong


def tallies(entries: Iterable[LedgerEntry], verdict: Judgement) -> list[FaultTally]:
    """Return the results of each fault that was sent, in the order of the table of kinds."""
    found: dict[str, FaultTally] = {}
    wrong = verdict.wrong_ids
    for entry in entries:
        if entry.kind is None:
            continue
        tally = found.setdefault(entry.kind.name, FaultTally(entry.kind))
        tally.deliveries += 1
        tally.posts += len(entry.answers)
        tally.as_wanted += sum(entry.kind.wants.met_by(status) for _, status in entry.answers)
        tally.server_errors += sum(status >= 500 for _, status in entry.answers)
        if entry.delivery_id in wrong:
            tally.wrong.append(entry)
        if any(not _fine(entry.kind, status) for _, status in entry.answers):
            tally.odd.append(entry)
    return [found[name] for name in BY_NAME if name in found]


def _fine(kind: FaultKind, status: int) -> bool:
    return kind.wants.met_by(status) and status < 500


def faults_section(ledger: Ledger, verdict: Judgement, duration_s: float) -> Section:
    """Return the chapter on faults: what was sent, what is correct, what the consumer did."""
    found = tallies(ledger.sent_entries, verdict)
    rows = tuple(
        (
            tally.kind.name, str(tally.deliveries), str(tally.posts), str(tally.as_wanted),
            str(tally.server_errors), str(len(tally.wrong)) if verdict.asked else "-",
        )
        for tally in found
    )  # fmt: skip
    tripped = [tally.kind.name for tally in found if not tally.caught]
    heard = any(entry.answered for entry in ledger.sent_entries)
    posts, errors = (
        sum(each.posts for each in found),
        sum(each.server_errors for each in found),
    )
    words = f"{counted(len(found), 'kind')} of faults; the consumer failed {len(tripped)} of them"
    return Section(
        FAULTS,
        words=(f"{words}: {', '.join(tripped)}." if tripped else f"{words}.",),
        columns=("fault", "deliveries", "POSTs", "answered right", "5xx", "processed wrong"),
        rows=rows,
        findings=tuple(fault_finding(tally, verdict, heard=heard) for tally in found),
        metrics={
            "faults_tripped": among(posts, len(tripped), duration_s),
            "fault_server_errors": among(posts, errors, duration_s),
        },
    )


def fault_finding(tally: FaultTally, verdict: Judgement, *, heard: bool = True) -> Finding:
    """Return whether the consumer is correct for one fault, with the numbers.

    Args:
        tally: The results of the fault.
        verdict: The oracle's verdict.
        heard: Whether the consumer answered any request of this run.
    """
    kind = tally.kind
    parts = [f"sent: {kind.sent}; correct: {kind.right}"]
    if tally.as_wanted < tally.posts:
        parts.append(f"{tally.posts - tally.as_wanted} of {tally.posts} answers were different")
    if tally.server_errors:
        parts.append(f"{tally.server_errors} were 5xx, which makes senders retry")
    if tally.wrong:
        were = "was" if len(tally.wrong) == 1 else "were"
        parts.append(f"{len(tally.wrong)} of {tally.deliveries} {were} processed wrongly")
    if not tally.caught:
        return _tripped(tally, parts, verdict)
    ok: bool | None = True
    if not heard:
        # For some faults no response is correct, too; but not from a consumer that is down.
        ok = None
        parts.append(f"{NO_SAMPLES}: no POST of the run was answered")
    elif not verdict.asked and (kind.repeat or kind.overtaken):
        ok = None
        parts.append(UNASKED)
    return Finding(kind.name, ok, "; ".join(parts))


def _tripped(tally: FaultTally, parts: Sequence[str], verdict: Judgement) -> Finding:
    first = [*tally.odd, *tally.wrong][0]
    newer = [each.after for each in verdict.violations if each.delivery_id == first.delivery_id]
    return Finding(
        tally.kind.name,
        ok=False,
        detail=f"{'; '.join(parts)}. For example {told(first)}",
        code=WRONG,
        metric="faults_tripped",
        advice=f"{tally.kind.name} ({tally.kind.sent}): the correct reaction is"
        f" {tally.kind.right}.",
        example=(first.delivery_id, *newer[:1]),
    )


def retries_section(deliveries: Deliveries, duration_s: float) -> Section:
    """Return how many POSTs an event cost, and what happened after an outage."""
    ledger, outage = deliveries.ledger, deliveries.traffic.outage
    entries = ledger.sent_entries
    posts = sum(entry.sent for entry in entries)
    posted = f"{counted(posts, 'POST')} for {counted(len(entries), 'delivery')}"
    amplified = f"amplification {ledger.amplification:.2f}" if entries else NO_SAMPLES
    words = [f"{posted}: {amplified}."]
    metrics = {
        "retries": counter(posts - len(entries), duration_s),
        "given_up": counter(deliveries.given_up, duration_s),
        "retry_amplification": gauge(ledger.amplification if entries else None),
    }
    if outage is not None:
        storm = storm_of(ledger, outage.to_s)
        words.append(storm.words(deliveries.given_up))
        metrics["storm_drain"] = gauge(storm.drain_s * 1000 if storm.held else None, "time")
        metrics["storm_peak"] = gauge(storm.peak or None)
    return Section("Retries", words=tuple(words), metrics=metrics)


class Storm(Struct, frozen=True):
    """The deliveries that came back after an outage.

    Attributes:
        held: How many came back.
        drain_s: From its end to the last response.
        peak: The most POSTs in one second after it.
        peak_s: When that second began, from the outage's end.
    """

    held: int
    drain_s: float
    peak: int
    peak_s: int

    def words(self, given_up: int) -> str:
        """Return it as a sentence."""
        if not self.held:
            return f"After the outage nothing came back: {NO_SAMPLES}."
        back = (
            f"After the outage {counted(self.held, 'delivery')} came back"
            f" within {self.drain_s:.1f} s; the peak was {self.peak} POSTs per second,"
            f" {self.peak_s} s after its end"
        )
        return f"{back}; {given_up} were given up." if given_up else f"{back}."


def storm_of(ledger: Ledger, end_s: float) -> Storm:
    """Measure the retries after an outage that ended at *end_s*."""
    held = [entry for entry in ledger.sent_entries if entry.held and entry.answers]
    seconds = Counter(
        int(at_s - end_s)
        for entry in ledger.sent_entries
        for at_s in entry.sent_at
        if at_s >= end_s
    )
    peak_s, peak = max(seconds.items(), key=lambda each: (each[1], -each[0]), default=(0, 0))
    last_s = max((entry.answers[-1][0] for entry in held), default=end_s)
    return Storm(len(held), last_s - end_s, peak, peak_s)
