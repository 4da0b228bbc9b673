"""The delivery step side by side: Portcall, what users write instead, and the ceiling."""

from collections.abc import Awaitable, Callable
from functools import partial

from benchmarks.harness.alternating import Contender, Told, alternate
from benchmarks.harness.lab import Lab, open_lab
from benchmarks.harness.report import Figures, Mode, Report, Target
from benchmarks.measurements.our_step import Load, OurStep
from benchmarks.measurements.peer_step import BARE_CONCURRENCY, WORKERS, run_bare, run_peer
from benchmarks.peers.catalogue import PEERS, Peer
from benchmarks.peers.messages import BODY_BYTES

TITLE = "Delivery step"
OURS = "portcall"
BARE = "bare-aiohttp"
COUNT = 20_000
LONGER = 3
"""In the full set: a shared machine changes its speed within seconds; longer runs even it out."""
FRAMEWORKS = ("faststream", "taskiq", "celery", "dramatiq")
CLOSE = ("go", "node", BARE)
"""Those with the tightest targets get more pairs in the short set, and longer runs in the full."""


async def measure(mode: Mode, told: Told) -> Report:
    """Alternate ours with each peer."""
    count = COUNT * mode.choose(1, LONGER)
    report = Report(
        parameters={
            "deliveries": count,
            "body_bytes": BODY_BYTES,
            "workers": WORKERS,
            "fan_out": Load(1).fan_out,
            "webhooks": Load(1).webhooks,
            "bare_concurrency": BARE_CONCURRENCY,
            "peers": {peer.name: _tuning(peer, _count(mode, peer)) for peer in PEERS},
        }
    )
    async with open_lab() as lab:
        report.parameters["sink"] = lab.sink.kind
        step = OurStep(lab, "ours", Load(count // Load(1).fan_out))
        ours = Contender(OURS, partial(_ours, step), 0)
        others = [
            Contender(name, run, _pairs(mode, name))
            for name, run in _others(lab, mode).items()
            if not mode.peers or name in mode.peers
        ]
        await alternate(ours, others, report, told, quiet_s=mode.quiet_s)
    report.targets = _targets(report)
    return report


def _others(lab: Lab, mode: Mode) -> dict[str, Callable[[], Awaitable[Figures]]]:
    found: dict[str, Callable[[], Awaitable[Figures]]] = {
        peer.name: partial(_peer, lab, peer, _count(mode, peer)) for peer in PEERS
    }
    return {BARE: partial(_bare, lab, COUNT * mode.choose(1, LONGER)), **found}


def _count(mode: Mode, peer: Peer) -> int:
    return peer.count * (mode.choose(1, LONGER) if peer.name in CLOSE else 1)


def _pairs(mode: Mode, name: str) -> int:
    return mode.pairs or mode.choose(3 if name in CLOSE else 1, 5)


async def _ours(step: OurStep) -> Figures:
    done = await step.run()
    return {
        **done.cost.per_item(step.load.deliveries),
        "frames": done.frames,
        "parked": done.parked,
        "records": done.records,
    }


async def _peer(lab: Lab, peer: Peer, count: int) -> Figures:
    return (await run_peer(lab, peer, count)).per_item(count)


async def _bare(lab: Lab, count: int) -> Figures:
    return (await run_bare(lab, count)).per_item(count)


def _tuning(peer: Peer, count: int) -> Figures:
    return {
        "title": peer.title,
        "queue_type": peer.kind,
        "prefetch": peer.prefetch,
        "concurrency": peer.concurrency,
        "deliveries": count,
    }


def _targets(report: Report) -> list[Target]:
    ratios = {name: found["median"] for name, found in report.summary["ratios"].items()}
    medians = report.summary["medians"]
    best = min((ratios[name] for name in FRAMEWORKS if name in ratios), default=None)

    def cpu(name: str) -> float | None:
        used = medians.get(name, {}).get("cpu_us")
        return used["worker"] + used["broker"] if used else None

    node_cpu, our_cpu = cpu("node"), cpu(OURS)
    share = our_cpu / node_cpu if our_cpu and node_cpu else None
    return [
        Target("deliveries/s against the Go worker", 1.9, ratios.get("go"), at_least=True),
        Target("deliveries/s against the Node worker", 1.3, ratios.get("node"), at_least=True),
        Target("deliveries/s against the best framework", 8.0, best, at_least=True),
        Target("deliveries/s against bare aiohttp", 0.75, ratios.get(BARE), at_least=True),
        Target("worker and broker CPU against Node's", 1.0, share, at_least=False),
    ]
