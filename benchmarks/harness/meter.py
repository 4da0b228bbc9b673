"""Measuring a stretch of work: wall time, CPU by role, memory, and what disturbed it."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.harness import processes
from benchmarks.harness.processes import Pids


@dataclass(frozen=True, slots=True)
class Cost:
    """What a stretch of work took.

    Attributes:
        seconds: Wall time.
        cpu_s: CPU seconds by role.
        peak_bytes: Peak resident memory by role, summed over its processes.
        other_cpu_s: CPU seconds of everything else on the machine: disturbance.
        stolen_s: CPU seconds that the machine's host gave to others.
    """

    seconds: float
    cpu_s: dict[str, float]
    peak_bytes: dict[str, int]
    other_cpu_s: float
    stolen_s: float

    def per_item(self, count: int) -> dict[str, object]:
        """The figures of a run that did *count* items."""
        return {
            "count": count,
            "seconds": round(self.seconds, 4),
            "per_s": round(count / self.seconds, 1),
            "cpu_us": {role: round(cpu / count * 1e6, 1) for role, cpu in self.cpu_s.items()},
            "peak_mb": {role: round(size / 1e6, 1) for role, size in self.peak_bytes.items()},
            "other_cpu_share": round(self.other_cpu_s / self.seconds, 3),
            "stolen_share": round(self.stolen_s / self.seconds, 3),
        }


class Meter:
    """Measures from `begin` to `end`.

    Args:
        roles: The processes of each role; this process is added as ``harness``.
    """

    def __init__(self, roles: Mapping[str, Pids]) -> None:
        self._roles: dict[str, Pids] = {**roles, "harness": _ourselves}
        self._began = 0.0
        self._cpu: dict[str, float] = {}
        self._machine = (0.0, 0.0)

    def begin(self) -> None:
        """Begin to measure."""
        for pids in self._roles.values():
            processes.reset_peaks(pids())
        self._cpu = self._cpu_now()
        self._machine = processes.machine_cpu_s()
        self._began = time.monotonic()

    def end(self) -> Cost:
        """End, and tell the cost."""
        seconds = time.monotonic() - self._began
        cpu = {role: used - self._cpu[role] for role, used in self._cpu_now().items()}
        used, stolen = processes.machine_cpu_s()
        return Cost(
            seconds=seconds,
            cpu_s=cpu,
            peak_bytes={role: processes.memory(pids()).peak for role, pids in self._roles.items()},
            other_cpu_s=max(0.0, used - self._machine[0] - sum(cpu.values())),
            stolen_s=stolen - self._machine[1],
        )

    def _cpu_now(self) -> dict[str, float]:
        return {role: processes.cpu_s(pids()) for role, pids in self._roles.items()}


def _ourselves() -> list[int]:
    return [os.getpid()]
