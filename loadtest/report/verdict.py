"""The verdict on a run: the one value from which every output takes its exit code and its words."""

from collections.abc import Sequence
from typing import Self

from msgspec import Struct

from portcall.loadtest.measure.endings import AGAINST, ORDER, PASSED, Ending, ending_of
from portcall.loadtest.measure.sections import Finding

MAX_BRIEFS = 3
MAX_ALIKE = 2


class Reason(Struct, frozen=True):
    """A finding, with the chapter that it is in.

    Attributes:
        title: The chapter's heading.
        grade: The chapter's grade; empty: none.
        finding: The finding.
    """

    title: str
    grade: str
    finding: Finding


class Verdict(Struct, frozen=True):
    """What a run says about the consumer.

    Attributes:
        ending: Passed, failed, or no verdict.
        code: The exit code; 0 if, and only if, it passed.
        words: The headline: the ending and why, in one line.
        reasons: The findings that decided; empty if, and only if, it passed.
    """

    ending: Ending
    code: int
    words: str
    reasons: tuple[Reason, ...] = ()

    @classmethod
    def of(cls, findings: Sequence[Reason]) -> Self:
        """Decide.

        A finding against the consumer outweighs an open question, because it stays true. If both
        are open and against it, only what has the sort of the exit code is a reason.

        Args:
            findings: All findings of the run, weighed; the most telling chapters first.
        """
        spoken = [each for each in findings if each.finding.ok is False and each.finding.code]
        codes = {each.finding.code for each in spoken}
        code = next((each for each in ORDER if each in codes), PASSED)
        ending = ending_of(code)
        reasons = tuple(
            each for each in spoken if (each.finding.code in AGAINST) == (code in AGAINST)
        )
        return cls(ending, code, _words(ending, reasons), reasons)

    def decides(self, finding: Finding) -> bool:
        """Whether *finding* is one of the reasons."""
        return any(each.finding == finding for each in self.reasons)


def _words(ending: Ending, reasons: Sequence[Reason]) -> str:
    briefs = list(dict.fromkeys(_brief(each, reasons) for each in reasons))
    more = len(briefs) - MAX_BRIEFS
    told = "; ".join(briefs[:MAX_BRIEFS]) + (f"; and {more} more" if more > 0 else "")
    match ending:
        case Ending.PASSED:
            return "passed"
        case Ending.FAILED:
            return f"failed: {told}"
        case Ending.NO_VERDICT:
            return told


def _brief(reason: Reason, reasons: Sequence[Reason]) -> str:
    """Return a reason in a few words; several of one chapter together."""
    finding = reason.finding
    if finding.brief:
        return finding.brief
    if reason.grade:
        return f"grade {reason.grade}"
    alike = [each for each in reasons if each.title == reason.title and not each.finding.brief]
    if len(alike) > MAX_ALIKE:
        return f"{len(alike)} kinds of {reason.title.lower()}"
    return f"{reason.title.lower()}: {', '.join(each.finding.name for each in alike)}"
