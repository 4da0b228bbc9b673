"""Whole pipelines on one broker, each on a virtual host of its own: Portcall, and those by hand."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp

from benchmarks.harness import toolchains
from benchmarks.harness.counts import Counts, Node
from benchmarks.harness.installation import portcall_up
from benchmarks.harness.lab import until
from benchmarks.harness.processes import Pids, Program, stop_all
from benchmarks.harness.roles import TOKEN, total
from benchmarks.harness.roles import samples as read_samples
from portcall.cli.ports import HOST, free_ports

START_S = 30.0
IN_FORCE_S = 2.5
"""A router looks at the store once a second without a hint."""
PARTS = ("ingest", "worker", "recorder")
_SUBSCRIBE = (
    "import sys; from benchmarks.harness.deliveries import make_webhooks;"
    "from portcall.store.engine import open_store; store = open_store(sys.argv[1]);"
    "make_webhooks(store, sys.argv[3:], registry_name=sys.argv[2]); store.close()"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where pipelines are run.

    Attributes:
        folder: For everything that is written.
        amqp_url: Of the broker.
        node: The same, to be asked.
        hooks: The webhooks of each registry.
    """

    folder: Path
    amqp_url: str
    node: Node
    hooks: dict[str, list[str]]

    @asynccontextmanager
    async def virtual_host(self, name: str) -> AsyncIterator[str]:
        """A virtual host for the time of a block; gives its URL."""
        await self.node.control("add_vhost", name)
        try:
            await self.node.control("set_permissions", "-p", name, self.node.user, ".*", ".*", ".*")
            yield urlsplit(self.amqp_url)._replace(path=f"/{quote(name, safe='')}").geturl()
        finally:
            await self.node.control("delete_vhost", name)


@dataclass(frozen=True, slots=True)
class Whole:
    """A running pipeline.

    Attributes:
        url: Where events are POSTed; REGISTRY stands for the registry's name.
        token: Who may.
        roles: The processes of each of its roles.
        database: Its SQLite file.
        health_urls: Where its processes tell metrics; none by hand.
    """

    url: str
    token: str
    roles: dict[str, Pids]
    database: Path
    health_urls: tuple[str, ...] = ()

    async def publishes(self) -> Counts:
        """Messages published until now, by exchange; of Portcall only."""
        found: Counts = {}
        async with aiohttp.ClientSession() as http:
            for url in self.health_urls:
                read = await read_samples(http, url)
                for exchange in {
                    each.labels["exchange"] for each in read if _is_publish(each.name)
                }:
                    number = total(read, "portcall_publishes_total", exchange=exchange)
                    found[exchange] = found.get(exchange, 0) + number
        return found


Start = Callable[[Place], AbstractAsyncContextManager[Whole]]


def portcall(tree: Path = toolchains.ROOT, *arguments: str, **settings: str) -> Start:
    """``portcall up`` of a checkout.

    Args:
        tree: The checkout.
        arguments: Of ``portcall up``.
        settings: Variables, without ``PORTCALL_``, in lower case.
    """
    return partial(_portcall, tree, arguments, settings)


def go() -> Start:
    """The pipeline by hand in Go."""

    async def command() -> Sequence[str]:
        return [str(await toolchains.go(toolchains.PIPELINES / "go" / "pipeline.go"))]

    return partial(_by_hand, "go", command)


def node() -> Start:
    """The pipeline by hand in Node."""

    async def command() -> Sequence[str]:
        program, folder = await toolchains.node(toolchains.PIPELINES / "node")
        return [str(program), str(folder / "pipeline.js")]

    return partial(_by_hand, "node", command)


@asynccontextmanager
async def _portcall(
    tree: Path, arguments: Sequence[str], settings: Mapping[str, Any], place: Place
) -> AsyncIterator[Whole]:
    async with (
        place.virtual_host("portcall") as amqp_url,
        portcall_up(
            place.folder,
            *arguments,
            tree_of=tree,
            amqp_url=amqp_url,
            allow_targets="127.0.0.0/8",
            **settings,
        ) as running,
    ):
        for registry, hooks in place.hooks.items():
            argv = [sys.executable, "-P", "-c", _SUBSCRIBE, running.ready["database_url"]]
            await toolchains.run([*argv, registry, *hooks], env={"PYTHONPATH": str(tree)})
        await asyncio.sleep(IN_FORCE_S)
        roles = {name: pids for name, pids in running.roles().items() if name != "rabbitmq"}
        present = {entry["role"] for entry in running.ready["processes"]}
        told = [
            json.loads(path.read_text())
            for path in (running.home / "run").glob("*.json")
            if path.stem.rpartition("-")[0] in present
        ]
        yield Whole(
            f"{running.ready['producer_url']}/registries/REGISTRY/events",
            running.ready["token"],
            roles,
            Path(running.ready["database_url"].removeprefix("sqlite:///")),
            tuple(each["health_url"] for each in told if "health_url" in each),
        )


@asynccontextmanager
async def _by_hand(
    name: str, command: Callable[[], Awaitable[Sequence[str]]], place: Place
) -> AsyncIterator[Whole]:
    argv = await command()
    database = place.folder / f"{name}.db"
    (port,) = free_ports(1)
    async with place.virtual_host(name) as amqp_url:
        env = {
            "HAND_AMQP_URL": amqp_url,
            "HAND_BIND": f"{HOST}:{port}",
            "HAND_TOKEN": TOKEN,
            "HAND_HOOKS": json.dumps(place.hooks),
            "HAND_DATABASE": str(database),
            "NODE_ENV": "production",
        }
        programs: list[Program] = []
        try:
            for part in PARTS:
                made = await Program.start(part, [*argv, part], env=env, folder=place.folder)
                programs.append(made)
            await until(
                partial(_listens, port), programs=programs, within_s=START_S, what="it listens"
            )
            await asyncio.sleep(1)
            roles = {part: _pids(program) for part, program in zip(PARTS, programs, strict=True)}
            url = f"http://{HOST}:{port}/registries/REGISTRY/events"
            yield Whole(url, TOKEN, roles, database)
        finally:
            await stop_all(programs)
            for path in place.folder.glob(f"{name}.db*"):
                path.unlink()


def _pids(program: Program) -> Pids:
    return lambda: program.pids


def _is_publish(name: str) -> bool:
    return name == "portcall_publishes_total"


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    return True
