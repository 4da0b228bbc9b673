"""The sink's deliberate faults: slow, failing, stalling, forgetful. Pure choices."""

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct


class Deed(StrEnum):
    """What the sink does with a valid request."""

    TAKE = "take"
    FAIL = "fail"
    """Answers with an error and does not process it."""
    FAIL_LATE = "fail late"
    """Processes it, but answers with an error."""
    LOSE = "lose"
    """Answers 2xx and does not process it."""
    HANG = "hang"
    RESET = "reset"
    SLOW_BODY = "slow body"
    """Processes it, and answers one byte at a time."""


class Behaviour(Struct, frozen=True):
    """The options.

    Attributes:
        delay_s: How long a response takes.
        jitter_s: By how much that varies, up and down.
        status: The status for accepted requests; if not 2xx, none is accepted.
        fail_rate: The part of the requests that fail.
        fail_status: The status of failures.
        fail_late_rate: The part that is processed, but fails.
        lose_rate: The part that is accepted, but forgotten.
        hang_rate: The part that is never answered.
        reset_rate: The part whose connection is reset.
        slow_body_rate: The part that is answered one byte at a time.
        stall_every_s: The interval of stalls without any responses; 0: never.
        stall_for_s: The length of a stall.
        retry_after: The Retry-After header of errors; empty: none.
        close: Whether it closes the connection after each response.
        fragile: Whether an unreadable header makes it answer 500, as in many handlers.
        racy: Whether it checks for duplicates before its work and records the id after it.
    """

    delay_s: float = 0.0
    jitter_s: float = 0.0
    status: int = 200
    fail_rate: float = 0.0
    fail_status: int = 503
    fail_late_rate: float = 0.0
    lose_rate: float = 0.0
    hang_rate: float = 0.0
    reset_rate: float = 0.0
    slow_body_rate: float = 0.0
    stall_every_s: float = 0.0
    stall_for_s: float = 0.0
    retry_after: str = ""
    close: bool = False
    fragile: bool = False
    racy: bool = False

    def deed(self, chance: float) -> Deed:
        """Choose the behaviour; *chance* is from 0 to 1."""
        if not 200 <= self.status < 300:
            return Deed.FAIL
        for deed, rate in (
            (Deed.FAIL, self.fail_rate),
            (Deed.FAIL_LATE, self.fail_late_rate),
            (Deed.LOSE, self.lose_rate),
            (Deed.HANG, self.hang_rate),
            (Deed.RESET, self.reset_rate),
            (Deed.SLOW_BODY, self.slow_body_rate),
        ):
            if chance < rate:
                return deed
            chance -= rate
        return Deed.TAKE

    def wait_s(self, running_s: float, chance: Callable[[], float]) -> float:
        """Return the delay of a response.

        Args:
            running_s: How long the sink has run: stalls come at the end of each interval.
            chance: Gives numbers from 0 to 1.
        """
        wait_s = (
            self.delay_s + self.jitter_s * (2 * chance() - 1) if self.jitter_s else self.delay_s
        )
        return max(0.0, wait_s) + self.stalled_s(running_s)

    def stalled_s(self, running_s: float) -> float:
        """Return how long the current stall lasts; 0: there is none."""
        if not self.stall_every_s:
            return 0.0
        into_s = running_s % self.stall_every_s
        if into_s < self.stall_every_s - self.stall_for_s:
            return 0.0
        return self.stall_every_s - into_s

    @property
    def error_status(self) -> int:
        """Return the status of an error."""
        return self.fail_status if 200 <= self.status < 300 else self.status
