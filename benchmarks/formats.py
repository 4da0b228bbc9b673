"""What a format costs a deliverer: the CPU of whole attempts, beside ACR's form.

Each attempt is looked up, rendered, sent by the real sender over loopback to another process, and
decided. Each event goes to ten webhooks of one format, or to one: the dearest case, in which no
rendering is used twice. Only this process's CPU counts, so a busy machine disturbs little; the best
of several rounds is shown.

Run: ``.venv/bin/python -m benchmarks.formats``; ten minutes at most.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_network

import msgspec

from portcall.deliverer.attempting import Attempter
from portcall.deliverer.consequences import Rules
from portcall.deliverer.jobs import Job
from portcall.deliverer.post.sender import Sender
from portcall.deliverer.webhooks import Webhooks
from portcall.runtime.latch import Latch
from portcall.schemas.deliveries import Delivery
from portcall.schemas.events import Event
from portcall.schemas.examples import event
from portcall.schemas.formats.table import FORMATS
from portcall.schemas.scopes import parse_scope
from portcall.schemas.webhooks import Status, Webhook
from portcall.store.webhooks.index import Changes

ATTEMPTS = 1_000
ROUNDS = 3
TOGETHER = 16
FAN_OUTS = (10, 1)
TEMPLATE = '{"text": "{{ action }} of {{ image }}", "bytes": "{{ size }}"}'
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Store:
    """Webhooks of one format, by any id."""

    def __init__(self, uri: str, wanted: Mapping[str, str] | None) -> None:
        self._webhook = Webhook(
            id=0,
            registry="myregistry",
            name="ci01hook",
            uri=uri,
            headers={},
            actions=1,
            scope=parse_scope(""),
            status=Status.ENABLED,
            secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",  # noqa: S106 (an example)
            format=wanted,
        )

    def by_ids(self, ids: Sequence[int]) -> list[Webhook]:
        """A webhook for each id."""
        return [replace(self._webhook, id=each) for each in ids]

    def revision(self) -> int:
        """Always the first."""
        return 1

    def changes_since(self, revision: int) -> Changes | None:
        """None is known."""
        del revision
        return None


class Endings:
    """Nothing follows."""

    def carry_out(self, job: Job, consequence: object) -> None:
        """Do nothing."""


def serve(ports: "multiprocessing.Queue[int]") -> None:
    """Answer each POST with ``ok``."""
    asyncio.run(_serve(ports))


async def _serve(ports: "multiprocessing.Queue[int]") -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
                writer.write(_ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    ports.put(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def events(count: int) -> list[Event]:
    """As many pushes, each with a body of its own."""
    first = event()
    body = bytes(first.body)
    return [
        msgspec.structs.replace(
            first, id=f"e{n}", body=msgspec.Raw(body.replace(first.id.encode(), f"e{n}".encode()))
        )
        for n in range(count)
    ]


async def cpu_us(sender: Sender, uri: str, wanted: Mapping[str, str] | None, fan_out: int) -> float:
    """The CPU of one attempt, microseconds."""
    attempter = Attempter(
        webhooks=Webhooks(Store(uri, wanted)),
        sender=sender,
        endings=Endings(),  # type: ignore[arg-type]  # the same method
        rules=Rules((10_000,), (2_000, 10_000)),
    )
    latch = Latch(ATTEMPTS)
    jobs = [
        Job(each, Delivery(0, webhook_id), latch)
        for each in events(ATTEMPTS // fan_out)
        for webhook_id in range(1, fan_out + 1)
    ]
    for job in jobs[:fan_out]:
        await attempter.attempt(job)
    waiting = iter(jobs)

    async def work() -> None:
        for job in waiting:
            await attempter.attempt(job)

    began = time.process_time()
    await asyncio.gather(*(work() for _ in range(TOGETHER)))
    return (time.process_time() - began) / ATTEMPTS * 1e6


async def measure(port: int) -> None:
    """Measure every format, and print a table."""
    wanted: dict[str, Mapping[str, str] | None] = {"acr": None}
    wanted |= {name: {"name": name} for name in FORMATS}
    wanted |= {
        "cloudevents binary": {"name": "cloudevents", "mode": "binary"},
        "template": {"name": "template", "template": TEMPLATE},
    }
    best: dict[tuple[str, int], float] = {}
    networks = [ip_network("127.0.0.0/8")]
    async with Sender(timeout_s=15, allowed=networks) as sender:
        for _ in range(ROUNDS):
            for name, form in wanted.items():
                for fan_out in FAN_OUTS:
                    took = await cpu_us(sender, f"http://127.0.0.1:{port}/", form, fan_out)
                    best[name, fan_out] = min(took, best.get((name, fan_out), took))
    print("| format | us, to ten webhooks | times acr | us, to one | times acr |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name in wanted:
        cells = [
            f"{best[name, each]:.0f} | {best[name, each] / best['acr', each]:.2f}"
            for each in FAN_OUTS
        ]
        print(f"| {name} | {' | '.join(cells)} |")


def main() -> None:
    """Start the endpoint, and measure."""
    ports: multiprocessing.Queue[int] = multiprocessing.Queue()
    endpoint = multiprocessing.Process(target=serve, args=(ports,), daemon=True)
    endpoint.start()
    try:
        asyncio.run(measure(ports.get()))
    finally:
        endpoint.kill()


if __name__ == "__main__":
    main()
