"""What a hostile endpoint does with the POSTs to it: data, so that it can be changed meanwhile."""

from enum import StrEnum

from msgspec import Struct


class Deed(StrEnum):
    """What becomes of a POST."""

    ANSWER = "answer"
    HANG = "hang"
    SLOW_HEAD = "slow_head"
    SLOW_BODY = "slow_body"
    ENDLESS = "endless"
    GARBAGE = "garbage"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    RESET = "reset"
    GZIP_BOMB = "gzip_bomb"


class Script(Struct, frozen=True, omit_defaults=True):
    """What an endpoint does.

    Attributes:
        deed: What it does with a POST.
        status: Of the answer, where there is one.
        headers: Further headers of the answer.
        after_s: How long it waits before that.
        every: Only every so-manieth POST; the others get 200 at once.
        up_s: With `down_s`: how long it is well before it does the above for `down_s`, in turns
            from the epoch on.
        down_s: See `up_s`; 0: it is never well.
        first: Only the first POST of each delivery; the others get 200 at once.
    """

    deed: Deed = Deed.ANSWER
    status: int = 200
    headers: dict[str, str] = {}
    after_s: float = 0.0
    every: int = 1
    up_s: float = 0.0
    down_s: float = 0.0
    first: bool = False

    def applies(self, number: int, now: float, *, again: bool = False) -> bool:
        """Whether a POST gets it, or a plain 200.

        Args:
            number: Which of the endpoint's POSTs it is, from 1.
            now: The time.
            again: Whether its delivery had a POST before.
        """
        if number % self.every or (self.first and again):
            return False
        return not self.down_s or now % (self.up_s + self.down_s) >= self.up_s


WELL = Script()
HANGS = Script(Deed.HANG)
BUSY = Script(status=429, headers={"Retry-After": "3"})
HOSTILE: dict[str, Script] = {
    "hang": HANGS,
    "slow_head": Script(Deed.SLOW_HEAD),
    "slow_body": Script(Deed.SLOW_BODY),
    "endless": Script(Deed.ENDLESS),
    "garbage": Script(Deed.GARBAGE),
    "too_short": Script(Deed.TOO_SHORT),
    "too_long": Script(Deed.TOO_LONG),
    "reset": Script(Deed.RESET),
    "redirect": Script(status=302, headers={"Location": "http://127.0.0.1:9/elsewhere"}),
    "gzip_bomb": Script(Deed.GZIP_BOMB),
    "busy": BUSY,
    "flapping": Script(status=503, up_s=0.7, down_s=0.7),
    "slow": Script(after_s=0.5),  # half of what the tests give an attempt
}
"""Every way in which an endpoint can be bad, but for 410, which ends its webhook."""
DELIVERED_ALL_THE_SAME = frozenset(
    {"slow_body", "endless", "too_short", "too_long", "gzip_bomb", "slow"}
)
"""Those of `HOSTILE` whose status says 200: what follows the head does not matter."""
