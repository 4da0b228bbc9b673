"""The peers: how each is started, fed and tuned. README.md says why so."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.harness import toolchains
from benchmarks.harness.broker import QueueType
from benchmarks.peers import messages

SCRIPTS = Path(__file__).parent / "workers"


@dataclass(frozen=True, slots=True)
class Command:
    """How a worker is started.

    Attributes:
        argv: The command.
        env: On top of what every peer gets.
    """

    argv: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer with its tuning.

    Attributes:
        name: Short, for results and options.
        title: For people.
        command: Makes the command, and what it needs; may raise `MissingError`.
        pack: Makes a message to preload.
        prefetch: Messages that each worker may hold.
        concurrency: Deliveries under way in each worker.
        kind: The type of queue on which it was faster.
        count: Deliveries of one run, some seconds long.
        programs: How many times the command is started for two worker processes.
    """

    name: str
    title: str
    command: Callable[["Peer"], Awaitable[Command]]
    pack: messages.Pack
    prefetch: int
    concurrency: int
    kind: QueueType
    count: int
    programs: int = 2

    def tuned(
        self,
        *,
        prefetch: int | None = None,
        concurrency: int | None = None,
        kind: QueueType | None = None,
    ) -> "Peer":
        """The same peer with another tuning, where one is given."""
        return replace(
            self,
            prefetch=prefetch or self.prefetch,
            concurrency=concurrency or self.concurrency,
            kind=kind or self.kind,
        )


async def _script(peer: Peer) -> Command:
    python = await toolchains.python()
    return Command((str(python), str(SCRIPTS / f"{peer.name.replace('-', '_')}_worker.py")))


async def _taskiq(peer: Peer) -> Command:
    python = await toolchains.python()
    options = ("--workers", "2", "--max-async-tasks", str(peer.concurrency))
    acks = ("--ack-type", "when_executed", "--max-prefetch", str(peer.prefetch))
    quiet = ("--log-level", "WARNING")
    return Command(
        (str(python), "-m", "taskiq", "worker", *options, *acks, *quiet, "taskiq_worker:broker"),
        {"PYTHONPATH": str(SCRIPTS)},
    )


async def _celery(peer: Peer) -> Command:
    python = await toolchains.python()
    pool = ("--pool", "gevent", "--concurrency", str(peer.concurrency))
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING")
    return Command(
        (str(python), "-m", "celery", "-A", "celery_worker", "worker", *pool, *quiet),
        {"PYTHONPATH": str(SCRIPTS)},
    )


async def _dramatiq(peer: Peer) -> Command:
    python = await toolchains.python()
    options = ("--processes", "2", "--threads", str(peer.concurrency))
    return Command(
        (str(python), "-m", "dramatiq", *options, "dramatiq_worker"),
        {"PYTHONPATH": str(SCRIPTS), "dramatiq_queue_prefetch": str(peer.prefetch)},
    )


async def _node(peer: Peer) -> Command:
    del peer
    node, folder = await toolchains.node()
    return Command((str(node), str(folder / "worker.js")), {"NODE_ENV": "production"})


async def _go(peer: Peer) -> Command:
    del peer
    return Command((str(await toolchains.go()),))


DRAMATIQ_QUEUE = "bench.dramatiq"

PEERS = (
    Peer("go", "Go, amqp091-go", _go, messages.plain, 1000, 160, "quorum", 20_000),
    Peer("node", "Node, amqplib + undici", _node, messages.plain, 320, 160, "quorum", 20_000),
    Peer("aio-pika", "aio-pika + aiohttp", _script, messages.plain, 100, 100, "quorum", 6_000),
    Peer("taskiq", "Taskiq", _taskiq, messages.taskiq, 160, 160, "classic", 4_000, programs=1),
    Peer("faststream", "FastStream", _script, messages.plain, 100, 100, "quorum", 5_000),
    Peer(
        "dramatiq", "Dramatiq", _dramatiq, messages.dramatiq(DRAMATIQ_QUEUE),
        64, 16, "classic", 2_500, programs=1,
    ),
    Peer("celery", "Celery, gevent", _celery, messages.celery, 20, 20, "classic", 2_500),
)  # fmt: skip


def queue_of(peer: Peer) -> str:
    """The queue that a peer consumes; Dramatiq's messages carry its name."""
    return f"bench.{peer.name}"
