"""Each scenario in a folder of its own, with an installation of its own; see `catalogue`."""

import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from portcall.cli.up.broker import PrivateBroker
from portcall.store.database.migrate import migrate
from tests.faults.harness.cluster_lab import cluster_laboratory
from tests.faults.harness.injector import ROLES
from tests.faults.harness.lab import laboratory
from tests.faults.harness.stores import postgres_stopped
from tests.faults.scenarios.broker_away import broker_away
from tests.faults.scenarios.first_attempts import first_attempts_fail, schedule
from tests.faults.scenarios.hostility import hostility, wrong_ends
from tests.faults.scenarios.isolation import isolation, pause
from tests.faults.scenarios.kills import kills
from tests.faults.scenarios.leader import leader_killed
from tests.faults.scenarios.lines import broker_line_laboratory, lines, sink_line_laboratory
from tests.faults.scenarios.outage import SCHEDULE, outage
from tests.faults.scenarios.pressure import Trouble, pressure
from tests.faults.scenarios.soak import soak
from tests.postgres import PrivatePostgres, postgres_programs

Figures = dict[str, Any]
Settings = Mapping[str, Any]
"""Numbers; some of them must be whole ones."""


async def run_kills(folder: Path, settings: Settings) -> Figures:
    async with laboratory(folder) as lab:
        return await kills(
            lab,
            deliveries=int(settings["deliveries"]),
            rate=settings["rate"],
            every_s=settings["every_s"],
            seed=int(settings["seed"]),
        )


async def run_terms(folder: Path, settings: Settings) -> Figures:
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


def running_broker_away(how: signal.Signals) -> Callable[[Path, Settings], Awaitable[Figures]]:
    async def run(folder: Path, settings: Settings) -> Figures:
        async with laboratory(folder) as lab:
            return await broker_away(lab, how=how, **settings)

    return run


async def run_first_attempts_fail(folder: Path, settings: Settings) -> Figures:
    environ = {"PORTCALL_RETRY_SCHEDULE": schedule(settings["away_s"])}
    async with laboratory(folder, environ) as lab:
        return await first_attempts_fail(lab, **{**settings, "after": int(settings["after"])})


async def run_leader_killed(folder: Path, settings: Settings) -> Figures:
    async with cluster_laboratory(folder) as (lab, cluster, line):
        return await leader_killed(lab, cluster, line, **settings)


async def run_isolation(folder: Path, settings: Settings) -> Figures:
    async with laboratory(folder, {"PORTCALL_ATTEMPT_TIMEOUT": "15s"}) as lab:
        return await isolation(
            lab,
            endpoints=int(settings["endpoints"]),
            sick=int(settings["sick"]),
            rate=settings["rate"],
            for_s=settings["for_s"],
            burst=int(settings["burst"]),
        )


async def run_pause(folder: Path, settings: Settings) -> Figures:
    async with laboratory(folder, {"PORTCALL_RETRY_SCHEDULE": "1s,2s,4s,8s,16s"}) as lab:
        return await pause(
            lab,
            endpoints=int(settings["endpoints"]),
            events=int(settings["events"]),
            rate=settings["rate"],
        )


async def run_outage(folder: Path, settings: Settings) -> Figures:
    async with laboratory(folder, {"PORTCALL_RETRY_SCHEDULE": SCHEDULE}) as lab:
        return await outage(lab, **settings)


async def run_soak(folder: Path, settings: Settings) -> Figures:
    async with laboratory(folder, {"PORTCALL_RETRY_SCHEDULE": "5s,5s,10s,10s,30s"}) as lab:
        return await soak(lab, **{**settings, "burst": int(settings["burst"])})


async def run_hostility(folder: Path, settings: Settings) -> Figures:
    environ = {"PORTCALL_RETRY_SCHEDULE": "500ms,500ms", "PORTCALL_ATTEMPT_TIMEOUT": "1s"}
    async with laboratory(folder, environ) as lab:
        figures = await hostility(
            lab,
            events=int(settings["events"]),
            well_events=int(settings["well_events"]),
            rate=settings["rate"],
            settle_s=settings["settle_s"],
        )
    ends = figures["ends"]
    assert isinstance(ends, dict)
    return {**figures, "kinds_that_ended_wrongly": len(wrong_ends(ends))}


def running_pressure(trouble: Trouble) -> Callable[[Path, Settings], Awaitable[Figures]]:
    async def run(folder: Path, settings: Settings) -> Figures:
        async with laboratory(folder) as lab:
            return await pressure(lab, trouble, **settings)

    return run


async def run_postgresql_killed(folder: Path, settings: Settings) -> Figures:
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


async def run_broker_line(folder: Path, settings: Settings) -> Figures:
    broker = PrivateBroker(folder / "rabbitmq")
    await broker.start()
    try:
        async with broker_line_laboratory(folder, broker) as (lab, line):
            return await lines(lab, line, "broker line", **settings)
    finally:
        await broker.stop()


async def run_sink_line(folder: Path, settings: Settings) -> Figures:
    async with sink_line_laboratory(folder) as (lab, line):
        return await lines(lab, line, "sink line", **settings)
