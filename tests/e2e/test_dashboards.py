"""The dashboards' queries against a real Prometheus that scrapes a running installation."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from portcall.cli.ports import HOST, free_ports
from tests.installation import Client, Installation, new_name, push_event
from tests.sink import Sink, eventually

DASHBOARDS = Path(__file__).parents[2] / "deploy" / "monitoring" / "dashboards"
EMPTY_HERE = {
    "held back: {{filter}}": "no webhook has a filter",
    "skipped: {{why}}": "no message is broken",
    "{{doubt}}": "nothing is unaccounted, or the first audit is not due",
    "{{state}}": "the first audit may not be due",
    "webhooks that disabled themselves": "none did",
    "ignored: {{registry}} {{reason}}": "nothing was ignored",
}
"""Queries by their legends that may have no answer, with the reason; those of RabbitMQ's own metrics
have none, because a private node serves none."""


def queries(registry: str) -> dict[str, str]:
    """The queries of all dashboards by panel and legend, with this registry and all webhooks."""
    chosen = {"$__rate_interval": "30s", "$registry": registry, "$webhook": ".*"}
    found = {}
    for path in sorted(DASHBOARDS.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                name = f"{panel['title']}: {target['legendFormat']}"
                if target["legendFormat"] not in EMPTY_HERE and "rabbitmq_" not in target["expr"]:
                    found[name] = target["expr"]
                    for variable, value in chosen.items():
                        found[name] = found[name].replace(variable, value)
    return found


@asynccontextmanager
async def prometheus(
    folder: Path, targets: dict[str, str], *more: dict[str, Any]
) -> AsyncIterator[str]:
    """A Prometheus that scrapes each target every half second, and *more*; gives its URL."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("Debian's package prometheus is not installed")
    config = {
        "scrape_configs": [
            {
                "job_name": f"portcall-{role}",
                "scrape_interval": "500ms",
                "scrape_timeout": "500ms",
                "static_configs": [{"targets": [target]}],
            }
            for role, target in targets.items()
        ]
        + list(more)
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_ports(1)[0]
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={HOST}:{port}",
            "--enable-feature=exemplar-storage",
            stdout=log,
            stderr=log,
        )
    try:
        yield f"http://{HOST}:{port}"
    finally:
        process.terminate()
        await process.wait()


async def ask(http: aiohttp.ClientSession, url: str, query: str) -> list[Any]:
    """What Prometheus answers now; nothing while it does not."""
    try:
        async with http.get(f"{url}/api/v1/query", params={"query": query}) as answer:
            if answer.status == 503:  # it has only just started
                return []
            found = await answer.json()
    except aiohttp.ClientConnectionError:
        return []
    assert found["status"] == "success", found
    result: list[Any] = found["data"]["result"]
    return result


def targets(installation: Installation) -> dict[str, str]:
    """The health address of one process of each role."""
    return {
        role: json.loads((installation.home / "run" / f"{role}-1.json").read_text())[
            "health_url"
        ].removeprefix("http://")
        for role in ("producer", "router", "deliverer", "recorder", "management")
    }


def webhooks(installation: Installation, registry: str) -> dict[str, Any]:
    """The scrape of a registry's webhooks, as docs/monitoring.md has it."""
    address = installation.ready["management_url"].removeprefix("http://")
    return {
        "job_name": "portcall-webhooks",
        "scrape_interval": "500ms",
        "scrape_timeout": "500ms",
        "metrics_path": "/portcall/webhookMetrics",
        "params": {"api-version": ["2025-11-01"], "registry": [registry]},
        "authorization": {"credentials": installation.ready["token"]},
        "static_configs": [{"targets": [address]}],
    }


async def test_each_panel_of_the_dashboards_shows_something(
    pipeline: Installation,
    client: Client,
    sink: Sink,
    http: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:
    registry = await client.new_registry()
    await client.new_webhook(registry, f"{sink.url}/good")
    await client.new_webhook(registry, f"{sink.url}/bad")
    sink.always("/bad", 503)
    scraped = webhooks(pipeline, registry)
    async with prometheus(tmp_path, targets(pipeline), scraped) as url:

        async def is_scraped() -> bool:
            return len(await ask(http, url, "up == 1")) == 6

        await eventually(is_scraped, within_s=30, what="each role and the webhooks were scraped")
        empty = queries(registry)

        async def all_answer() -> bool:
            # A rate needs two scrapes with the series in them, so events keep coming.
            await client.publish(registry, [push_event("team/app", "v1", id=new_name("event"))])
            await client.publish(f"{registry}x", [push_event(id=new_name("event"))])
            for name, query in list(empty.items()):
                if await ask(http, url, query):
                    del empty[name]
            return not empty

        try:
            await eventually(all_answer, within_s=60, what="each query has an answer")
        except AssertionError:
            assert empty == {}
            raise
