"""Record what Prometheus answers to the queries of our dashboards, into recorded.json.

    nice .venv/bin/python -m tests.browser.grafana.record

It runs a whole installation with a RabbitMQ node that serves its own metrics, and a Prometheus that
scrapes all of them. Events come for a quarter of an hour; meanwhile one endpoint fails and one is
slow for some minutes, a webhook disables itself, requests are refused, and in the end what was given
up is replayed.
"""

import asyncio
import itertools
import json
import math
import random
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from portcall.cli.home import write_private
from portcall.cli.ports import HOST, free_ports
from portcall.cli.up.broker import PrivateBroker
from portcall.cli.up.node import NodeFolder, NodeState
from tests.browser.consumers import CONTOSO
from tests.browser.grafana.recording import Recording, dashboards, save, targets
from tests.browser.harbour import LOCATION, Town, furnish_one, send, serve_town, synthetic_event
from tests.e2e.test_dashboards import prometheus, webhooks
from tests.installation import Client, Installation, running
from tests.sink import Answer, eventually

RECORD_S, STEP_S = 900, 10
SCRAPE = "5s"
RATE_INTERVAL = "20s"
"""Grafana's $__rate_interval for these two: four scrapes, or a step and a scrape if that is more."""
REGISTRY, OTHER = "contoso", "fabrikam"
WATCHED = ("chatslack", "cveScanner", "deploystaging", "keelupdate", "oldbuilder", "sbomarchive")
CHOSEN = "(cveScanner|deploystaging|oldbuilder)"
"""Of these; Grafana writes a choice of several values so."""
FAILING, SLOW = "deploystaging", "cveScanner"
FAILS_S, IS_SLOW_S, GONE_S, REPLAYED_S = (300, 540), (420, 600), 240, 690
BATCH_S = 0.5
_random = random.Random(5)  # noqa: S311 (reproducible, not secret)


@dataclass(frozen=True)
class _NodeWithMetrics(NodeFolder):
    """The folder of a node that serves its metrics, with the usual intervals of statistics."""

    metrics_port: int

    def prepare(self, state: NodeState) -> None:
        """Write the node's files."""
        super().prepare(state)
        config = self.path / "rabbitmq.conf"
        more = f"prometheus.tcp.ip = {HOST}\nprometheus.tcp.port = {self.metrics_port}\n"
        write_private(config, config.read_text() + more)
        write_private(self.path / "enabled_plugins", "[rabbitmq_prometheus].\n")
        write_private(self.path / "advanced.config", "[].\n")


@asynccontextmanager
async def broker(folder: Path, metrics_port: int) -> AsyncIterator[PrivateBroker]:
    """A RabbitMQ node that serves its metrics, for the time of a block."""
    node = PrivateBroker(folder)
    node.folder = _NodeWithMetrics(node.folder.path, metrics_port)
    await node.start()
    try:
        yield node
    finally:
        await node.stop()


def scrapes(installation: Installation, metrics_port: int) -> list[dict[str, Any]]:
    """The jobs of docs/monitoring.md; the addresses are named as those of containers are."""
    roles = sorted((installation.home / "run").glob("*-1.json"))
    jobs = [
        _job(
            f"portcall-{path.stem.removesuffix('-1')}",
            json.loads(path.read_text())["health_url"].removeprefix("http://"),
            f"10.1.0.{number}:9000",
        )
        for number, path in enumerate(roles, 11)
    ]
    rabbitmq = _job("rabbitmq", f"{HOST}:{metrics_port}", "10.1.0.5:15692")
    jobs.append({**rabbitmq, "metrics_path": "/metrics/per-object"})
    jobs.append(webhooks(installation, REGISTRY))
    return [{**job, "scrape_interval": SCRAPE, "scrape_timeout": SCRAPE} for job in jobs]


def _job(name: str, address: str, instance: str) -> dict[str, Any]:
    target = {"targets": [address], "labels": {"instance": instance}}
    return {"job_name": name, "static_configs": [target]}


async def add_webhooks(client: Client, town: Town) -> None:
    """Make two registries with a few webhooks."""
    for registry in (REGISTRY, OTHER):
        body = {"location": LOCATION, "sku": {"name": "Premium"}}
        await client.manage("PUT", client.registry_path(registry), body)
    for consumer in CONTOSO:
        if consumer.name in WATCHED:
            await furnish_one(client, town, REGISTRY, consumer)
            town.answers[f"/{REGISTRY}/{consumer.name}"] = usual(consumer.name)
    await furnish_one(client, town, OTHER, CONTOSO[0])


def usual(name: str) -> tuple[Answer | int, ...]:
    """What an endpoint says while nothing is wrong with it."""
    by_name: dict[str, tuple[Answer | int, ...]] = {
        SLOW: (Answer(202, after_s=0.05), Answer(202, after_s=0.12)),
        "keelupdate": (200, 200, 200, 400),
        "sbomarchive": (Answer(201, after_s=0.03),),
    }
    return by_name.get(name, (Answer(200, after_s=0.008),))


async def live(installation: Installation, client: Client, town: Town) -> None:
    """Have events for the time of the recording, with everything that happens meanwhile."""
    happenings: list[tuple[int, Callable[[], Awaitable[object] | None]]] = [
        (GONE_S, lambda: _say(town, "oldbuilder", 410)),
        (FAILS_S[0], lambda: _say(town, FAILING, 503)),
        (IS_SLOW_S[0], lambda: _say(town, SLOW, Answer(202, after_s=1.5))),
        (FAILS_S[1], lambda: _say(town, FAILING, *usual(FAILING))),
        (IS_SLOW_S[1], lambda: _say(town, SLOW, *usual(SLOW))),
        (REPLAYED_S, lambda: installation.portcall("replay", "-r", REGISTRY, "--yes")),
    ]
    begun = time.monotonic()
    for number in itertools.count():
        passed_s = time.monotonic() - begun
        if passed_s > RECORD_S:
            return
        while happenings and happenings[0][0] <= passed_s:
            if (happening := happenings.pop(0)[1]()) is not None:
                await happening
        await publish(client, number, passed_s)
        if number % 5 == 0:
            await misuse(installation, number)
        await asyncio.sleep(max(0.0, begun + (number + 1) * BATCH_S - time.monotonic()))


def _say(town: Town, name: str, *answers: Answer | int) -> None:
    town.answers[f"/{REGISTRY}/{name}"] = answers


async def publish(client: Client, number: int, passed_s: float) -> None:
    """Publish a batch; the number of its events rises and falls."""
    count = round(4 + 2 * math.sin(passed_s / 90) + _random.random())
    batch = [synthetic_event(number * 10 + each) for each in range(count)]
    if number % 3 == 0:
        del batch[0]["target"]["tag"]
    await send(client, REGISTRY, batch)
    if number % 4 == 0:
        await send(client, OTHER, [synthetic_event(number)])


async def misuse(installation: Installation, number: int) -> None:
    """A request with a wrong token, and notifications of which nothing becomes an event."""
    ready = installation.ready
    url = f"{ready['producer_url']}/registries/{REGISTRY}/notifications"
    pulled = {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": "sha256:" + "0" * 64,
        "repository": "team/app",
        "tag": "v1",
    }
    pull = {"id": f"pull-{number}", "action": "pull", "target": pulled}
    pushed = {**pulled, "mediaType": "application/octet-stream"}
    blob = {"id": f"blob-{number}", "action": "push", "target": pushed}
    tokens = ["wrong"] * (number % 15 == 0) + [ready["token"]]
    async with aiohttp.ClientSession() as http:
        for token in tokens:
            headers = {"Authorization": f"Bearer {token}"}
            async with http.post(url, json={"events": [pull, blob]}, headers=headers) as answer:
                await answer.read()


async def ask(http: aiohttp.ClientSession, url: str, recording: Recording, query: str) -> list[Any]:
    """What Prometheus answers to a query over the time of the recording."""
    parameters = {
        "query": recording.filled(query),
        "start": str(recording.from_s),
        "end": str(recording.from_s + (recording.count - 1) * recording.step_s),
        "step": str(recording.step_s),
    }
    async with http.get(f"{url}/api/v1/query_range", params=parameters) as answer:
        found = await answer.json()
    assert found["status"] == "success", found
    result: list[Any] = found["data"]["result"]
    return result


async def record(url: str) -> Recording:
    """Ask Prometheus every query."""
    end_s = int(time.time()) // STEP_S * STEP_S
    count = RECORD_S // STEP_S
    variables = {"__rate_interval": RATE_INTERVAL, "registry": REGISTRY, "webhook": CHOSEN}
    recording = Recording(end_s - (count - 1) * STEP_S, STEP_S, count, variables, {})
    async with aiohttp.ClientSession() as http:
        for dashboard in dashboards().values():
            for _, target in targets(dashboard):
                found = await ask(http, url, recording, target["expr"])
                recording.answers[target["expr"]] = [recording.series(each) for each in found]
    return recording


async def run() -> None:
    """Start everything, live for a while, and record."""
    with tempfile.TemporaryDirectory(prefix="portcall-dashboards-") as scratch:
        folder = Path(scratch)
        port = free_ports(1)[0]
        async with broker(folder / "rabbitmq", port) as node, serve_town() as town:
            environ = {
                "PORTCALL_AMQP_URL": node.url,
                "PORTCALL_RETRY_SCHEDULE": "5s,20s,1m",
                "PORTCALL_PROBE_AFTER": "5m",
            }
            with running(folder / "home", environ) as installation:
                jobs = scrapes(installation, port)
                async with (
                    aiohttp.ClientSession() as http,
                    prometheus(folder, {}, *jobs) as url,
                ):
                    client = Client(installation, http)
                    await add_webhooks(client, town)
                    await _until_scraped(http, url, len(jobs))
                    await live(installation, client, town)
                    save(await record(url))


async def _until_scraped(http: aiohttp.ClientSession, url: str, count: int) -> None:
    async def is_scraped() -> bool:
        try:
            async with http.get(f"{url}/api/v1/query", params={"query": "up == 1"}) as answer:
                return len((await answer.json())["data"]["result"]) == count
        except (aiohttp.ClientError, KeyError):
            return False

    await eventually(is_scraped, within_s=60, what="each job was scraped")


def main() -> None:
    """Record, if the programs are there."""
    if shutil.which("prometheus") is None:
        sys.exit("Prometheus is not installed (apt-get install prometheus)")
    asyncio.run(run())


if __name__ == "__main__":
    main()
