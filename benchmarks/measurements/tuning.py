"""Tuning of the peers: what was tried before `catalogue` was written; the best of it is there.

Nobody gets more requests under way in a process than Portcall has in the same step, which is its
limit for one webhook times the ten webhooks: more would be load on the endpoint that a sender of
webhooks must not make.
"""

from dataclasses import dataclass
from itertools import product

from benchmarks.harness.alternating import Told, line
from benchmarks.harness.broker import QueueType
from benchmarks.harness.lab import Lab, open_lab
from benchmarks.harness.processes import ProgramError
from benchmarks.harness.quiet import until_quiet
from benchmarks.harness.report import Figures, Mode, Report, medians
from benchmarks.harness.toolchains import MissingError
from benchmarks.measurements.peer_step import run_peer
from benchmarks.peers.catalogue import PEERS, Peer

TITLE = "Tuning of the peers"
KINDS: tuple[QueueType, ...] = ("classic", "quorum")
WINDOWS: dict[str, tuple[tuple[int, int], ...]] = {
    "go": ((100, 50), (200, 100), (320, 160), (1000, 160)),
    "node": ((64, 64), (200, 64), (320, 160), (1000, 160)),
    "aio-pika": ((25, 25), (50, 50), (100, 100), (160, 160)),
    "faststream": ((25, 25), (50, 50), (100, 100), (160, 160)),
    "taskiq": ((25, 25), (50, 50), (100, 100), (160, 160)),
    "celery": ((10, 10), (20, 20), (50, 50), (100, 100)),
    "dramatiq": ((8, 4), (16, 8), (32, 16), (64, 32)),
}
"""Prefetch and concurrency of one worker; where the framework has one number, both are that."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Tries variants in a lab, and keeps what came of it in a report."""

    lab: Lab
    report: Report
    told: Told

    async def run(self, peer: Peer, number: int) -> None:
        """Run a variant once; one that fails is no reason to stop."""
        report = self.report
        if peer.name in report.skipped:
            return
        name = f"{peer.kind}, prefetch {peer.prefetch}, concurrency {peer.concurrency}"
        try:
            figures = (await run_peer(self.lab, peer, peer.count)).per_item(peer.count)
        except MissingError as error:
            report.skipped[peer.name] = str(error)
            return
        except ProgramError as error:
            report.failed.append(f"{peer.name}, {name}: {error}")
            return
        report.runs.append({"peer": peer.name, "variant": name, "pair": number, **figures})
        self.told(f"{peer.name}, {name}: {line(figures)}")


async def measure(mode: Mode, told: Told) -> Report:
    """Try every variant of every peer, round by round."""
    report = Report(parameters={"windows": WINDOWS, "queue_types": KINDS})
    peers = [peer for peer in PEERS if not mode.peers or peer.name in mode.peers]
    async with open_lab() as lab:
        trial = Trial(lab, report, told)
        for peer in peers:
            for number in range(mode.pairs or mode.choose(1, 3)):
                for kind, (prefetch, concurrency) in product(KINDS, WINDOWS[peer.name]):
                    tuned = peer.tuned(kind=kind, prefetch=prefetch, concurrency=concurrency)
                    await until_quiet(mode.quiet_s)
                    await trial.run(tuned, number)
            _sum_up(peer, report, told)
    return report


def _sum_up(peer: Peer, report: Report, told: Told) -> None:
    by_variant: dict[str, list[Figures]] = {}
    for run in report.runs:
        if run["peer"] == peer.name:
            by_variant.setdefault(run["variant"], []).append(run)
    found = {variant: medians(runs)["per_s"] for variant, runs in by_variant.items()}
    if found:
        report.summary[peer.name] = found
        best = max(found, key=lambda variant: float(found[variant]))
        told(f"{peer.name}: best: {best}")
