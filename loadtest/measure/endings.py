"""How a run can end: its exit codes, and what each says about the consumer."""

from enum import StrEnum

PASSED = 0
WRONG = 95
"""A check found the consumer wrong; k6 has no such code."""
UNANSWERED = 96
"""No request was answered, so nothing was measured; k6 has no such code, and passes."""
UNCHECKED = 97
"""A requested check, such as ``--processed``, has no result."""
GENERATOR_LIMITED = 98
THRESHOLDS_CROSSED = 99
"""As k6."""
INTERRUPTED = 105
"""As k6, which calls it an external abort."""


class Ending(StrEnum):
    """What a run says about the consumer."""

    PASSED = "passed"
    FAILED = "failed"
    NO_VERDICT = "no verdict"
    """The run does not count, or not all of it: reports show it grey."""


ORDER = (
    THRESHOLDS_CROSSED, WRONG, GENERATOR_LIMITED, INTERRUPTED, UNANSWERED, UNCHECKED,
)  # fmt: skip
"""If several things went wrong, the first of these is the exit code."""
AGAINST = frozenset({THRESHOLDS_CROSSED, WRONG, UNANSWERED})
"""The codes that speak against the consumer; the others leave the question open."""


def ending_of(code: int) -> Ending:
    """Return what an exit code says."""
    if code == PASSED:
        return Ending.PASSED
    return Ending.FAILED if code in AGAINST else Ending.NO_VERDICT
