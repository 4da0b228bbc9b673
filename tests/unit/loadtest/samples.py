"""What the tests of sources, oracle and checks are made of."""

from collections.abc import Iterable
from typing import Any

from portcall.loadtest.faults.kinds import BY_NAME
from portcall.loadtest.measure.ledger import Ledger, LedgerEntry
from portcall.loadtest.payloads.facts import FactMix
from portcall.loadtest.payloads.formats import ACR, Format
from portcall.loadtest.plan import Outcome, Planned, Timings
from portcall.loadtest.send.retrying import Outage, Policy
from portcall.loadtest.send.sources import Deliveries, Workload
from portcall.loadtest.signing import Signing, Style
from portcall.schemas.records import Failure

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 (of the specification)
BEGAN_US = 1_772_619_630_123_456
PUSHES = FactMix({"push": 1}, repositories=20)


def traffic(
    *,
    faults: dict[str, float] | None = None,
    mix: FactMix = PUSHES,
    payload: Format = ACR,
    style: Style = Style.STANDARD,
    secret: str = SECRET,
    policy: Policy | None = None,
    outage: Outage | None = None,
    copies: int = 1,
    copies_after_s: tuple[float, float] | None = None,
    size: int = 0,
) -> Workload:
    return Workload(
        mix, Signing.of(style, secret), payload, faults or {}, policy or Policy(), outage,
        copies, copies_after_s, size,
    )  # fmt: skip


def deliveries(times: Iterable[float], seed: int = 1, **options: object) -> Deliveries:
    made = traffic(**options)  # type: ignore[arg-type]  # handed on as they come
    return Deliveries(times, made, seed=seed, began_us=BEGAN_US)


def outcome(planned: Planned, status: int = 200, *, at_s: float | None = None) -> Outcome:
    sent_s = planned.at_s if at_s is None else at_s
    failure = Failure.NONE if 200 <= status < 300 else Failure.STATUS
    return Outcome(
        planned, sent_s, sent_s + 0.01, Timings(), status, failure if status else Failure.TIMEOUT
    )


def planned(delivery_id: str = "a", at_s: float = 0.0, **fields: Any) -> Planned:  # noqa: ANN401 (handed on)
    return Planned(at_s, delivery_id, "push", b"{}", lambda _now_s: [], **fields)


def entry(
    delivery_id: str,
    *answers: int,
    fault: str = "",
    keys: tuple[str, ...] = (),
    rank: int = 0,
) -> LedgerEntry:
    """A delivery of which one POST was sent for each answer."""
    times = [float(number) for number in range(len(answers))]
    return LedgerEntry(
        delivery_id,
        "push",
        keys,
        rank,
        BY_NAME.get(fault),
        sent_at=times,
        answers=list(zip(times, answers, strict=True)),
    )


def ledger(*entries: LedgerEntry) -> Ledger:
    made = Ledger()
    for each in entries:
        made.open(each)
    return made
