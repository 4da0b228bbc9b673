"""The questions to the oracle, as findings: how many deliveries went wrong, why, and which one."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from portcall.loadtest.faults.kinds import Times
from portcall.loadtest.judge.oracle import Judgement, Violation
from portcall.loadtest.measure.endings import UNCHECKED, WRONG
from portcall.loadtest.measure.ledger import Ledger, LedgerEntry
from portcall.loadtest.measure.sections import NO_SAMPLES, Finding, Metric, Section, counter
from portcall.schemas.plurals import counted

TITLE = "Is the consumer correct?"
UNASKED = "the consumer was not asked what it processed (--processed)"
MAX_KINDS = 3
MISSING = "missing"


class Question(Struct, frozen=True):
    """One question to the oracle.

    Attributes:
        name: The question, in words.
        metric: The metric that counts it.
        wrong: The deliveries with this error.
        why: The meaning of the error.
        among: How many deliveries could have this error; 0: no answer.
        lacking: The kind of delivery that was missing then.
        brief: The error, behind its number.
        advice: What to do about it.
        beside: For each wrong delivery, the others that are needed to see it.
    """

    name: str
    metric: str
    wrong: Sequence[LedgerEntry]
    why: str
    among: int
    lacking: str
    brief: str
    advice: str
    beside: Sequence[tuple[str, ...]] = ()

    @property
    def finding(self) -> Finding:
        """Return it as a finding of the report."""
        if self.wrong:
            first = self.wrong[0]
            beside = self.beside[0] if self.beside else ()
            return Finding(
                self.name,
                ok=False,
                detail=f"{len(self.wrong)} of {max(self.among, len(self.wrong))} were"
                f" {self.why}{_spread(self.wrong)}. For example {told(first)}",
                code=WRONG,
                metric=self.metric,
                brief=f"{len(self.wrong)} {self.brief}",
                advice=self.advice,
                example=(first.delivery_id, *beside),
            )
        if not self.among:
            return Finding(self.name, ok=None, detail=f"{NO_SAMPLES}: {self.lacking}")
        return Finding(self.name, ok=True, detail=f"none of {self.among}")


def questions(sent: Sequence[LedgerEntry], verdict: Judgement) -> list[Question]:
    """Return the questions to the oracle, each with its number of deliveries."""
    processed = set(verdict.processed)
    keys = Counter(key for each in sent if each.delivery_id in processed for key in each.keys)
    by_id = {each.delivery_id: each for each in sent}

    def entries(ids: Iterable[str]) -> list[LedgerEntry]:
        return [by_id[each] for each in ids]

    return [
        Question(
            MISSING, "missing", entries(verdict.missing), "neither answered 2xx nor processed",
            sum(each.expected is Times.ONCE for each in sent), "none had to be processed",
            "missing", advice_for(by_id[verdict.missing[0]]) if verdict.missing else "",
        ),
        Question(
            "lost after accept", "lost_after_accept", entries(verdict.lost),
            "answered 2xx and then never processed",
            sum(each.taken and each.owed for each in sent), "none was answered 2xx",
            "lost after accept",
            "Answer 2xx only after the delivery is stored where a crash cannot lose it. If the"
            " consumer rightly ignores such events, leave their action out of --action.",
        ),
        Question(
            "processed twice", "processed_twice", entries(verdict.twice),
            "processed more than once, so a duplicate was not recognised", len(processed),
            "none was processed", "processed twice",
            "Store each id in the transaction that does the work, and skip an id that is there.",
        ),
        Question(
            "phantom", "phantom", entries(verdict.phantom),
            "processed although forged, damaged or cut off",
            sum(each.expected is Times.NEVER for each in sent), "none was forged or damaged",
            "forged or damaged, but processed",
            "Verify the signature and its time over the received bytes before anything else.",
        ),
        Question(
            "order", "order_violations", entries(each.delivery_id for each in verdict.violations),
            "applied over newer data", sum(count for count in keys.values() if count > 1),
            "no two about the same thing were processed", "applied over newer data",
            "Compare the event's timestamp with that of what was applied last, and skip older"
            " ones.",
            _newer(verdict.violations),
        ),
    ]  # fmt: skip


def oracle_section(ledger: Ledger, verdict: Judgement, duration_s: float) -> Section:
    """Return the idempotency oracle's verdict."""
    if not verdict.asked:
        return Section(TITLE, words=(f"Unknown: {UNASKED}.",))
    sent = ledger.sent_entries
    if not sent:
        nothing = Finding(
            "the consumer was asked", ok=False, code=UNCHECKED,
            detail=f"{NO_SAMPLES}, because nothing was sent",
            brief="a requested check has no result: nothing was sent",
        )  # fmt: skip
        return Section(TITLE, findings=(nothing,))
    asked = questions(sent, verdict)
    metrics = {each.metric: among(each.among, len(each.wrong), duration_s) for each in asked}
    metrics["processed"] = counter(len(verdict.processed), duration_s)
    every = counted(len(sent), "delivery")
    own = f"the consumer processed {len(verdict.processed)} by its own account"
    words = [f"{every} of this run; {own}."]
    if verdict.unknown:
        words.append(f"It also processed {len(verdict.unknown)} that this run did not send.")
    if left := sum(not each.owed and each.delivery_id not in verdict.processed for each in sent):
        words.append(
            f"{counted(left, 'delivery')} that it need not process,"
            " because --action does not name their action or they are pings, may be absent."
        )
    return Section(
        TITLE, words=tuple(words), metrics=metrics,
        findings=tuple(each.finding for each in asked),
        grade="right" if verdict.right else "wrong",
    )  # fmt: skip


def among(sent: int, count: int, duration_s: float) -> Metric:
    """Return a counter of errors among so many *sent*; among none it has no samples."""
    found = counter(count, duration_s)
    return found if sent or count else replace(found, values=dict.fromkeys(found.values))


def told(entry: LedgerEntry) -> str:
    """Return what happened to a delivery: its id, its event, its responses with their times."""
    what = f"{entry.action}, {entry.fault}" if entry.fault else entry.action
    answers = [
        f"{status or entry.reason or 'nothing'} at {at_s:.1f} s" for at_s, status in entry.answers
    ]
    if not answers:
        return f"{entry.delivery_id} ({what}), without a response"
    return f"{entry.delivery_id} ({what}), answered {', '.join(answers[:MAX_KINDS])}"


def advice_for(entry: LedgerEntry) -> str:
    """Return where to look first if a valid delivery was not accepted, by its last answer."""
    match entry.answers[-1][1] if entry.answers else 0:
        case 0:
            return "Check that the consumer runs at the address in --uri, and can take this rate."
        case 401 | 403:
            return "Check --secret and --style: the consumer does not accept the signature."
        case 404 | 405:
            return "Check the path in --uri: the consumer does not take POSTs there."
        case 429:
            return "The consumer limits the rate: lower --rate, or add --retries as senders do."
        case status if status >= 500:
            return "Look into the consumer's log: it fails at valid deliveries."
        case _:
            return "Check --payload and --action: the consumer refuses what it should take."


def _spread(wrong: Collection[LedgerEntry]) -> str:
    """Return which kinds of deliveries these are, if that may be the reason."""
    if len(wrong) == 1:
        return ""
    kinds = Counter(each.fault or f"{each.action} without a fault" for each in wrong)
    first = [f"{count} {kind}" for kind, count in kinds.most_common(MAX_KINDS)]
    more = [f"{len(kinds) - MAX_KINDS} other kinds"] if len(kinds) > MAX_KINDS else []
    return f" ({', '.join(first + more)})"


def _newer(violations: Iterable[Violation]) -> list[tuple[str, ...]]:
    return [(each.after,) for each in violations]
