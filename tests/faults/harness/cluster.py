"""Three RabbitMQ nodes on this machine that are one cluster; no node is anybody's but ours."""

import asyncio
import json
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from portcall.cli import children
from portcall.cli.ports import HOST, free_ports
from portcall.cli.up.broker import START_S, answers, server_script
from portcall.cli.up.node import NodeFolder, NodeState
from tests.faults.harness.node import rabbitmq_program
from tests.sink import eventually

SIZE = 3
STOP_S = 60.0
"""The time limit of an orderly stop: a node that leads queues hands them over first."""


class ClusterNode:
    """One node.

    Args:
        number: From 1.
        folder: Where its files are.
        state: Its ports, and the secrets of the cluster.
        script: The rabbitmq-server that its next start uses; None: the one on PATH.
    """

    def __init__(
        self, number: int, folder: Path, state: NodeState, script: Path | None = None
    ) -> None:
        self.name = f"portcall{number}@localhost"
        self.script = script
        self._folder = NodeFolder(folder.resolve())
        self._state = state
        self._process: children.Process | None = None

    @property
    def url(self) -> str:
        """Its AMQP URL."""
        state = self._state
        return f"amqp://{state.user}:{state.password}@{HOST}:{state.amqp_port}/"

    @property
    def environment(self) -> dict[str, str]:
        """What makes RabbitMQ's commands mean this node."""
        return self._folder.environment(self._state, name=self.name)

    def prepare(self, names: list[str]) -> None:
        """Write its files; all the names are those of the cluster."""
        self._folder.prepare(self._state)
        config = self._folder.path / "rabbitmq.conf"
        peers = [
            "cluster_formation.peer_discovery_backend = classic_config",
            *(
                f"cluster_formation.classic_config.nodes.{number} = {name}"
                for number, name in enumerate(names, 1)
            ),
        ]
        config.write_text(config.read_text() + "\n".join([*peers, ""]))
        # A lone node's settings would let these notice each other's end late.
        (self._folder.path / "advanced.config").write_text("[].\n")

    async def launch(self) -> None:
        """Start it, and do not wait."""
        with self._folder.start_log.open("ab") as log:
            self._process = await children.spawn(
                [str(self.script or server_script())],
                env=self.environment,
                mark=str(self._folder.path),
                stdout=log,
            )

    async def answers(self) -> bool:
        """Whether it can be used."""
        return await answers(HOST, self._state.amqp_port)

    async def kill(self) -> None:
        """End it at once."""
        assert self._process is not None
        await children.end(self._process, grace_s=0)

    async def stop(self) -> int:
        """End it in good order; gives its exit code, which is negative if it had to be killed."""
        assert self._process is not None
        return await children.end(self._process, grace_s=STOP_S)

    def ended(self) -> bool:
        """Whether it is not running."""
        return self._process is None or self._process.returncode is not None

    async def run(self, program: str, *arguments: str) -> str:
        """Run one of RabbitMQ's programs, of the node's version, at the node; gives its output."""
        return await rabbitmq_program(
            program, *arguments, environment=self.environment, script=self.script
        )

    def last_words(self) -> str:
        """The ends of its logs."""
        return self._folder.last_words()


class Cluster:
    """Three nodes and their epmd.

    Args:
        folder: Where their files are; it is there.
        script: Their rabbitmq-server; None: the one on PATH.
    """

    def __init__(self, folder: Path, script: Path | None = None) -> None:
        self._folder = folder
        first = replace(NodeState.new(), cookie=secrets.token_urlsafe(24))
        ports = free_ports(2 * SIZE)
        self.nodes = [
            ClusterNode(
                number,
                folder / f"node{number}",
                replace(first, amqp_port=ports[number - 1], dist_port=ports[SIZE + number - 1]),
                script,
            )
            for number in range(1, SIZE + 1)
        ]
        self._epmd_port = first.epmd_port
        self._epmd: children.Process | None = None

    async def start(self) -> None:
        """Start all, and return when they are a cluster."""
        epmd = shutil.which("epmd")
        assert epmd is not None
        self._epmd = await children.spawn(
            [epmd, "-port", str(self._epmd_port), "-address", HOST],
            env={"HOME": str(self._folder)},
            mark=str(self._folder),
        )
        for node in self.nodes:
            node.prepare([each.name for each in self.nodes])
            await node.launch()
        for node in self.nodes:
            await eventually(node.answers, within_s=START_S, what=f"{node.name} answers")
        await eventually(self.is_whole, within_s=START_S, what="the nodes are one cluster")

    async def stop(self) -> None:
        """End all at once."""
        await asyncio.gather(*(node.kill() for node in self.nodes))
        if self._epmd is not None:
            await children.end(self._epmd, grace_s=1)

    async def leaders(self) -> dict[str, str]:
        """The node of each queue's leader, by the queue's name."""
        return {row["name"]: row["leader"] for row in await self._queues()}

    async def led_by(self, node: "ClusterNode", kind: str = "quorum") -> set[str]:
        """The queues of a kind whose leader is on a node."""
        rows = await self._queues()
        return {row["name"] for row in rows if (row["type"], row["leader"]) == (kind, node.name)}

    async def smallest(self) -> int:
        """The number of members of the queue with the fewest."""
        return min(len(row["members"]) for row in await self._queues())

    async def messages(self) -> dict[str, int]:
        """The number of messages in each quorum queue that has any, by its name."""
        table = await self._ask("list_queues", "name", "type", "messages")
        return {
            row["name"]: row["messages"]
            for row in table
            if row["type"] == "quorum" and row["messages"]
        }

    async def version(self) -> str:
        """The version of RabbitMQ that all nodes run."""
        versions = (await self._ask("cluster_status"))["versions"].values()
        (version,) = {each["rabbitmq_version"] for each in versions}
        return str(version)

    async def _queues(self) -> list[dict[str, Any]]:
        table = await self._ask("list_queues", "name", "type", "leader", "members")
        return [row for row in table if row["type"] in {"quorum", "stream"}]

    async def is_whole(self) -> bool:
        """Whether all nodes run, and as one cluster."""
        status = await self._ask("cluster_status")
        return len(status["running_nodes"]) == SIZE

    async def _ask(self, *arguments: str) -> Any:  # noqa: ANN401 (the command's)
        alive = [node for node in self.nodes if await node.answers()]
        said = await alive[0].run("rabbitmqctl", "--silent", *arguments, "--formatter", "json")
        return json.loads(said)


@asynccontextmanager
async def clustered(folder: Path, script: Path | None = None) -> AsyncIterator[Cluster]:
    """A cluster, of the RabbitMQ of *script*, for the time of a block."""
    cluster = Cluster(folder, script)
    try:
        await cluster.start()
        yield cluster
    finally:
        await cluster.stop()
