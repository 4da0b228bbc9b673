"""What the producer pays for an event of each kind of source, beside one of docker distribution."""

import asyncio
import statistics
import tempfile
import time
from collections import deque
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.harness.alternating import Told, spread
from benchmarks.harness.installation import Installation, portcall_up
from benchmarks.harness.meter import Meter
from benchmarks.harness.open_load import Connection
from benchmarks.harness.processes import ProgramError
from benchmarks.harness.quiet import until_quiet
from benchmarks.harness.report import Figures, Mode, Report, Target
from portcall.cli.client import Management
from portcall.cli.demo.proving import SampleIssuer
from portcall.cli.demo.sample_sources import SampleRequest, request_to_new_source
from portcall.cli.demo.samples import sample_of
from portcall.cli.server import find_server
from portcall.schemas.sources import NOTIFIERS, SourceKind

TITLE = "Intake of sources"
REGISTRY = "benchregistry"
RATE = 1_000
"""Events a second, one in a request."""
BEST = SourceKind.DISTRIBUTION
AT_MOST = 1.3
EACH_COUNTS = {"repeats": "0"}
"""The same request is sent again and again: without this, some kinds would ignore most of them."""
WARM_UP_S = 2.0
TRIES = 3
"""A machine that is busy with other things cannot keep the rate, and the broker refuses."""
BATCH = 5
"""Requests that are sent together: a thousand timers a second would be the client's own cost."""


async def measure(mode: Mode, told: Told) -> Report:
    """Send each kind at the rate, in turn with distribution, and compare the producer's CPU."""
    rounds, seconds = mode.pairs or mode.choose(2, 5), mode.choose(2, 4)
    kinds = [kind for kind in SourceKind if not mode.peers or kind.value in mode.peers]
    report = Report(parameters={"rate": RATE, "rounds": rounds, "seconds": seconds})
    with tempfile.TemporaryDirectory(prefix="portcall-intake-") as scratch:
        async with portcall_up(Path(scratch)) as installation:
            requests = await asyncio.to_thread(_created, installation)
            client = Client.of(str(installation.ready["producer_url"]))
            await _pair(installation, client, (requests[BEST], requests[BEST]), WARM_UP_S)
            ratios: dict[SourceKind, list[float]] = {}
            for number in range(rounds):
                for kind in kinds:
                    await until_quiet(mode.quiet_s)
                    pair = await _pair(
                        installation, client, (requests[BEST], requests[kind]), seconds
                    )
                    if pair is None:
                        report.failed.append(f"{kind}: not all of its requests were taken")
                        continue
                    beside, own = pair
                    report.runs.append(
                        {"kind": kind, "round": number, "own": own, "beside": beside}
                    )
                    ratio = own["cpu_us"]["producer"] / beside["cpu_us"]["producer"]
                    ratios.setdefault(kind, []).append(ratio)
                    told(f"{kind}: {own['cpu_us']['producer']:.0f} us, {ratio:.2f}")
            client.close()
    report.summary = {
        kind.value: _summary(kind, found, requests, report) for kind, found in ratios.items()
    }
    report.targets = [_target(kind, report) for kind in kinds if kind is not BEST]
    return report


def _target(kind: SourceKind, report: Report) -> Target:
    found = report.summary.get(kind.value)
    value = found["ratio"]["median"] if found else None
    return Target(f"CPU of the intake: {kind} against distribution", AT_MOST, value, at_least=False)


def _summary(
    kind: SourceKind,
    ratios: list[float],
    requests: dict[SourceKind, SampleRequest],
    report: Report,
) -> Figures:
    costs = [run["own"]["cpu_us"]["producer"] for run in report.runs if run["kind"] == kind]
    return {
        "cpu_us": statistics.median(costs),
        "ratio": spread(ratios),
        "proof": requests[kind].proof.value,
        "body_bytes": len(requests[kind].sample.body),
    }


def _created(installation: Installation) -> dict[SourceKind, SampleRequest]:
    """A source of every kind, and its request."""
    environ = {"PORTCALL_HOME": str(installation.home)}
    server, issuer = find_server(environ=environ), SampleIssuer()
    management = Management(server)
    management.ask("PUT", _path(server.subscription, server.resource_group), _REGISTRY)
    return {
        kind: request_to_new_source(
            management, REGISTRY, sample_of(kind), issuer, {} if kind in NOTIFIERS else EACH_COUNTS
        )
        for kind in SourceKind
    }


_REGISTRY = {"location": "westus", "sku": {"name": "Premium"}}


def _path(subscription: str, group: str) -> str:
    return (
        f"/subscriptions/{subscription}/resourceGroups/{group}/providers/"
        f"Microsoft.ContainerRegistry/registries/{REGISTRY}"
    )


async def _pair(
    installation: Installation,
    client: "Client",
    requests: tuple[SampleRequest, SampleRequest],
    seconds: float,
) -> tuple[Figures, Figures] | None:
    """Distribution's and another kind's figures; None: the machine had no time for the rate."""
    for _ in range(TRIES):
        try:
            first, second = [await _run(installation, client, each, seconds) for each in requests]
        except ProgramError:
            await asyncio.sleep(WARM_UP_S)
        else:
            return first, second
    return None


async def _run(
    installation: Installation, client: "Client", request: SampleRequest, seconds: float
) -> Figures:
    """Send one kind's request again and again, and measure the producer."""
    meter = Meter({"producer": lambda: installation.pids("producer")})
    meter.begin()
    count = await client.send(request, seconds)
    return meter.end().per_item(count)


class Client:
    """Sends requests at the rate over kept connections.

    Args:
        host: Of the producer.
        port: Of the producer.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._idle: deque[Connection] = deque()

    @classmethod
    def of(cls, url: str) -> "Client":
        """A client of the producer at *url*."""
        address = urlsplit(url)
        return cls(address.hostname or "", address.port or 80)

    async def send(self, request: SampleRequest, seconds: float) -> int:
        """Send for so long, and return how many were taken.

        Raises:
            ProgramError: One was not.
        """
        content = _bytes(request, f"{self._host}:{self._port}")
        count, began = round(RATE * seconds), time.monotonic()
        answers: list[asyncio.Task[int]] = []
        for number in range(0, count, BATCH):
            await asyncio.sleep(max(0.0, began + number / RATE - time.monotonic()))
            answers += [asyncio.create_task(self._sent(content)) for _ in range(BATCH)]
        statuses = set(await asyncio.gather(*answers))
        if not statuses <= {200, 202}:
            raise ProgramError(f"{request.sample.kind}: the producer answered {statuses}")
        return count

    def close(self) -> None:
        """Close its connections."""
        for connection in list(self._idle):
            connection.close()

    async def _sent(self, content: bytes) -> int:
        connection = self._idle.pop() if self._idle else await self._connect()
        return await connection.send(content)

    async def _connect(self) -> Connection:
        loop = asyncio.get_running_loop()
        made = await loop.create_connection(lambda: Connection(self._idle), self._host, self._port)
        return made[1]


def _bytes(request: SampleRequest, host: str) -> bytes:
    """A request as it is sent."""
    body = request.sample.body
    headers = {"Host": host, **request.headers, "Content-Length": str(len(body))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {request.path} HTTP/1.1\r\n{lines}\r\n".encode() + body
