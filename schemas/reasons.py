"""Reasons in brief: why an attempt did not succeed, in the few words that fit a list."""

from portcall.schemas.records import Failure, Outcome

_WORDS = {
    Failure.REFUSED: "connection refused",
    Failure.RESET: "connection reset",
    Failure.DNS: "name not found",
    Failure.TLS: "TLS failed",
    Failure.UNREACHABLE: "unreachable",
    Failure.PROTOCOL: "no valid HTTP",
    Failure.BLOCKED: "address not allowed",
    Failure.INVALID: "invalid request",
}
_BEGINNINGS = ("cancelled: ", "given up: ", "not sent: ")
"""Words that the outcome shows already."""


def brief_reason(
    outcome: Outcome, failure: Failure, *, status: int, message: str, duration_us: int
) -> str:
    """Why an attempt did not succeed, or why a delivery ended without one; empty: it succeeded.

    Args:
        outcome: How it ended.
        failure: The class of the failure.
        status: The HTTP status; 0: there was no answer.
        message: The whole reason, as the record has it.
        duration_us: How long it took, microseconds.
    """
    if outcome is Outcome.DELIVERED:
        return ""
    if failure is Failure.TIMEOUT:
        return f"timeout after {_seconds(duration_us)}"
    if failure in _WORDS:
        return _WORDS[failure]
    if 200 <= status < 300:
        return f"answered {status}, but not as its format wants"
    if status:
        return f"answered {status}"
    for beginning in _BEGINNINGS:
        message = message.removeprefix(beginning)
    return message or "no answer"


def _seconds(duration_us: int) -> str:
    """A duration for a glance: ``15 s``, ``0.5 s``."""
    seconds = duration_us / 1e6
    return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s".replace(".0 s", " s")
