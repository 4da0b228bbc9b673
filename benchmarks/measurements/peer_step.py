"""The delivery step of a peer, and of bare clients without a queue.

Warm workers are held by SIGSTOP while the queue is filled, and let go together: what is measured
is neither their start nor the filling, for nobody.
"""

from collections.abc import Sequence

from benchmarks.harness import toolchains
from benchmarks.harness.lab import Lab, until
from benchmarks.harness.meter import Cost, Meter
from benchmarks.harness.processes import Program
from benchmarks.peers import messages
from benchmarks.peers.catalogue import SCRIPTS, Peer, queue_of

WORKERS = 2
WARM_UP = 400
START_S = 30.0
SLOWEST_PER_S = 50
BARE_CONCURRENCY = 64


async def run_peer(lab: Lab, peer: Peer, count: int) -> Cost:
    """Preload *count* deliveries and measure until all results are in.

    Raises:
        MissingError: The peer's toolchain is not on this machine.
        ProgramError: A worker ended, or results did not come.
    """
    command = await peer.command(peer)
    queue, results = queue_of(peer), f"bench.{peer.name}.results"
    env = {
        "BENCH_AMQP_URL": lab.broker.url,
        "BENCH_SINK_URL": f"{lab.sink.url}/hook",
        "BENCH_QUEUE": queue,
        "BENCH_RESULTS": results,
        "BENCH_KIND": peer.kind,
        "BENCH_PREFETCH": str(peer.prefetch),
        "BENCH_CONCURRENCY": str(peer.concurrency),
        **command.env,
    }
    await lab.broker.declare(results, peer.kind)
    if peer.pack is messages.plain:
        await lab.broker.declare(queue, peer.kind)
    try:
        names = [f"{peer.name}{number}" for number in range(peer.programs)]
        async with lab.programs([(name, command.argv, env) for name in names]) as workers:
            await _warm_up(lab, peer, workers, queue, results)
            return await _measure(lab, peer, workers, count)
    finally:
        await lab.broker.delete(queue, results, *_byproducts(queue))


async def _warm_up(
    lab: Lab, peer: Peer, workers: Sequence[Program], queue: str, results: str
) -> None:
    async def consumed() -> bool:
        return (await lab.broker.depth(queue)).consumers >= WORKERS

    async def done() -> bool:
        return (await lab.broker.depth(results)).ready >= WARM_UP

    await until(consumed, programs=workers, within_s=START_S, what="both workers consume")
    await lab.broker.publish(messages.messages(peer.pack, WARM_UP), key=queue)
    await until(done, programs=workers, within_s=START_S, what="the warm-up is done")


async def _measure(lab: Lab, peer: Peer, workers: Sequence[Program], count: int) -> Cost:
    queue, results = queue_of(peer), f"bench.{peer.name}.results"

    async def done() -> bool:
        return (await lab.broker.depth(results)).ready >= WARM_UP + count

    for worker in workers:
        worker.hold()
    await lab.broker.publish(messages.messages(peer.pack, count), key=queue)
    await lab.calm()
    meter = Meter(
        {
            "worker": lambda: [pid for worker in workers for pid in worker.pids],
            "broker": lambda: lab.broker.pids,
            "sink": lambda: lab.sink.program.pids,
        }
    )
    meter.begin()
    for worker in workers:
        worker.let_go()
    await until(
        done,
        programs=workers,
        within_s=10 + count / SLOWEST_PER_S,
        what="every result is in",
        every_s=0.02,
    )
    return meter.end()


async def run_bare(lab: Lab, count: int) -> Cost:
    """Let two bare aiohttp clients POST *count* times together.

    Raises:
        MissingError: The peers' environment cannot be made.
        ProgramError: A client ended, or did not get through.
    """
    python = await toolchains.python()
    env = {
        "BENCH_SINK_URL": f"{lab.sink.url}/hook",
        "BENCH_BODY": messages.body(0)[1],
        "BENCH_COUNT": str(count // WORKERS),
        "BENCH_WARM_UP": str(WARM_UP // WORKERS),
        "BENCH_CONCURRENCY": str(BARE_CONCURRENCY),
    }
    argv = (str(python), str(SCRIPTS / "bare_aiohttp.py"))
    commands = [(f"bare{number}", argv, env) for number in range(WORKERS)]
    async with lab.programs(commands) as clients:

        async def held() -> bool:
            return all(client.is_held() for client in clients)

        await until(held, programs=clients, within_s=START_S, what="the clients are warm")
        await lab.calm()
        wanted = await lab.sink.requests() + count // WORKERS * WORKERS

        async def done() -> bool:
            return await lab.sink.requests() >= wanted

        meter = Meter(
            {
                "worker": lambda: [pid for client in clients for pid in client.pids],
                "broker": lambda: lab.broker.pids,
                "sink": lambda: lab.sink.program.pids,
            }
        )
        meter.begin()
        for client in clients:
            client.let_go()
        await until(done, programs=clients, within_s=60, what="every POST is made")
        return meter.end()


def _byproducts(queue: str) -> tuple[str, ...]:
    """The queues that frameworks make beside the one that they are told."""
    return tuple(f"{queue}.{suffix}" for suffix in ("dead", "DQ", "XQ"))
