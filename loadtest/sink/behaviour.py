"""How the sink behaves beside what is right: slow, failing, stalling, forgetful. Pure choices."""

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct


class Deed(StrEnum):
    """What it does with a request that it has nothing against."""

    TAKE = "take"
    FAIL = "fail"
    """Answers an error and does not process it."""
    FAIL_LATE = "fail late"
    """Processes it, and answers an error all the same."""
    LOSE = "lose"
    """Answers 2xx and does not process it."""
    HANG = "hang"
    RESET = "reset"
    SLOW_BODY = "slow body"
    """Processes it, and answers a byte at a time."""


class Behaviour(Struct, frozen=True):
    """The flags.

    Attributes:
        delay_s: How long an answer takes.
        jitter_s: By how much that varies, up and down.
        status: Of the answer to what it took; one that is no 2xx: nothing is ever taken.
        fail_rate: Which part of the requests it fails.
        fail_status: With which status.
        fail_late_rate: Which part it processes and fails.
        lose_rate: Which part it accepts and forgets.
        hang_rate: Which part it never answers.
        reset_rate: Which part it resets the connection of.
        slow_body_rate: Which part it answers a byte at a time.
        stall_every_s: Every so long it answers nobody; 0: never.
        stall_for_s: For so long.
        retry_after: The header of that name in its errors; empty: none.
        close: Whether it closes the connection after each answer.
        fragile: Whether a header that it cannot read makes it answer 500, as many handlers do.
        racy: Whether it looks for a duplicate before its work and notes it after.
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
        """What to do; *chance* is from 0 to 1."""
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
        """How long to wait with an answer.

        Args:
            running_s: Since when the sink runs: stalls come at the end of each period.
            chance: Gives numbers from 0 to 1.
        """
        wait_s = (
            self.delay_s + self.jitter_s * (2 * chance() - 1) if self.jitter_s else self.delay_s
        )
        return max(0.0, wait_s) + self.stalled_s(running_s)

    def stalled_s(self, running_s: float) -> float:
        """How long the stall lasts that there is now; 0: there is none."""
        if not self.stall_every_s:
            return 0.0
        into_s = running_s % self.stall_every_s
        if into_s < self.stall_every_s - self.stall_for_s:
            return 0.0
        return self.stall_every_s - into_s

    @property
    def error_status(self) -> int:
        """The status of an error."""
        return self.fail_status if 200 <= self.status < 300 else self.status
