"""The figures of docs/reliability.md: each scenario, with how long it takes and what must hold."""

import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.broker import PrivateBroker
from store.migrate import migrate
from tests.faults.harness.cluster_lab import cluster_laboratory
from tests.faults.harness.injector import ROLES
from tests.faults.harness.lab import laboratory
from tests.faults.harness.node import disk_alarm, memory_alarm
from tests.faults.harness.stores import postgres_stopped, sqlite_locked
from tests.faults.scenarios.broker_away import broker_away
from tests.faults.scenarios.crashes import crash_table
from tests.faults.scenarios.hostility import hostility, wrong_ends
from tests.faults.scenarios.isolation import isolation, pause
from tests.faults.scenarios.kills import kills
from tests.faults.scenarios.leader import leader_killed
from tests.faults.scenarios.lines import broker_line_laboratory, lines, sink_line_laboratory
from tests.faults.scenarios.outage import SCHEDULE, outage, soak
from tests.faults.scenarios.pressure import Trouble, pressure
from tests.postgres import PrivatePostgres, postgres_programs

Figures = dict[str, Any]
Settings = Mapping[str, Any]
"""Numbers; some of them must be whole ones."""
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


async def _kills(folder: Path, settings: Settings) -> Figures:
    async with laboratory(folder) as lab:
        return await kills(
            lab,
            deliveries=int(settings["deliveries"]),
            rate=settings["rate"],
            every_s=settings["every_s"],
            seed=int(settings["seed"]),
        )


async def _terms(folder: Path, settings: Settings) -> Figures:
    async with laboratory(folder) as lab:
        return await kills(
            lab,
            deliveries=int(settings["deliveries"]),
            rate=settings["rate"],
            every_s=settings["every_s"],
            seed=int(settings["seed"]),
            number=signal.SIGTERM,
            roles=ROLES,
        )


def _broker(how: signal.Signals) -> Callable[[Path, Settings], Awaitable[Figures]]:
    async def run(folder: Path, settings: Settings) -> Figures:
        async with laboratory(folder) as lab:
            return await broker_away(lab, how=how, **settings)

    return run


async def _leader(folder: Path, settings: Settings) -> Figures:
    async with cluster_laboratory(folder) as (lab, cluster, line):
        return await leader_killed(lab, cluster, line, **settings)


async def _isolation(folder: Path, settings: Settings) -> Figures:
    async with laboratory(folder, {"PORTCALL_ATTEMPT_TIMEOUT": "15s"}) as lab:
        return await isolation(
            lab,
            endpoints=int(settings["endpoints"]),
            sick=int(settings["sick"]),
            rate=settings["rate"],
            for_s=settings["for_s"],
            burst=int(settings["burst"]),
        )


async def _pause(folder: Path, settings: Settings) -> Figures:
    async with laboratory(folder, {"PORTCALL_RETRY_SCHEDULE": "1s,2s,4s,8s,16s"}) as lab:
        return await pause(
            lab,
            endpoints=int(settings["endpoints"]),
            events=int(settings["events"]),
            rate=settings["rate"],
        )


async def _outage(folder: Path, settings: Settings) -> Figures:
    async with laboratory(folder, {"PORTCALL_RETRY_SCHEDULE": SCHEDULE}) as lab:
        return await outage(lab, **settings)


async def _soak(folder: Path, settings: Settings) -> Figures:
    async with laboratory(folder, {"PORTCALL_RETRY_SCHEDULE": "5s,5s,10s,10s,30s"}) as lab:
        return await soak(lab, **settings)


async def _hostility(folder: Path, settings: Settings) -> Figures:
    environ = {"PORTCALL_RETRY_SCHEDULE": "500ms,500ms", "PORTCALL_ATTEMPT_TIMEOUT": "1s"}
    async with laboratory(folder, environ) as lab:
        figures = await hostility(
            lab,
            events=int(settings["events"]),
            rate=settings["rate"],
            settle_s=settings["settle_s"],
        )
    ends = figures["ends"]
    assert isinstance(ends, dict)
    return {**figures, "kinds_that_ended_wrongly": len(wrong_ends(ends))}


def _pressure(trouble: Trouble) -> Callable[[Path, Settings], Awaitable[Figures]]:
    async def run(folder: Path, settings: Settings) -> Figures:
        async with laboratory(folder) as lab:
            return await pressure(lab, trouble, **settings)

    return run


async def _postgres(folder: Path, settings: Settings) -> Figures:
    programs = postgres_programs()
    assert programs is not None, "PostgreSQL is not installed"
    cluster = PrivatePostgres(programs)
    try:
        await cluster.start()
        url = cluster.create_database("faults")
        migrate(url)
        async with laboratory(folder, {"PORTCALL_DATABASE_URL": url}) as lab:
            return await pressure(lab, postgres_stopped(cluster), **settings)
    finally:
        await cluster.stop()


async def _broker_line(folder: Path, settings: Settings) -> Figures:
    broker = PrivateBroker(folder / "rabbitmq")
    await broker.start()
    try:
        async with broker_line_laboratory(folder, broker) as (lab, line):
            return await lines(lab, line, "broker line", **settings)
    finally:
        await broker.stop()


async def _sink_line(folder: Path, settings: Settings) -> Figures:
    async with sink_line_laboratory(folder) as (lab, line):
        return await lines(lab, line, "sink line", **settings)


_RESUMES = tuple(
    Bound(name, at_most=RESUMED_S)
    for name in ("accepted_again_after_s", "posted_again_after_s", "all_ready_after_s")
)
_ISOLATED = (Bound("p99_ratio", at_most=2.0), Bound("throughput_ratio", at_least=0.8))
_NONE_LOST = (Bound("lost", at_most=0), Bound("phantoms", at_most=0))

CATALOGUE: dict[str, Scenario] = {
    "kills": Scenario(
        "Every role and the broker get a SIGKILL, one every few seconds",
        _kills,
        {"deliveries": 20_000, "rate": 100, "every_s": 3, "seed": 1},
        {"deliveries": 1_500, "every_s": 2},
        (*_NONE_LOST, Bound("duplicates_percent", at_most=2.0)),
    ),
    "terms": Scenario(
        "Every role gets a SIGTERM, one every few seconds",
        _terms,
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
        "The broker gets a SIGSTOP for a while, under load",
        _broker(signal.SIGSTOP),
        {"for_s": 40, "before_s": 10, "after_s": 30, "rate": 200},
        {"for_s": 6, "before_s": 3, "after_s": 6, "rate": 100},
        (*_NONE_LOST, *_RESUMES),
    ),
    "broker-killed": Scenario(
        "The broker is killed under load, and comes back",
        _broker(signal.SIGKILL),
        {"for_s": 0, "before_s": 10, "after_s": 30, "rate": 200},
        {"before_s": 3, "after_s": 6, "rate": 100},
        (*_NONE_LOST, *_RESUMES),
    ),
    "broker-restarted": Scenario(
        "The broker is restarted in good order, under load",
        _broker(signal.SIGTERM),
        {"for_s": 0, "before_s": 10, "after_s": 30, "rate": 200},
        {"before_s": 3, "after_s": 6, "rate": 100},
        (*_NONE_LOST, *_RESUMES),
    ),
    "leader-killed": Scenario(
        "A cluster of three nodes loses the one that leads the queues, under load",
        _leader,
        {"rate": 200, "before_s": 10, "after_s": 40},
        {"rate": 100, "before_s": 4, "after_s": 12},
        (*_NONE_LOST, Bound("posted_again_after_s", at_most=RESUMED_S)),
    ),
    "isolation-50": Scenario(
        "10 of 50 endpoints hang",
        _isolation,
        {"endpoints": 50, "sick": 10, "rate": 150, "for_s": 60, "burst": 10_000},
        {"for_s": 8, "burst": 2_000},
        _ISOLATED,
    ),
    "isolation-1000": Scenario(
        "200 of 1,000 endpoints hang",
        _isolation,
        {"endpoints": 1000, "sick": 200, "rate": 150, "for_s": 60, "burst": 20_000},
        {"for_s": 8, "burst": 2_000},
        _ISOLATED,
    ),
    "pause": Scenario(
        "One endpoint answers 429 with Retry-After",
        _pause,
        {"endpoints": 10, "events": 200, "rate": 100},
        {"events": 40},
    ),
    "outage": Scenario(
        "All endpoints answer 500 for ten minutes, and recover",
        _outage,
        {"rate": 100, "before_s": 60, "down_s": 600, "after_s": 300},
        {"before_s": 5, "down_s": 15, "after_s": 30},
        (*_NONE_LOST, Bound("given_up", at_most=0), Bound("peak_after_of_normal", at_most=2.0)),
    ),
    "soak": Scenario(
        "A long run with endpoints that flap and a broker that stumbles",
        _soak,
        {"rate": 500, "for_s": 1200, "fault_every_s": 30},
        {"rate": 100, "for_s": 30, "fault_every_s": 10},
        (*_NONE_LOST, Bound("memory_growth_most", at_most=1.1)),
    ),
    "hostile": Scenario(
        "Endpoints of every bad kind, and well ones between them",
        _hostility,
        {"events": 100, "rate": 10, "settle_s": 600},
        {"events": 10, "rate": 20, "settle_s": 90},
        (Bound("kinds_that_ended_wrongly", at_most=0),),
    ),
    "broker-line": Scenario(
        "The line to the broker is cut, half closed, deaf, mute, slow, narrow",
        _broker_line,
        {"for_s": 8, "rate": 100},
        {"for_s": 1.5},
    ),
    "sink-line": Scenario(
        "The line to the consumers is cut, half closed, deaf, mute, slow, narrow",
        _sink_line,
        {"for_s": 4, "rate": 100},
        {"for_s": 1.5},
    ),
    "memory-alarm": Scenario(
        "The broker has a memory alarm",
        _pressure(memory_alarm),
        {"for_s": 30, "rate": 100},
        {"for_s": 5},
    ),
    "disk-alarm": Scenario(
        "The broker has a disk alarm",
        _pressure(disk_alarm),
        {"for_s": 30, "rate": 100},
        {"for_s": 5},
    ),
    "sqlite-locked": Scenario(
        "Another process has SQLite's lock",
        _pressure(sqlite_locked),
        {"for_s": 40, "rate": 100},
        {"for_s": 13},
    ),
    "postgresql-killed": Scenario(
        "PostgreSQL is killed, and comes back",
        _postgres,
        {"for_s": 30, "rate": 100},
        {"for_s": 6},
    ),
}
