"""Waiting for a quiet machine: what others do on it is in every figure."""

import asyncio

from benchmarks.harness.processes import machine_cpu_s

SAMPLE_S = 1.0
BUSY_CORES = 0.1
IN_A_ROW = 2


async def until_quiet(limit_s: float) -> None:
    """Wait until the machine has been idle for two seconds; not longer than *limit_s*."""
    quiet, waited = 0, 0.0
    while quiet < IN_A_ROW and waited < limit_s:
        before, _ = machine_cpu_s()
        await asyncio.sleep(SAMPLE_S)
        waited += SAMPLE_S
        after, _ = machine_cpu_s()
        quiet = quiet + 1 if after - before < BUSY_CORES * SAMPLE_S else 0
