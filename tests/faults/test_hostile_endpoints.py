"""Endpoints that are bad in every way there is harm nobody but themselves."""

from pathlib import Path

from tests.faults.harness.lab import laboratory
from tests.faults.scenarios.hostility import GONE_EVENTS, hostility, wrong_ends

EVENTS = 3
"""An endpoint that hangs is given one attempt at a time in the end: three attempts of a second each
for every event. More failures would open its breaker for long."""
WELL_P99_S = 1.0
"""What a well endpoint may notice of the others: the sink shares two cores with everything."""


async def test_every_kind_of_endpoint_gets_what_it_deserves(tmp_path: Path) -> None:
    environ = {"PORTCALL_RETRY_SCHEDULE": "500ms,500ms", "PORTCALL_ATTEMPT_TIMEOUT": "1s"}
    async with laboratory(tmp_path, environ) as lab:
        figures = await hostility(lab, events=EVENTS, well_events=100, rate=40, settle_s=60)

    assert figures["problems"] == []
    assert figures["duplicates"] == 0
    ends = figures["ends"]
    assert isinstance(ends, dict)
    assert wrong_ends(ends) == {}
    assert sum(ends.pop("gone").values()) == GONE_EVENTS
    assert {kind for kind, those in ends.items() if sum(those.values()) != EVENTS} == set()
    well_p99_s = figures["well_p99_s"]
    assert isinstance(well_p99_s, float) and well_p99_s < WELL_P99_S
