"""Lanes, and what happens at them."""

from portcall.deliverer.endpoints.lanes import Admission, Lanes

START, WAIT, PARK = Admission.START, Admission.WAIT, Admission.PARK


def lanes(max_cap: int = 16, max_in_flight: int = 100, max_idle: int = 100) -> Lanes[str]:
    return Lanes[str](max_cap=max_cap, max_in_flight=max_in_flight, max_idle=max_idle)


def admissions(held: Lanes[str], webhook_id: int, count: int, now: float = 0.0) -> list[Admission]:
    return [held.admit(webhook_id, f"{webhook_id}.{n}", now) for n in range(count)]


def finish(
    held: Lanes[str],
    webhook_id: int,
    *,
    started: float,
    now: float,
    healthy: bool | None = True,
) -> list[str]:
    return held.finish(webhook_id, healthy=healthy, started=started, now=now)


def fail(held: Lanes[str], webhook_id: int, times: int, *, at: float, lasting: float) -> None:
    for _ in range(times):
        assert held.admit(webhook_id, "item", at) is START
        finish(held, webhook_id, started=at, now=at + lasting, healthy=False)
