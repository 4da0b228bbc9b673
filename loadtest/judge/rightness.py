"""Chapters of the report: whether the consumer is correct, for each fault and as a whole."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from msgspec import Struct
from msgspec.structs import replace

from portcall.loadtest.faults.kinds import BY_NAME, FaultKind, Times
from portcall.loadtest.judge.oracle import Judgement
from portcall.loadtest.measure.ledger import Ledger, LedgerEntry
from portcall.loadtest.measure.sections import NO_SAMPLES, Finding, Metric, Section, counter, gauge
from portcall.loadtest.send.sources import Deliveries

MAX_SHOWN = 2
UNASKED = "the consumer was not asked what it processed (--processed)"


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
    """

    kind: FaultKind
    deliveries: int = 0
    posts: int = 0
    as_wanted: int = 0
    server_errors: int = 0
    wrong: list[str] = field(default_factory=list)

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
            tally.wrong.append(entry.delivery_id)
    return [found[name] for name in BY_NAME if name in found]


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
    words = f"{_counted(len(found), 'kind')} of faults; the consumer failed {len(tripped)} of them"
    return Section(
        "Faults",
        words=(f"{words}: {', '.join(tripped)}." if tripped else f"{words}.",),
        columns=("fault", "deliveries", "POSTs", "answered right", "5xx", "processed wrong"),
        rows=rows,
        findings=tuple(fault_finding(tally, verdict, heard=heard) for tally in found),
        metrics={
            "faults_tripped": _among(posts, len(tripped), duration_s),
            "fault_server_errors": _among(posts, errors, duration_s),
        },
    )


class Question(Struct, frozen=True):
    """One question to the oracle.

    Attributes:
        name: The question, in words.
        metric: The metric that counts it.
        wrong: The deliveries with this error.
        why: The meaning of the error.
        among: How many deliveries could have this error; 0: no answer.
        lacking: The kind of delivery that was missing then.
    """

    name: str
    metric: str
    wrong: Sequence[str]
    why: str
    among: int
    lacking: str

    @property
    def finding(self) -> Finding:
        """Return it as a finding of the report."""
        if self.wrong:
            told = f"{len(self.wrong)}: {self.why}: {_told(self.wrong)}"
            return Finding(self.name, ok=False, detail=told)
        if not self.among:
            return Finding(self.name, ok=None, detail=f"{NO_SAMPLES}: {self.lacking}")
        return Finding(self.name, ok=True, detail="none")


def questions(sent: Sequence[LedgerEntry], verdict: Judgement) -> list[Question]:
    """Return the questions to the oracle, each with its number of deliveries."""
    processed = set(verdict.processed)
    keys = Counter(key for each in sent if each.delivery_id in processed for key in each.keys)
    violated = [each.delivery_id for each in verdict.violations]
    return [
        Question(
            "missing", "missing", verdict.missing, "never answered 2xx, never processed",
            sum(each.expected is Times.ONCE for each in sent), "none had to be processed",
        ),
        Question(
            "lost after accept", "lost_after_accept", verdict.lost,
            "answered 2xx, never processed",
            sum(each.taken for each in sent), "none was answered 2xx",
        ),
        Question(
            "processed twice", "processed_twice", verdict.twice,
            "a duplicate was not recognised", len(processed), "none was processed",
        ),
        Question(
            "phantom", "phantom", verdict.phantom,
            "processed although forged, damaged or cut off",
            sum(each.expected is Times.NEVER for each in sent), "none was forged or damaged",
        ),
        Question(
            "order", "order_violations", violated, "older was applied over newer",
            sum(count for count in keys.values() if count > 1),
            "no two about the same thing were processed",
        ),
    ]  # fmt: skip


def _among(sent: int, count: int, duration_s: float) -> Metric:
    """Return a counter of errors among so many *sent*; among none it has no samples."""
    found = counter(count, duration_s)
    return found if sent or count else replace(found, values=dict.fromkeys(found.values))


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
        parts.append(f"{_told(tally.wrong)} {_was_were(tally.wrong)} processed wrongly")
    ok: bool | None = tally.caught
    if ok and not heard:
        # For some faults no response is correct, too; but not from a consumer that is down.
        ok = None
        parts.append(f"{NO_SAMPLES}: no POST of the run was answered")
    if ok and not verdict.asked and (kind.repeat or kind.overtaken):
        ok = None
        parts.append(UNASKED)
    return Finding(kind.name, ok, "; ".join(parts))


def oracle_section(ledger: Ledger, verdict: Judgement, duration_s: float) -> Section:
    """Return the idempotency oracle's verdict."""
    if not verdict.asked:
        return Section("Is the consumer correct?", words=(f"Unknown: {UNASKED}.",))
    sent = ledger.sent_entries
    if not sent:
        untold = f"Unknown: {NO_SAMPLES}, because nothing was sent."
        return Section("Is the consumer correct?", words=(untold,), unchecked=True)
    asked = questions(sent, verdict)
    metrics = {each.metric: _among(each.among, len(each.wrong), duration_s) for each in asked}
    metrics["processed"] = counter(len(verdict.processed), duration_s)
    told = f"{_counted(len(sent), 'delivery', 'deliveries')} of this run"
    words = [f"{told}; the consumer processed {len(verdict.processed)} by its own account."]
    if verdict.unknown:
        words.append(f"It also processed {len(verdict.unknown)} that this run did not send.")
    return Section(
        "Is the consumer correct?", words=tuple(words), metrics=metrics,
        findings=tuple(each.finding for each in asked),
        grade="right" if verdict.right else "wrong",
    )  # fmt: skip


def retries_section(deliveries: Deliveries, duration_s: float) -> Section:
    """Return how many POSTs an event cost, and what happened after an outage."""
    ledger, outage = deliveries.ledger, deliveries.traffic.outage
    entries = ledger.sent_entries
    posts = sum(entry.sent for entry in entries)
    told = f"{_counted(posts, 'POST')} for {_counted(len(entries), 'delivery', 'deliveries')}"
    amplified = f"amplification {ledger.amplification:.2f}" if entries else NO_SAMPLES
    words = [f"{told}: {amplified}."]
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
        told = (
            f"After the outage {_counted(self.held, 'delivery', 'deliveries')} came back"
            f" within {self.drain_s:.1f} s; the peak was {self.peak} POSTs per second,"
            f" {self.peak_s} s after its end"
        )
        return f"{told}; {given_up} were given up." if given_up else f"{told}."


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


def _told(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - MAX_SHOWN} more" if len(ids) > MAX_SHOWN else ""
    return ", ".join(ids[:MAX_SHOWN]) + more


def _was_were(ids: Sequence[str]) -> str:
    return "was" if len(ids) == 1 else "were"


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
