"""Every point between two effects of a role, and what may follow from a crash there.

Nothing may ever be lost, made up or recorded wrongly. What differs is whether deliveries may be
repeated: only those that the dead role held, which are at most those that were published.
"""

from dataclasses import dataclass

from tests.faults.harness.crashing import CrashPoint
from tests.faults.harness.scripts import Script

FAILS_ONCE = Script(status=503, every=2)
"""Every other POST to the endpoint fails: the retry succeeds mostly."""
FAILS = Script(status=503)
REFUSES = Script(status=400)
"""By webhooks for which 400 is a final answer."""
SLOWISH = Script(after_s=0.02)
"""So that something is under way when a role dies."""


@dataclass(frozen=True, slots=True)
class Case:
    """A crash.

    Attributes:
        point: Where.
        repeats: Whether deliveries may be repeated.
        script: What the endpoint does meanwhile.
        quick: Whether it is in the fast subset.
        direct: Events come one by one, for one webhook, so that most take no router; else in fives.
        final_answers: Of the webhooks.
    """

    point: CrashPoint
    repeats: bool = False
    script: Script = SLOWISH
    quick: bool = False
    direct: bool = False
    final_answers: str = "acr"

    @property
    def name(self) -> str:
        """The point, and which way the events take."""
        return f"{self.point}{', direct' if self.direct else ''}"

    @property
    def fan_out(self) -> int:
        """How many webhooks each event is for."""
        return 1 if self.direct else 2


TABLE = (
    # Producer: the request has no answer, and is sent again. The second set are duplicates.
    Case(CrashPoint("producer", "publish", "before")),
    Case(CrashPoint("producer", "publish", "under way"), repeats=True),
    Case(CrashPoint("producer", "publish", "after"), repeats=True),
    # Router: event frame taken, deliveries published, confirmed, event frame acked.
    Case(CrashPoint("router", "taken", "before")),
    Case(CrashPoint("router", "publish", "before")),
    Case(CrashPoint("router", "publish", "under way"), repeats=True),
    Case(CrashPoint("router", "publish", "after"), repeats=True),
    Case(CrashPoint("router", "publish", "after", number=2), repeats=True),
    Case(CrashPoint("router", "ack", "before"), repeats=True, quick=True),
    Case(CrashPoint("router", "ack", "after"), repeats=True),
    # Deliverer, 2xx: frame taken, POST written, answered, record published, confirmed, frame acked.
    Case(CrashPoint("deliverer", "taken", "before")),
    Case(CrashPoint("deliverer", "post", "before")),
    Case(CrashPoint("deliverer", "post", "under way"), repeats=True, quick=True),
    Case(CrashPoint("deliverer", "post", "under way", number=10), repeats=True),
    Case(CrashPoint("deliverer", "follow", "before"), repeats=True),
    Case(CrashPoint("deliverer", "publish", "before", "portcall.log"), repeats=True),
    Case(CrashPoint("deliverer", "publish", "under way", "portcall.log"), repeats=True),
    Case(CrashPoint("deliverer", "publish", "after", "portcall.log"), repeats=True),
    Case(CrashPoint("deliverer", "ack", "before"), repeats=True, quick=True),
    Case(CrashPoint("deliverer", "ack", "after"), repeats=True),
    # Deliverer, not 2xx: retry published to its rung, confirmed, then the record.
    Case(
        CrashPoint("deliverer", "publish", "before", "portcall.wait"),
        repeats=True,
        script=FAILS_ONCE,
    ),
    Case(
        CrashPoint("deliverer", "publish", "under way", "portcall.wait"),
        repeats=True,
        script=FAILS_ONCE,
    ),
    Case(
        CrashPoint("deliverer", "publish", "after", "portcall.wait"),
        repeats=True,
        script=FAILS_ONCE,
        quick=True,
    ),
    # Deliverer, given up: buried, confirmed, then the record.
    Case(CrashPoint("deliverer", "publish", "before", "portcall.dead"), repeats=True, script=FAILS),
    Case(CrashPoint("deliverer", "publish", "after", "portcall.dead"), repeats=True, script=FAILS),
    # Past the router: producer to deliverer, which notes what no router has noted.
    Case(CrashPoint("producer", "publish", "under way", number=5), repeats=True, direct=True),
    Case(CrashPoint("producer", "publish", "after", number=5), repeats=True, direct=True),
    Case(
        CrashPoint("deliverer", "publish", "before", "portcall.journal"),
        repeats=True,
        quick=True,
        direct=True,
    ),
    Case(
        CrashPoint("deliverer", "publish", "under way", "portcall.journal"),
        repeats=True,
        direct=True,
    ),
    Case(
        CrashPoint("deliverer", "publish", "after", "portcall.journal"),
        repeats=True,
        quick=True,
        direct=True,
    ),
    Case(CrashPoint("deliverer", "post", "under way", number=3), repeats=True, direct=True),
    Case(CrashPoint("deliverer", "ack", "before", number=3), repeats=True, direct=True),
    # Deliverer, a final answer: answered, record published, confirmed, frame acked.
    *(
        Case(point, repeats=True, script=REFUSES, quick=quick, final_answers="400")
        for point, quick in (
            (CrashPoint("deliverer", "follow", "before"), True),
            (CrashPoint("deliverer", "publish", "before", "portcall.log"), False),
            (CrashPoint("deliverer", "publish", "under way", "portcall.log"), False),
            (CrashPoint("deliverer", "ack", "before"), True),
            (CrashPoint("recorder", "insert", "after"), False),
        )
    ),
    # Recorder: batch read, rows inserted, transaction committed, credit given.
    Case(CrashPoint("recorder", "append", "before")),
    Case(CrashPoint("recorder", "insert", "after"), quick=True),
    Case(CrashPoint("recorder", "append", "after")),
)
