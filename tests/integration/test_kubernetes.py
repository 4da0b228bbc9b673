"""The commands and variables of deploy/kubernetes, run as processes: the setup twice, then each role.

Only addresses and the paths of mounted files differ from a pod's.
"""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp import ClientSession

from portcall.runtime.broker.declaring import depths
from portcall.schemas.topology import EVENTS_IN, deliver_queue
from tests import keys
from tests.integration.runtime.brokers import until_answer
from tests.patience import SLOWEST

ROOT = Path(__file__).parents[2]
DOCUMENTS: list[dict[str, Any]] = list(
    yaml.load_all((ROOT / "deploy/kubernetes/portcall.yaml").read_text(), yaml.CSafeLoader)
)
PODS: dict[str, dict[str, Any]] = {
    each["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/component"]: each["spec"][
        "template"
    ]["spec"]
    for each in DOCUMENTS
    if each["kind"] in {"Deployment", "Job"}
}
START_S = SLOWEST * 60.0
"""For five processes that start at once on a busy machine."""
MOUNTED = "/run/secrets/portcall/"


class Pods:
    """Containers of pods as processes of this machine."""

    def __init__(self, folder: Path, secrets: dict[str, str]) -> None:
        self._folder = folder
        for name, text in secrets.items():
            (folder / name).write_text(text)

    def environment(self, container: dict[str, Any]) -> dict[str, str]:
        """The variables that the container has, and what its image adds."""
        variables = {each["name"]: each["value"] for each in container["env"]}
        for name, value in variables.items():
            local = value.replace(MOUNTED, f"{self._folder}/")
            variables[name] = "127.0.0.1:0" if local.startswith("0.0.0.0:") else local
        of_the_image = {
            "PATH": os.environ["PATH"],
            "PORTCALL_HOME": str(self._folder / "home"),
            "PORTCALL_LOG_FORMAT": "json",
            "PORTCALL_RUN_FILE": str(self.run_file(container)),
        }
        return of_the_image | variables

    def run_file(self, container: dict[str, Any]) -> Path:
        """Where a role says where it listens."""
        return self._folder / f"{container['name']}.json"

    async def start(self, container: dict[str, Any]) -> Process:
        """Start the container's command."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *("-P", "-m", "portcall.cli.main", *container["args"]),
            env=self.environment(container),
            stdout=DEVNULL,
            stderr=PIPE,
            cwd=self._folder,
        )

    async def finish(self, container: dict[str, Any]) -> None:
        """Run a container that ends."""
        process = await self.start(container)
        _, told = await process.communicate()
        assert process.returncode == 0, told.decode()

    @asynccontextmanager
    async def running(self, role: str) -> AsyncIterator[None]:
        """Run a role until its probes succeed; afterwards it must end in the grace period."""
        spec = PODS[role]
        (container,) = spec["containers"]
        process = await self.start(container)
        assert process.stderr is not None
        reading = asyncio.create_task(process.stderr.read())
        try:
            await until_answer(lambda: self._probe(container), within_s=START_S)
            yield
            process.send_signal(signal.SIGTERM)
            grace_s = spec["terminationGracePeriodSeconds"]
            assert await asyncio.wait_for(process.wait(), grace_s) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            await reading

    async def _probe(self, container: dict[str, Any]) -> bool:
        """Whether every probe of the container succeeds."""
        try:
            told = json.loads(self.run_file(container).read_text())
        except FileNotFoundError:
            return False
        urls = {"health": told["health_url"], "http": told["urls"].get(container["name"])}
        async with ClientSession() as client:
            for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
                target = container[kind]["httpGet"]
                if (base := urls[target["port"]]) is None:
                    return False
                async with client.get(f"{base}{target['path']}") as answer:
                    if answer.status != 200:
                        return False
        return True


async def test_the_setup_runs_twice_and_then_every_role_is_ready_and_ends_in_its_grace(
    amqp_url: str, postgres_url: str, tmp_path: Path
) -> None:
    pods = Pods(
        tmp_path,
        {
            "amqp-url": amqp_url,
            "database-url": postgres_url,
            "token": "0123456789abcdef0123456789abcdef\n",
            "encryption-key": f"{keys.KEY_TEXT}\n",
        },
    )
    setup = PODS["setup"]
    for _ in range(2):
        for container in (*setup["initContainers"], *setup["containers"]):
            await pods.finish(container)
    queues = [EVENTS_IN, deliver_queue(0), deliver_queue(1)]
    assert await depths(amqp_url, queues) == dict.fromkeys(queues, 0)
    async with AsyncExitStack() as stack:
        for role in sorted(set(PODS) - {"setup"}):
            await stack.enter_async_context(pods.running(role))
