"""Metrics of several roles in one process. In processes of their own: they change the library."""

import subprocess
import sys

PROGRAM = """
import asyncio, contextvars
from portcall.runtime import role_metrics
role_metrics.separate()
from portcall.runtime.broker.publisher import PUBLISHES
from portcall.recorder.kinds import BATCH, LAG
from portcall.runtime.metrics import OPENMETRICS
from portcall.router.measures import WEBHOOKS
from portcall.runtime.metrics import REGISTRY, exposition
from prometheus_client import Histogram
import portcall.recorder.record

exemplars = []
SECONDS = Histogram("seconds", "Some.", registry=REGISTRY)

def seen(role):
    lines = exposition()[0].decode().splitlines()
    told = [line for line in lines if line.startswith(("portcall_publishes_total",
        "portcall_router_webhooks", "portcall_recorder_lag", "portcall_recorder_batch"))]
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in told}

async def role(name, number):
    role_metrics.enter(name, ("router", "recorder"))
    publish = PUBLISHES.labels("events", "confirmed")
    await asyncio.sleep(0)
    await asyncio.to_thread(publish.inc, number)
    publish.inc(number)
    if name == "router":
        WEBHOOKS.set(7)
    SECONDS.observe(0.1, {"span_id": name})
    await asyncio.sleep(0)
    exemplars.append(exposition(OPENMETRICS)[0].decode().count('# {span_id="%s"} 0.1' % name))
    found = asyncio.create_task(asyncio.to_thread(seen, name))
    return await found

async def main():
    found = await asyncio.gather(role("router", 1), role("recorder", 10))
    key = 'portcall_publishes_total{exchange="events",result="confirmed"}'
    print([each[key] for each in found])
    print([each.get("portcall_router_webhooks") for each in found])
    print([any("recorder" in name for name in each) for each in found])
    print(exemplars)

asyncio.run(main())
"""


def test_each_role_counts_and_shows_its_own() -> None:
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout.splitlines() == [
        "[2.0, 20.0]", "[7.0, None]", "[False, True]", "[1, 1]",
    ], done.stderr  # fmt: skip
