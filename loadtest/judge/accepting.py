"""Does the consumer accept what is valid? The one check that every run makes."""

from collections import Counter

from portcall.loadtest.judge.questions import advice_for, told
from portcall.loadtest.measure.endings import WRONG
from portcall.loadtest.measure.ledger import Ledger, LedgerEntry
from portcall.loadtest.measure.sections import NO_SAMPLES, Finding, Section
from portcall.schemas.plurals import counted

TITLE = "Are valid deliveries accepted?"
ACCEPTED = "valid deliveries are accepted"
FAILED_SHARE = 0.01
"""One of a hundred may fail, as in k6's own examples."""
METRIC = "http_req_failed"
MAX_REASONS = 3


def accepting_section(ledger: Ledger, final: frozenset[int]) -> Section:
    """Return whether enough deliveries without a fault were answered 2xx, retries included.

    Args:
        ledger: What was sent.
        final: The answers by which a consumer may refuse a valid delivery for good.
    """
    valid = [each for each in ledger.sent_entries if each.kind is None and each.answers]
    if not valid:
        nothing = f"{NO_SAMPLES}: no delivery without a fault was sent"
        return Section(TITLE, findings=(Finding(ACCEPTED, ok=None, detail=nothing),))
    refused = [each for each in valid if not each.taken and each.answers[-1][1] in final]
    failed = [each for each in valid if not each.taken and each not in refused]
    taken = len(valid) - len(refused) - len(failed)
    detail = f"answered 2xx: {taken} of {counted(len(valid), 'delivery')}"
    if refused:
        detail += f"; refused by a final answer: {len(refused)}"
    if taken and len(failed) <= FAILED_SHARE * len(valid):
        allowed = f"; 1 of 100 may fail, for example {told(failed[0])}" if failed else ""
        return Section(TITLE, findings=(Finding(ACCEPTED, ok=True, detail=detail + allowed),))
    return Section(TITLE, findings=(_finding(failed or refused, len(valid), detail),))


def _finding(failed: list[LedgerEntry], valid: int, detail: str) -> Finding:
    reasons = Counter(_answer(each) for each in failed)
    first = [f"{reason} ({count})" for reason, count in reasons.most_common(MAX_REASONS)]
    return Finding(
        ACCEPTED,
        ok=False,
        detail=f"{detail}; the others: {', '.join(first)}. For example {told(failed[0])}",
        code=WRONG,
        metric=METRIC,
        brief=f"{len(failed)} of {counted(valid, 'valid delivery')}"
        f" not accepted: {reasons.most_common(1)[0][0]}",
        advice=advice_for(failed[0]),
        example=(failed[0].delivery_id,),
    )


def _answer(entry: LedgerEntry) -> str:
    status = entry.answers[-1][1]
    return f"answered {status}" if status else entry.reason or "no response"
