"""The oracle: compare what was sent with what the consumer says it processed. Pure rules.

A correct consumer has processed, exactly once, every delivery that it answered 2xx, and nothing
that it should have refused. Of two deliveries about the same thing, the newer one wins.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from portcall.loadtest.faults.kinds import Times
from portcall.loadtest.measure.ledger import LedgerEntry


class Processed(Struct, frozen=True):
    """One action that the consumer reports, in the order of its actions.

    Attributes:
        delivery_id: The delivery.
        stale: It ignored the delivery because it had a newer one.
    """

    delivery_id: str
    stale: bool = False


class Violation(Struct, frozen=True):
    """An older delivery was applied over a newer one.

    Attributes:
        key: The subject of both.
        delivery_id: The older one, which was applied last.
        after: The newer one, applied before.
    """

    key: str
    delivery_id: str
    after: str


@dataclass(slots=True)
class Judgement:
    """The oracle's result; lists of delivery ids.

    Attributes:
        asked: Whether the consumer was asked; if not, everything else is empty.
        processed: Deliveries of this run that were processed or recognised as stale.
        missing: Should have been processed and were not; none of their POSTs was answered 2xx.
        lost: Were answered 2xx, and never processed; not those that a consumer may ignore.
        twice: Were processed more than once.
        phantom: Were processed but should not have been: forged, damaged or cut off.
        unknown: Ids that this run did not send; not an error, the consumer may be in use.
        violations: Older deliveries that were applied over newer ones.
    """

    asked: bool = False
    processed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    phantom: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)

    @property
    def right(self) -> bool:
        """Whether nothing is wrong."""
        wrong = (self.missing, self.lost, self.twice, self.phantom, self.violations)
        return not any(wrong)

    @property
    def wrong_ids(self) -> frozenset[str]:
        """Return the deliveries with an error."""
        violated = (each.delivery_id for each in self.violations)
        return frozenset([*self.missing, *self.lost, *self.twice, *self.phantom, *violated])


UNASKED = Judgement()


def judge(entries: Iterable[LedgerEntry], processed: Sequence[Processed]) -> Judgement:
    """Judge what was seen.

    Args:
        entries: Every delivery that was sent at least once.
        processed: The consumer's report, in its order.
    """
    sent = {entry.delivery_id: entry for entry in entries}
    times = Counter(each.delivery_id for each in processed if not each.stale)
    seen = {each.delivery_id for each in processed}
    verdict = Judgement(asked=True, unknown=[each for each in seen if each not in sent])
    for delivery_id, entry in sent.items():
        _judge_one(verdict, entry, times[delivery_id], seen=delivery_id in seen)
    verdict.violations.extend(violations(sent, processed))
    return verdict


def _judge_one(verdict: Judgement, entry: LedgerEntry, times: int, *, seen: bool) -> None:
    delivery_id = entry.delivery_id
    if entry.expected is Times.NEVER:
        if times:
            verdict.phantom.append(delivery_id)
        return
    if seen:
        verdict.processed.append(delivery_id)
        if times > 1:
            verdict.twice.append(delivery_id)
    elif entry.taken and entry.owed:
        verdict.lost.append(delivery_id)
    elif entry.expected is Times.ONCE:
        verdict.missing.append(delivery_id)


def violations(sent: dict[str, LedgerEntry], processed: Sequence[Processed]) -> list[Violation]:
    """Return what was applied after something newer with a common key.

    A delivery that is applied a second time is a duplicate and is not checked again.
    """
    newest: dict[str, tuple[int, str]] = {}
    applied: set[str] = set()
    found: list[Violation] = []
    for each in processed:
        entry = sent.get(each.delivery_id)
        if entry is None or entry.expected is Times.NEVER:
            continue
        if each.stale or each.delivery_id in applied:
            continue
        applied.add(each.delivery_id)
        for key in entry.keys:
            rank, holder = newest.get(key, (entry.rank, ""))
            if rank > entry.rank:
                found.append(Violation(key, each.delivery_id, holder))
                break
        for key in entry.keys:
            if entry.rank >= newest.get(key, (entry.rank, ""))[0]:
                newest[key] = (entry.rank, each.delivery_id)
    return found
