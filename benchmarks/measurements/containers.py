"""compose.yaml on an engine: time from nothing to healthy, and the CPU of an idle minute.

The engine counts the CPU of each container, its health probes included. What the engine itself
needs to start a probe is not in it.
"""

import asyncio
import json
import shutil
import time
from typing import Any

import aiohttp

from benchmarks.harness.alternating import Told
from benchmarks.harness.lab import new_folder
from benchmarks.harness.report import Figures, Mode, Report, Target, medians
from benchmarks.harness.toolchains import MissingError
from portcall.cli.up.stages import ROLES
from tests.containers.stack import Engine, NoEngineError, Stack, alone, check_possible

TITLE = "The containers of compose.yaml"
SETTLE_S = 60.0
IDLE_S = (60, 180)
PAIRS = (1, 3)
TAG = "test"
"""The tests' own: buildah would give the labels of this build to the next one of another tag."""
MACHINE_ENGINE = "unix:///var/run/docker.sock"
MOST_START_S, MOST_IDLE_S = 60.0, 3.0


async def measure(mode: Mode, told: Told) -> Report:
    """Bring the stack up from nothing, as often as the mode has pairs.

    Raises:
        MissingError: This machine can have no engine.
    """
    runs, idle_s = mode.pairs or mode.choose(*PAIRS), mode.choose(*IDLE_S)
    report = Report(parameters={"settle_s": SETTLE_S, "idle_s": idle_s, "runs": runs})
    try:
        check_possible()
        with alone():
            engine = await asyncio.to_thread(Engine.started)
            try:
                await asyncio.to_thread(engine.build, TAG)
                report.parameters["engine"] = engine.name
                for _ in range(runs):
                    report.runs.append(await _run(engine, idle_s))
                    told(json.dumps(report.runs[-1]))
            finally:
                await asyncio.to_thread(engine.stop)
    except NoEngineError as error:
        raise MissingError(str(error)) from error
    found = report.summary["stack"] = medians(report.runs)
    report.targets = [
        Target("from nothing to healthy", MOST_START_S, found["healthy_s"], at_least=False),
        Target("CPU of the roles, idle, a minute", MOST_IDLE_S, found["roles_s"], at_least=False),
    ]
    return report


async def _run(engine: Engine, idle_s: int) -> Figures:
    """Seconds until all is healthy, and seconds of CPU in an idle minute."""
    folder = new_folder()
    stack = Stack(engine, folder, name="portcall-bench", variables={"PORTCALL_VERSION": TAG})
    stack.make_secrets()
    try:
        await asyncio.to_thread(stack.up)
        await asyncio.sleep(SETTLE_S)
        before, began = await _used_s(stack), time.monotonic()
        await asyncio.sleep(idle_s)
        after, took_s = await _used_s(stack), time.monotonic() - began
    finally:
        await asyncio.to_thread(stack.down, volumes=True)
        shutil.rmtree(folder, ignore_errors=True)
    minute = {name: round((after[name] - before[name]) * 60 / took_s, 2) for name in after}
    return {
        "healthy_s": round(stack.up_s, 1),
        "roles_s": round(sum(minute[name] for name in ROLES), 2),
        "minute": minute,
    }


async def _used_s(stack: Stack) -> dict[str, float]:
    """CPU seconds of each service until now, by the engine."""
    socket = stack.engine.environ.get("DOCKER_HOST", MACHINE_ENGINE).removeprefix("unix://")
    used: dict[str, float] = {}
    async with aiohttp.ClientSession(
        "http://engine", connector=aiohttp.UnixConnector(socket)
    ) as http:
        for each in await asyncio.to_thread(stack.containers):
            if each["State"] != "running":
                continue
            path = f"/containers/{each['ID']}/stats"
            async with http.get(path, params={"stream": "false", "one-shot": "true"}) as answer:
                stats: dict[str, Any] = await answer.json()
            spent_s = stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
            used[each["Service"]] = used.get(each["Service"], 0.0) + spent_s
    return used
