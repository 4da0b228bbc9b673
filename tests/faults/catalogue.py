"""The figures of docs/reliability.md: each scenario, with how long it takes and what must hold."""

import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults import runs
from tests.faults.harness.node import disk_alarm, memory_alarm
from tests.faults.harness.stores import sqlite_locked
from tests.faults.runs import Figures, Settings
from tests.faults.scenarios.crashes import crash_table

RESUMED_S = 15.0


@dataclass(frozen=True, slots=True)
class Bound:
    """Something that must hold.

    Attributes:
        figure: Its name among the figures.
        at_most: The largest good value, or None.
        at_least: The smallest good value, or None.
    """

    figure: str
    at_most: float | None = None
    at_least: float | None = None

    def check(self, figures: Figures) -> dict[str, Any]:
        """The bound with its value, and whether it is met."""
        value = figures.get(self.figure)
        met = value is not None
        if value is not None and self.at_most is not None:
            met = met and value <= self.at_most
        if value is not None and self.at_least is not None:
            met = met and value >= self.at_least
        limits = {"at_most": self.at_most, "at_least": self.at_least}
        given = {name: limit for name, limit in limits.items() if limit is not None}
        return {"figure": self.figure, **given, "value": value, "met": met}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One set of figures.

    Attributes:
        title: In words.
        run: Makes them, in a folder that is its own.
        full: The settings of the figures proper.
        short: What of these is less in a trial run.
        bounds: What must hold, besides that the oracle finds no problem.
    """

    title: str
    run: Callable[[Path, Settings], Awaitable[Figures]]
    full: Settings
    short: Settings
    bounds: tuple[Bound, ...] = ()


_RESUMES = tuple(
    Bound(name, at_most=RESUMED_S)
    for name in ("accepted_again_after_s", "posted_again_after_s", "all_ready_after_s")
)
_ISOLATED = (Bound("p99_ratio", at_most=2.0), Bound("throughput_ratio", at_least=0.8))
_NONE_LOST = (Bound("lost", at_most=0), Bound("phantoms", at_most=0))

CATALOGUE: dict[str, Scenario] = {
    "kills": Scenario(
        "Every role and the broker get a SIGKILL, one every few seconds",
        runs.run_kills,
        {"deliveries": 20_000, "rate": 100, "every_s": 3, "seed": 1},
        {"deliveries": 1_500, "every_s": 2},
        (*_NONE_LOST, Bound("duplicates_percent", at_most=2.0)),
    ),
    "terms": Scenario(
        "Every role gets a SIGTERM, one every few seconds",
        runs.run_terms,
        {"deliveries": 20_000, "rate": 150, "every_s": 3, "seed": 1},
        {"deliveries": 1_500, "every_s": 2},
        (*_NONE_LOST, Bound("duplicates", at_most=0)),
    ),
    "crash-points": Scenario(
        "A role dies exactly between two of its effects",
        crash_table,
        {"cases": 100},
        {"cases": 3},
        (Bound("points_with_problems", at_most=0),),
    ),
    "broker-hangs": Scenario(
        "The broker gets a SIGSTOP and later a SIGCONT, under load",
        runs.running_broker_away(signal.SIGSTOP),
        {"for_s": 40, "before_s": 10, "after_s": 30, "rate": 200},
        {"for_s": 6, "before_s": 3, "after_s": 6, "rate": 100},
        (*_NONE_LOST, *_RESUMES),
    ),
    "broker-killed": Scenario(
        "The broker is killed under load, and restarts",
        runs.running_broker_away(signal.SIGKILL),
        {"for_s": 0, "before_s": 10, "after_s": 30, "rate": 200},
        {"before_s": 3, "after_s": 6, "rate": 100},
        (*_NONE_LOST, *_RESUMES),
    ),
    "broker-restarted": Scenario(
        "The broker is restarted properly, under load",
        runs.running_broker_away(signal.SIGTERM),
        {"for_s": 0, "before_s": 10, "after_s": 30, "rate": 200},
        {"before_s": 3, "after_s": 6, "rate": 100},
        (*_NONE_LOST, *_RESUMES),
    ),
    "first-attempts-fail": Scenario(
        "Endpoints fail each delivery once, while the broker gets a SIGSTOP",
        runs.run_first_attempts_fail,
        {"away_s": 40, "after": 300, "rate": 100},
        {"away_s": 8, "after": 100},
        (*_NONE_LOST, Bound("given_up", at_most=0), Bound("drained_after_s", at_most=75.0)),
    ),
    "leader-killed": Scenario(
        "A cluster of three nodes loses the queue leader, under load",
        runs.run_leader_killed,
        {"rate": 200, "before_s": 10, "after_s": 40},
        {"rate": 100, "before_s": 4, "after_s": 12},
        (*_NONE_LOST, Bound("posted_again_after_s", at_most=RESUMED_S)),
    ),
    "isolation-50": Scenario(
        "10 of 50 endpoints hang",
        runs.run_isolation,
        {"endpoints": 50, "sick": 10, "rate": 150, "for_s": 60, "burst": 10_000},
        {"for_s": 8, "burst": 2_000},
        _ISOLATED,
    ),
    "isolation-1000": Scenario(
        "200 of 1,000 endpoints hang",
        runs.run_isolation,
        {"endpoints": 1000, "sick": 200, "rate": 150, "for_s": 60, "burst": 20_000},
        {"for_s": 8, "burst": 2_000},
        _ISOLATED,
    ),
    "pause": Scenario(
        "One endpoint answers 429 with Retry-After",
        runs.run_pause,
        {"endpoints": 10, "events": 200, "rate": 100},
        {"events": 40},
    ),
    "outage": Scenario(
        "All endpoints answer 500 for ten minutes, and recover",
        runs.run_outage,
        {"rate": 100, "before_s": 60, "down_s": 600, "after_s": 300},
        {"before_s": 5, "down_s": 15, "after_s": 30},
        (*_NONE_LOST, Bound("given_up", at_most=0), Bound("peak_after_of_normal", at_most=2.0)),
    ),
    "soak": Scenario(
        "A long run at half of full speed, with flapping endpoints and short broker outages",
        runs.run_soak,
        {"share": 0.5, "burst": 60_000, "for_s": 1200, "fault_every_s": 30},
        {"share": 0.1, "burst": 2_000, "for_s": 30, "fault_every_s": 10},
        (*_NONE_LOST, Bound("memory_growth_most", at_most=1.1)),
    ),
    "hostile": Scenario(
        "Misbehaving endpoints of every kind, among healthy ones",
        runs.run_hostility,
        {"events": 5, "well_events": 3000, "rate": 50, "settle_s": 600},
        {"events": 3, "well_events": 100, "rate": 40, "settle_s": 90},
        (Bound("kinds_that_ended_wrongly", at_most=0),),
    ),
    "broker-line": Scenario(
        "The connection to the broker is cut, half closed, stalled in both directions or in one, slow, narrow",
        runs.run_broker_line,
        {"for_s": 8, "rate": 100},
        {"for_s": 1.5},
    ),
    "sink-line": Scenario(
        "The connection to the consumers is cut, half closed, stalled in both directions or in one, slow, narrow",
        runs.run_sink_line,
        {"for_s": 4, "rate": 100},
        {"for_s": 1.5},
    ),
    "memory-alarm": Scenario(
        "The broker has a memory alarm",
        runs.running_pressure(memory_alarm),
        {"for_s": 30, "rate": 100},
        {"for_s": 5},
    ),
    "disk-alarm": Scenario(
        "The broker has a disk alarm",
        runs.running_pressure(disk_alarm),
        {"for_s": 30, "rate": 100},
        {"for_s": 5},
    ),
    "sqlite-locked": Scenario(
        "Another process holds SQLite's lock",
        runs.running_pressure(sqlite_locked),
        {"for_s": 40, "rate": 100},
        {"for_s": 13},
    ),
    "postgresql-killed": Scenario(
        "PostgreSQL is killed, and restarts",
        runs.run_postgresql_killed,
        {"for_s": 30, "rate": 100},
        {"for_s": 6},
    ),
}
