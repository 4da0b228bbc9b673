"""The faults: for each one what is sent, and how a correct consumer reacts. A table, no I/O."""

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from portcall.loadtest.faults import bodies
from portcall.loadtest.plan import USUAL, TransportOptions, Wants
from portcall.loadtest.signing import Forgery

SLOW_UPLOAD_S = 2.0
LATER_S = (1.0, 3.0)
"""How long after the first request a copy is sent."""
AT_ONCE_S = (0.0, 0.001)
WINDOW_S = (0.2, 1.0)
"""The default delay of a POST that others overtake."""


class Group(StrEnum):
    """Kinds of faults that can be requested together."""

    DUPLICATES = "duplicates"
    ORDER = "order"
    SIGNATURES = "signatures"
    BODIES = "bodies"
    TRANSPORT = "transport"


class Times(StrEnum):
    """How often a correct consumer processes the delivery."""

    ONCE = "once"
    NEVER = "never"
    AT_MOST_ONCE = "at most once"


class Repeat(Struct, frozen=True):
    """The same delivery again.

    Attributes:
        after_s: The least and the longest delay after the first.
        signed_again: With a new time and signature, like a retry; otherwise the same bytes.
        captured: With a valid signature of an hour ago, like a replay attack.
    """

    after_s: tuple[float, float]
    signed_again: bool = False
    captured: bool = False


class Overtaken(StrEnum):
    """A POST sent before another one, although its event happened later."""

    BY_OTHERS = "others"
    BY_REMOVAL = "removal"
    BY_PUSH = "push"


class FaultKind(Struct, frozen=True):
    """One fault.

    Attributes:
        name: Its name in options and reports.
        group: The group that includes it.
        sent: What is sent, in words.
        right: What a correct consumer does, in words.
        wants: The correct response.
        processed: How often to process it.
        needs: Needed of the signature: ``""`` nothing, ``signed``, ``stamped`` or ``rotating``.
        forgery: What is wrong with the signature.
        spoil: Changes the body before it is signed.
        tamper: Changes the body after it was signed.
        content_type: Replaces the correct one.
        transport: How it is sent.
        repeat: It is sent again.
        overtaken: The POST that comes before it.
    """

    name: str
    group: Group
    sent: str
    right: str
    wants: Wants = Wants.TAKEN
    processed: Times = Times.ONCE
    needs: str = ""
    forgery: Forgery = Forgery.NONE
    spoil: Callable[[bytes], bytes] | None = None
    tamper: Callable[[bytes], bytes] | None = None
    content_type: str = ""
    transport: TransportOptions = USUAL
    repeat: Repeat | None = None
    overtaken: Overtaken | None = None


def _refused(name: str, sent: str, *, needs: str = "signed", **more: object) -> FaultKind:
    """A POST that a correct consumer must refuse."""
    fields: dict[str, object] = {"forgery": Forgery.NONE, **more}
    return FaultKind(
        name, Group.SIGNATURES, sent, "4xx, and not processed", Wants.REFUSED, Times.NEVER, needs,
        **fields,  # type: ignore[arg-type]  # checked by the table's test
    )  # fmt: skip


TAKEN_ONCE = "2xx, and processed once"
IN_ORDER = "2xx, and the newer one wins"
NO_FAULT_OF_OURS = "2xx or 4xx, never 5xx"

KINDS = (
    FaultKind(
        "duplicate", Group.DUPLICATES, "the same POST again, 1 to 3 s later", TAKEN_ONCE,
        repeat=Repeat(LATER_S),
    ),
    FaultKind(
        "duplicate-concurrent", Group.DUPLICATES, "the same POST again within 1 ms", TAKEN_ONCE,
        repeat=Repeat(AT_ONCE_S),
    ),
    FaultKind(
        "duplicate-resigned", Group.DUPLICATES,
        "the same delivery 1 to 3 s later, signed again as a retry is", TAKEN_ONCE,
        repeat=Repeat(LATER_S, signed_again=True),
    ),
    FaultKind(
        "swapped", Group.ORDER, "a POST is 0.2 to 1 s late, others overtake it", IN_ORDER,
        overtaken=Overtaken.BY_OTHERS,
    ),
    FaultKind(
        "stale-push", Group.ORDER, "a push arrives after the delete of its image", IN_ORDER,
        overtaken=Overtaken.BY_REMOVAL,
    ),
    FaultKind(
        "late-retry", Group.ORDER, "the retry of a push arrives after a newer push to its tag",
        IN_ORDER, overtaken=Overtaken.BY_PUSH,
    ),
    _refused("wrong-signature", "signed with another secret", forgery=Forgery.WRONG),
    _refused("missing-signature", "no signature", forgery=Forgery.MISSING),
    _refused(
        "malformed-signature", "a signature or a time that cannot be parsed",
        forgery=Forgery.MALFORMED,
    ),
    _refused(
        "expired", "a valid signature of an hour ago", needs="stamped", forgery=Forgery.EXPIRED
    ),
    _refused(
        "future", "a valid signature of an hour ahead", needs="stamped", forgery=Forgery.FUTURE
    ),
    _refused("tampered", "the body changed after it was signed", tamper=bodies.tampered),
    FaultKind(
        "replayed", Group.SIGNATURES,
        "a known delivery again, with a valid signature of an hour ago",
        "2xx or 4xx, and not processed again", Wants.EITHER, Times.AT_MOST_ONCE, needs="stamped",
        repeat=Repeat(LATER_S, captured=True),
    ),
    FaultKind(
        "rotated", Group.SIGNATURES, "an unknown secret's signature before the valid one",
        TAKEN_ONCE, needs="rotating", forgery=Forgery.ROTATED,
    ),
    FaultKind(
        "truncated-json", Group.BODIES, "the JSON ends in the middle, correctly signed",
        "4xx, and not processed", Wants.REFUSED, Times.NEVER, spoil=bodies.truncated,
    ),
    FaultKind(
        "duplicate-keys", Group.BODIES, "a duplicate key in the JSON", NO_FAULT_OF_OURS,
        Wants.EITHER, Times.AT_MOST_ONCE, spoil=bodies.key_twice,
    ),
    FaultKind(
        "wrong-content-type", Group.BODIES, "text/plain", NO_FAULT_OF_OURS, Wants.EITHER,
        Times.AT_MOST_ONCE, content_type="text/plain",
    ),
    FaultKind(
        "huge-1mb", Group.BODIES, "a body of 1 MB", NO_FAULT_OF_OURS, Wants.EITHER,
        Times.AT_MOST_ONCE, spoil=bodies.padded_to(1_000_000),
    ),
    FaultKind(
        "huge-25mb", Group.BODIES, "a body of 25 MB", NO_FAULT_OF_OURS, Wants.EITHER,
        Times.AT_MOST_ONCE, spoil=bodies.padded_to(25_000_000),
    ),
    FaultKind(
        "new-connection", Group.TRANSPORT, "on a new connection", TAKEN_ONCE,
        transport=TransportOptions(fresh=True),
    ),
    FaultKind(
        "slow-upload", Group.TRANSPORT, f"the body arrives slowly, over {SLOW_UPLOAD_S:.0f} s",
        NO_FAULT_OF_OURS, Wants.EITHER, Times.AT_MOST_ONCE,
        transport=TransportOptions(fresh=True, upload_s=SLOW_UPLOAD_S),
    ),
    FaultKind(
        "expect-continue", Group.TRANSPORT, "Expect: 100-continue before the body", TAKEN_ONCE,
        transport=TransportOptions(fresh=True, expect=True),
    ),
    FaultKind(
        "cut-off", Group.TRANSPORT, "the connection ends in the middle of the body",
        "not processed", Wants.ANY, Times.NEVER, transport=TransportOptions(fresh=True, cut_at=20),
    ),
    FaultKind(
        "half-closed", Group.TRANSPORT, "the sender half-closes right after the body",
        "any response or none, never 5xx", Wants.ANY, Times.AT_MOST_ONCE,
        transport=TransportOptions(fresh=True, half_closed=True),
    ),
)  # fmt: skip
BY_NAME = {kind.name: kind for kind in KINDS}
SLOWED = frozenset(kind.name for kind in KINDS if kind.transport.slowed)
"""Faults that the load test itself makes slow: their requests have no durations."""
