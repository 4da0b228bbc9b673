"""An installation on a cluster, with a balancer between."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.faults.harness.cluster import Cluster, clustered
from tests.faults.harness.lab import Lab, laboratory
from tests.line import Line


@asynccontextmanager
async def cluster_laboratory(
    folder: Path, script: Path | None = None
) -> AsyncIterator[tuple[Lab, Cluster, Line]]:
    """A cluster in *folder*, `portcall up` that reaches it through a line, and a sink.

    Args:
        folder: It is there.
        script: The rabbitmq-server of the cluster; None: the one on PATH.
    """
    async with clustered(folder, script) as cluster:
        line = Line(*(node.url for node in cluster.nodes))
        url = await line.open()
        try:
            async with laboratory(folder, {"PORTCALL_AMQP_URL": url}) as lab:
                yield lab, cluster, line
        finally:
            await line.close()
