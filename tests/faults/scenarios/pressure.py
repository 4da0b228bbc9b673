"""Something that everybody needs takes nothing for a while, and then does again."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress

from tests.faults.harness.injector import ROLES
from tests.faults.harness.lab import Lab
from tests.faults.harness.load import Subject
from tests.sink import eventually

Trouble = Callable[[Lab], AbstractAsyncContextManager[None]]


async def pressure(
    lab: Lab,
    trouble: Trouble,
    *,
    for_s: float,
    rate: float = 100.0,
    fan_out: int = 5,
    settle_s: float = 90.0,
) -> dict[str, object]:
    """Publish under a trouble that comes and goes by itself.

    Args:
        lab: Where.
        trouble: For the time of a block.
        for_s: How long.
        rate: Deliveries a second.
        fan_out: How many webhooks an event has.
        settle_s: How long everything may take to end after that.

    Returns:
        The oracle's figures, and: what each process said on ``/ready`` meanwhile (everything that
        it ever said), how long after the trouble's beginning the first said so, how long after its
        end all were ready again, and which roles have another process than before.
    """
    endpoints = await lab.add_endpoints(fan_out)
    registry = endpoints[0].registry
    pids_before = lab.pids()
    loading = asyncio.create_task(
        lab.load.publish(
            round(rate / fan_out * (for_s + 4)), lambda _: Subject(registry), rate=rate / fan_out
        )
    )
    await asyncio.sleep(2)
    said: dict[str, dict[str, str]] = {}
    noticed: list[float] = []
    async with trouble(lab):
        began = time.monotonic()
        watching = asyncio.create_task(_watch(lab, said, noticed, began))
        await asyncio.sleep(for_s)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    over = time.monotonic()
    await eventually(lab.all_ready, within_s=60, what="everything is ready again")
    ready_again_s = time.monotonic() - over
    await loading
    verdict = await lab.concluded(settle_s)
    pids_after = lab.pids()
    return {
        **verdict.figures(),
        "said": said,
        "noticed_after_s": round(noticed[0], 1) if noticed else None,
        "ready_again_after_s": round(ready_again_s, 1),
        "refused_tries": lab.load.refusals,
        "roles_that_died": [role for role in ROLES if pids_before[role] != pids_after[role]],
    }


async def _watch(
    lab: Lab, said: dict[str, dict[str, str]], noticed: list[float], began: float
) -> None:
    while True:
        for name, problems in (await lab.readiness()).items():
            if problems:
                said.setdefault(name, {}).update(problems)
                noticed.append(time.monotonic() - began)
        await asyncio.sleep(0.25)
