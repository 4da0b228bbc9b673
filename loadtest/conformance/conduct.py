"""Run the conformance script: send it, ask the consumer, and return what was seen."""

import asyncio
import time
from collections.abc import Iterable

from portcall.loadtest.conformance.judging import Observations
from portcall.loadtest.conformance.script import (
    GENUINE,
    STEP_S,
    faulty,
    genuine,
    skipped,
    traffic_for,
)
from portcall.loadtest.judge.asking import until_settled
from portcall.loadtest.judge.oracle import UNASKED, judge
from portcall.loadtest.plan import Outcome, Planned
from portcall.loadtest.send.poster import Poster
from portcall.loadtest.send.sources import Deliveries, Workload
from portcall.schemas.errors import PortcallError


class UnreachableError(PortcallError):
    """No request reached the consumer: there is nothing to grade."""


async def conduct(poster: Poster, traffic: Workload, *, processed: str, seed: int) -> Observations:
    """Send the script.

    Args:
        poster: Posts to the consumer.
        traffic: How POSTs are written and signed.
        processed: Where the consumer reports what it processed; empty: nowhere.
        seed: Seeds ids and times.

    Raises:
        UnreachableError: The consumer cannot be reached.
        ProcessedError: It cannot be asked.
    """
    script = traffic_for(traffic)
    deliveries = Deliveries((), script, seed=seed, began_us=time.time_ns() // 1000)
    ledger = deliveries.ledger
    outcomes: list[Outcome] = []
    for planned in genuine(deliveries):
        outcomes.append(await _send(poster, planned, deliveries))
        if len(outcomes) == 1 and not outcomes[0].status:
            raise UnreachableError(f"{poster.target.uri}: {outcomes[0].message}")
    # Faulty requests come after the valid ones: otherwise they would be older.
    from_s = GENUINE * STEP_S
    began = time.perf_counter() - from_s
    outcomes += await _send_all(poster, faulty(deliveries, script, from_s), deliveries, began)
    entries = ledger.sent_entries
    verdict = UNASKED
    if processed:
        verdict = judge(entries, await until_settled(processed, entries))
    return Observations(entries, outcomes, verdict, skipped(script))


async def _send_all(
    poster: Poster, script: Iterable[Planned], deliveries: Deliveries, began: float
) -> list[Outcome]:
    async def send(planned: Planned) -> Outcome:
        await asyncio.sleep(max(0.0, began + planned.at_s - time.perf_counter()))
        return await _send(poster, planned, deliveries)

    return list(await asyncio.gather(*(send(planned) for planned in script)))


async def _send(poster: Poster, planned: Planned, deliveries: Deliveries) -> Outcome:
    deliveries.ledger.sent(planned)
    outcome = await poster.ask(planned)
    deliveries.ledger.done(outcome)
    return outcome
