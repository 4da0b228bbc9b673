"""The oracle: what was sent against what the consumer says that it processed. Pure rules.

A right consumer has processed every delivery that it answered 2xx, once; nothing that it should
have refused; and where two deliveries are about the same thing, the newer one holds in the end.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from msgspec import Struct

from portcall.loadtest.faults.kinds import Times
from portcall.loadtest.measure.ledger import Entry


class Processed(Struct, frozen=True):
    """One thing that the consumer says it did, in the order in which it did it.

    Attributes:
        delivery_id: Of which delivery.
        stale: It saw that something newer held already, and left it at that.
    """

    delivery_id: str
    stale: bool = False


class Violation(Struct, frozen=True):
    """What was older was applied over what was newer.

    Attributes:
        key: What both are about.
        delivery_id: The older one, which was applied last.
        after: The newer one, applied before.
    """

    key: str
    delivery_id: str
    after: str


@dataclass(slots=True)
class Verdict:
    """What the oracle found; lists of delivery ids.

    Attributes:
        asked: Whether the consumer was asked at all; if not, all else is empty.
        processed: Deliveries of this run that were processed or seen to be stale.
        missing: Should have been processed and were not; none of their POSTs was answered 2xx.
        lost: Were answered 2xx, and never processed.
        twice: Were processed more than once.
        phantom: Were processed and never should have been: forged, spoilt or cut off.
        unknown: Ids that this run did not send; they are no error, the consumer may be in use.
        violations: What was older and applied over what was newer.
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
        """The deliveries with which something is wrong."""
        violated = (each.delivery_id for each in self.violations)
        return frozenset([*self.missing, *self.lost, *self.twice, *self.phantom, *violated])


UNASKED = Verdict()


def judge(entries: Iterable[Entry], processed: Sequence[Processed]) -> Verdict:
    """Judge what was seen.

    Args:
        entries: Every delivery of which anything was sent.
        processed: What the consumer says, in its order.
    """
    sent = {entry.delivery_id: entry for entry in entries}
    times = Counter(each.delivery_id for each in processed if not each.stale)
    seen = {each.delivery_id for each in processed}
    verdict = Verdict(asked=True, unknown=[each for each in seen if each not in sent])
    for delivery_id, entry in sent.items():
        _judge_one(verdict, entry, times[delivery_id], seen=delivery_id in seen)
    verdict.violations.extend(violations(sent, processed))
    return verdict


def _judge_one(verdict: Verdict, entry: Entry, times: int, *, seen: bool) -> None:
    delivery_id = entry.delivery_id
    if entry.expected is Times.NEVER:
        if times:
            verdict.phantom.append(delivery_id)
        return
    if seen:
        verdict.processed.append(delivery_id)
        if times > 1:
            verdict.twice.append(delivery_id)
    elif entry.taken:
        verdict.lost.append(delivery_id)
    elif entry.expected is Times.ONCE:
        verdict.missing.append(delivery_id)


def violations(sent: dict[str, Entry], processed: Sequence[Processed]) -> list[Violation]:
    """What was applied although something newer with a common key had been applied before.

    A delivery that is applied a second time is a duplicate and not looked at again.
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
