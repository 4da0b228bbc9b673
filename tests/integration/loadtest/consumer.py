"""A real consumer for load tests, in this process: it answers as a test tells it to."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from portcall.loadtest.plan import USUAL, Headers, NotSent, Outcome, Planned, TransportOptions
from tests.loopback import on_loopback

Answer = Callable[[web.Request], Awaitable[web.Response]]


@dataclass
class Consumer:
    """Answers 200, unless *answer* says otherwise."""

    uri: str = ""
    ids: Counter[str] = field(default_factory=Counter)
    requests: list[web.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    peers: set[object] = field(default_factory=set)
    answer: Answer | None = None

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        self.peers.add(request.transport)
        self.ids[request.headers.get("webhook-id", "")] += 1
        self.bodies.append(await request.read())
        return await self.answer(request) if self.answer else web.Response(text="ok")


@asynccontextmanager
async def serve() -> AsyncIterator[Consumer]:
    """A consumer on a free port of the loopback."""
    consumer = Consumer()
    app = web.Application(client_max_size=64 * 1024**2)
    app.router.add_post("/hook", consumer.take)
    async with on_loopback(app) as url:
        consumer.uri = f"{url}/hook?from=test"
        yield consumer


class Stall:
    """A consumer that answers nobody while it is on; the stall is begun and ended by a test."""

    def __init__(self) -> None:
        self._over = asyncio.Event()
        self._over.set()

    def begin(self) -> None:
        self._over.clear()

    def end(self) -> None:
        self._over.set()

    async def answer(self, _request: web.Request) -> web.Response:
        await self._over.wait()
        return web.Response(text="ok")


class Fixed:
    """A source of the requests that a test gives it, and of what follows from outcomes."""

    def __init__(
        self,
        requests: Iterable[Planned],
        after: Callable[[Outcome], Sequence[Planned]] = lambda _outcome: (),
    ) -> None:
        self._requests = requests
        self._after = after

    def __iter__(self) -> Iterator[Planned]:
        return iter(self._requests)

    def after(self, outcome: Outcome) -> Sequence[Planned]:
        return self._after(outcome)


class Kept:
    """An observer that keeps everything."""

    def __init__(self) -> None:
        self.begun: list[Planned] = []
        self.outcomes: list[Outcome] = []
        self.not_sent: list[NotSent] = []

    def sent(self, planned: Planned) -> None:
        self.begun.append(planned)

    def done(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def left_out(self, not_sent: NotSent) -> None:
        self.not_sent.append(not_sent)


def request(
    at_s: float,
    number: int = 0,
    *,
    body: bytes = b'{"id":"1"}',
    transport: TransportOptions = USUAL,
) -> Planned:
    """A request with its number in its id."""

    def sign(now_s: float) -> Headers:
        return [
            ("Content-Type", "application/json"),
            ("webhook-id", f"msg_{number}"),
            ("webhook-timestamp", str(int(now_s))),
        ]

    return Planned(at_s, f"msg_{number}", "push", body, sign, transport=transport)


def every(gap_s: float, count: int) -> list[Planned]:
    """So many requests, *gap_s* apart."""
    return [request(number * gap_s, number) for number in range(count)]
