"""A producer for tests: its real HTTP on a free port, with fakes for what stands behind it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import ClientSession, web
from structlog.testing import capture_logs
from structlog.typing import EventDict

from portcall.producer.digests.keeper import DigestKeeper
from portcall.producer.http.access import Holders, TokenAccess
from portcall.producer.http.bodies import Bodies
from portcall.producer.http.intake_gate import IntakeGate
from portcall.producer.http.registries import Registries
from portcall.producer.ingest import Ingest, Note, Publish
from portcall.producer.server import make_app
from portcall.producer.sources.hints import Hints
from portcall.producer.sources.intake import SourceIntake
from portcall.producer.sources.known import KnownSources
from portcall.producer.sources.proofs.issuers import KeysUnavailableError
from portcall.producer.sources.proofs.keeping import Fetch, IssuerKeys
from portcall.producer.sources.proofs.tokens import TokenProofs
from portcall.producer.sources.verifying import Verifier
from portcall.producer.tracing import Tracing
from portcall.runtime.http.clients import Throttle
from portcall.runtime.http.health import Problem
from portcall.runtime.http.serving import JsonRunner, Site
from portcall.schemas.events import Event
from portcall.schemas.sources import Source
from portcall.schemas.webhooks import Sku
from portcall.store.access.principals import PrincipalRow
from portcall.store.webhooks.registries import Registry
from tests.patience import SLOWEST

TOKEN = "0123456789abcdef"  # noqa: S105 (of the tests alone)
AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}
DRAIN_S = 10.0


class FakeStore:
    """A store with one registry, until it is deleted."""

    def __init__(self) -> None:
        self.is_deleted = False

    def revision(self) -> int:
        return 2 if self.is_deleted else 1

    def list(self) -> list[Registry]:
        if self.is_deleted:
            return []
        return [Registry("MyRegistry", "myregistry", "here", Sku.PREMIUM, {}, "portcall", "", 0)]


@dataclass
class FakeSources:
    """The sources of that registry."""

    sources: Sequence[Source]

    def usable(self) -> Sequence[Source]:
        return self.sources


async def no_keys(address: str) -> bytes:
    """An issuer that does not answer."""
    raise KeysUnavailableError(address)


@dataclass
class Sink:
    """Takes events where the broker would; fails, or waits, as told."""

    events: list[Event] = field(default_factory=list)
    asked: int = 0
    error: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def publish(self, events: Sequence[Event]) -> None:
        self.asked += 1
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.events.extend(events)

    async def is_asked(self) -> bool:
        return self.asked > 0

    async def has_events(self) -> bool:
        return bool(self.events)


class Nobody:
    """A store without principals."""

    async def holder(self, token: str) -> PrincipalRow | None:
        return None

    def known(self, token: str) -> Callable[[], PrincipalRow | None]:
        return lambda: None


@dataclass
class Served:
    """A producer that runs."""

    url: str
    port: int
    runner: web.AppRunner
    client: ClientSession
    logs: list[EventDict]
    registries: Registries


async def poll(ask: Callable[[], Awaitable[bool]], *, within_s: float = 15.0) -> None:
    """Wait until the answer is yes."""
    async with asyncio.timeout(SLOWEST * within_s):
        while True:
            if await ask():
                return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def served(
    publish: Publish,
    *,
    bodies: Bodies | None = None,
    checks: dict[str, Problem] | None = None,
    keeper: DigestKeeper | None = None,
    sources: Sequence[Source] = (),
    fetch: Fetch = no_keys,
    holders: Holders | None = None,
    store: FakeStore | None = None,
    note: Note | None = None,
    gate: IntakeGate | None = None,
    tracing: Tracing | None = None,
    throttle: Throttle | None = None,
) -> AsyncIterator[Served]:
    """Serve a producer as its process does, and give a client for it that has the token."""
    store = store or FakeStore()
    registries = Registries(catalogue=store, revisions=store)
    bodies = bodies or Bodies()
    with capture_logs() as logs:
        ingest = Ingest(
            access=TokenAccess(TOKEN, holders or Nobody()),
            registries=registries,
            bodies=bodies,
            publish=publish,
            keeper=keeper,
            note=note,
            gate=gate,
            tracing=tracing,
        )
        intake = SourceIntake(
            sources=KnownSources(catalogue=FakeSources(sources), revisions=store),
            verifier=Verifier(TokenProofs(IssuerKeys(fetch))),
            bodies=bodies,
            ingest=ingest,
            hints=Hints(),
        )
        app = make_app(ingest, checks or {}, throttle, sources=intake)
        runner = JsonRunner(app, access_log=None, shutdown_timeout=DRAIN_S)
        await runner.setup()
        await Site(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        url = f"http://127.0.0.1:{port}"
        try:
            async with ClientSession(url, headers=AUTHORIZATION) as client:
                yield Served(url, port, runner, client, logs, registries)
        finally:
            await runner.cleanup()
