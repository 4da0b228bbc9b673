"""The whole API without a socket: requests are made by hand, the store is a real SQLite one."""

import asyncio
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request

from portcall.management.app import Api, make_app
from portcall.management.audit.look import Auditor
from portcall.management.audit.routes import AuditHandler
from portcall.management.console.session.links import code_maker
from portcall.management.events.follow import Followers, Reader
from portcall.management.events.routes import EventHandlers
from portcall.management.explain.explanation import Explaining
from portcall.management.explain.format_routes import FormatHandlers
from portcall.management.explain.format_tests import FormatTests
from portcall.management.explain.routes import ExplainHandlers
from portcall.management.explain.scope_tests import ScopeTests
from portcall.management.http.access import AdministratorToken, Principal
from portcall.management.http.lookups import Lookups
from portcall.management.http.routes import Routes
from portcall.management.letters.box import LetterBox
from portcall.management.letters.contents import LetterKind, read
from portcall.management.letters.fates import Fate
from portcall.management.letters.routes import LetterHandlers
from portcall.management.letters.scan import OpenedLetter, Scan
from portcall.management.letters.wanted import LettersWanted
from portcall.management.login.console_links import ConsoleLinkHandler
from portcall.management.login.identity import IdentityHandler, ensure_identity
from portcall.management.login.routes import LoginHandlers
from portcall.management.login.tokens import TokenHandlers
from portcall.management.overview.pulse import Pulse
from portcall.management.overview.routes import OverviewHandler
from portcall.management.overview.webhook_metrics import WebhookMetricsHandler
from portcall.management.recovery.republishing import Republisher
from portcall.management.recovery.routes import RecoveryHandlers
from portcall.management.registries.provider import ProviderHandlers
from portcall.management.registries.routes import RegistryHandlers
from portcall.management.registries.subscriptions import SubscriptionHandlers
from portcall.management.replays.routes import ReplayHandlers
from portcall.management.replays.try_now import TryNowHandler
from portcall.management.sources.routes import SourceHandlers
from portcall.management.tags.routes import TagHandlers
from portcall.management.webhooks.imports import ImportHandler
from portcall.management.webhooks.pings import PingHandler
from portcall.management.webhooks.probes import ProbeHandler, Prober
from portcall.management.webhooks.rotation import RotationHandlers
from portcall.management.webhooks.routes import WebhookHandlers
from portcall.runtime.broker.stream import BatchHandler, Start
from portcall.runtime.errors import BrokerError
from portcall.schemas.frames import decode_journal
from portcall.schemas.journal import Note
from portcall.schemas.topology import JOURNAL
from portcall.store.access.principals import Role
from portcall.store.engine import Store

if TYPE_CHECKING:
    from portcall.runtime.broker.letters import Letter

TOKEN = "a-token-of-the-tests"  # noqa: S105
GUEST_TOKEN = "a-token-of-somebody-else"  # noqa: S105
PUBLISHER_TOKEN = "a-token-of-a-publisher"  # noqa: S105
IDENTITY_HEADER = "a-header-of-the-tests"
GUESTS = {
    GUEST_TOKEN: Principal("guest", Role.READER, "6f1f4a9c-0000-4000-8000-000000000001"),
    PUBLISHER_TOKEN: Principal(
        "robot", Role.PUBLISHER, "6f1f4a9c-0000-4000-8000-000000000002", "alpha"
    ),
}
VERSION = "api-version=2025-11-01"
JSON = "application/json"
DAY_MS = 86_400_000
Json = Any
"""What a JSON text holds."""


@dataclass
class Published:
    body: bytes
    exchange: str
    key: str


@dataclass
class FakePublisher:
    """Takes everything, or fails as a broker that is away."""

    published: list[Published] = field(default_factory=list)
    noted: list[Note] = field(default_factory=list)
    announced: list[dict[str, int]] = field(default_factory=list)
    failure: BrokerError | None = None

    async def publish(
        self,
        body: bytes,
        *,
        exchange: str,
        key: str = "",
        headers: Mapping[str, str | int] | None = None,
        timeout_s: float = 0,
    ) -> None:
        if self.failure:
            raise self.failure
        if exchange == JOURNAL:
            self.noted += decode_journal(body).notes
        else:
            self.published.append(Published(body, exchange, key))

    async def announce(self, body: bytes, *, exchange: str) -> None:
        assert exchange == "portcall.webhooks"
        self.announced.append(json.loads(body))


class FakeDepths:
    """Queues in which nothing waits."""

    async def each_waiting(self, queues: Collection[str]) -> dict[str, int]:
        return dict.fromkeys(queues, 0)


class FakeEnd:
    """A stream that is empty."""

    async def offset(self) -> int | None:
        return None


class FakeBox(LetterBox):
    """Letters in memory: whatever is meant can be sent, and is gone then."""

    def __init__(self) -> None:
        self.letters: dict[str, list[Letter]] = {"dead": [], "unrouted": []}
        self.failure: Exception | None = None

    async def look(
        self, queue: str, wanted: LettersWanted, see: Callable[[OpenedLetter], None]
    ) -> Scan:
        scan, found = self._meant(queue, wanted)
        for seen in found:
            see(seen)
        return scan

    async def resend(
        self, queue: str, wanted: LettersWanted, limit: int, *, only_over: bool = False
    ) -> Scan:
        scan, found = self._meant(queue, wanted)
        for seen in found[:limit]:
            if seen.contents.kind is LetterKind.UNREADABLE:
                scan.count(Fate.UNREADABLE)
            else:
                scan.count(Fate.SENT, len(seen.contents.pieces))
                self._remove(queue, seen, scan)
        return scan

    async def purge(self, queue: str, wanted: LettersWanted, limit: int) -> Scan:
        scan, found = self._meant(queue, wanted)
        for seen in found[:limit]:
            self._remove(queue, seen, scan)
        return scan

    def _meant(self, queue: str, wanted: LettersWanted) -> tuple[Scan, list[OpenedLetter]]:
        if self.failure:
            raise self.failure
        seen = [OpenedLetter(each, read(each.body)) for each in self.letters[queue]]
        found = [each for each in seen if wanted.covers(each.letter, each.contents)]
        return Scan(waiting=len(seen), looked_at=len(seen)), found

    def _remove(self, queue: str, seen: OpenedLetter, scan: Scan) -> None:
        self.letters[queue].remove(seen.letter)
        scan.removed += 1


class Tokens:
    """The administrator's token, and one of somebody who is none."""

    def __init__(self) -> None:
        self._administrator = AdministratorToken(TOKEN)

    async def principal_of(self, token: str) -> Principal | None:
        if token in GUESTS:
            return GUESTS[token]
        return await self._administrator.principal_of(token)


@dataclass
class Answer:
    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Json:
        return json.loads(self.text)

    @property
    def error(self) -> Json:
        return self.json["error"]


class ManagementApi:
    """The API over a store, which has a registry ``Alpha`` (Premium, westus)."""

    def __init__(self, store: Store, auditor: Auditor | None = None) -> None:
        self.store = store
        self.publisher = FakePublisher()
        self.installation = store.installation.get()
        lookups = self.lookups = Lookups(store, self.installation)
        routes = self.routes = Routes()
        publisher = self.publisher
        SubscriptionHandlers(store=store, lookups=lookups).add_to(routes)
        ProviderHandlers(lookups).add_to(routes)
        RegistryHandlers(store=store, lookups=lookups, announcer=publisher).add_to(routes)
        WebhookHandlers(store=store, lookups=lookups, announcer=publisher).add_to(routes)
        ImportHandler(store=store, lookups=lookups, announcer=publisher).add_to(routes)
        RotationHandlers(
            store=store, lookups=lookups, announcer=publisher, overlap_ms=DAY_MS
        ).add_to(routes)
        SourceHandlers(store=store, lookups=lookups, announcer=publisher, overlap_ms=DAY_MS).add_to(
            routes
        )
        PingHandler(lookups=lookups, publisher=publisher, shards=2).add_to(routes)
        prober = Prober(publisher=publisher, shards=2)
        ProbeHandler(store=store, lookups=lookups, prober=prober).add_to(routes)
        ReplayHandlers(store=store, lookups=lookups).add_to(routes)
        TryNowHandler(store=store, lookups=lookups, publisher=publisher, shards=2).add_to(routes)
        TokenHandlers(store=store, lookups=lookups).add_to(routes)
        auditor = auditor or Auditor.__new__(Auditor)
        AuditHandler(auditor).add_to(routes)
        republisher = Republisher(auditor=auditor, store=store, publisher=publisher, shards=2)
        RecoveryHandlers(installation=store.installation, republisher=republisher).add_to(routes)
        followers = Followers(_no_reader)
        EventHandlers(store=store, lookups=lookups, followers=followers).add_to(routes)
        self.pulse = Pulse(
            store=store, depths=FakeDepths(), end=FakeEnd(), shards=2, rungs_ms=(2_000, 10_000)
        )
        OverviewHandler(store=store, pulse=self.pulse, lookups=lookups).add_to(routes)
        WebhookMetricsHandler(store=store, lookups=lookups).add_to(routes)
        self.caught_up = 0
        self.behind: Exception | None = None
        self.box = FakeBox()
        LetterHandlers(box=self.box, store=store, lookups=lookups).add_to(routes)
        ConsoleLinkHandler(code_maker(store)).add_to(routes)
        TagHandlers(store=store, lookups=lookups, catch_up=self._catch_up).add_to(routes)
        FormatHandlers(lookups=lookups, tests=FormatTests(store)).add_to(routes)
        ExplainHandlers(
            lookups=lookups,
            explaining=Explaining(store, (2_000, 10_000)),
            scope_tests=ScopeTests(store),
            catch_up=self._catch_up,
        ).add_to(routes)
        self.checks: dict[str, Json] = {}
        open_routes = self.open_routes = Routes()
        login = LoginHandlers(store=store, installation=self.installation)
        login.add_to(open_routes)
        self.identity = ensure_identity(store, self.installation)
        IdentityHandler(
            header=IDENTITY_HEADER, identity=self.identity, store=store, login=login
        ).add_to(open_routes)
        api = Api(routes=routes, open_routes=open_routes, authenticator=Tokens(), lookups=lookups)
        self.app = make_app(api, self.checks)
        self.app.freeze()

    async def _catch_up(self) -> None:
        self.caught_up += 1
        if self.behind is not None:
            raise self.behind

    @property
    def subscription(self) -> str:
        return f"/subscriptions/{self.installation.subscription}"

    @property
    def group(self) -> str:
        return f"{self.subscription}/resourceGroups/portcall"

    def registry(self, name: str = "Alpha") -> str:
        return f"{self.group}/providers/Microsoft.ContainerRegistry/registries/{name}"

    def webhook(self, name: str, registry: str = "Alpha") -> str:
        return f"{self.registry(registry)}/webhooks/{name}"

    async def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: str = VERSION,
        token: str | None = TOKEN,
        content_type: str | None = JSON,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make a request; a *body* that is neither None nor bytes is sent as JSON."""
        content = b"" if body is None else body
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        sent = {"Host": "management.test:8400"} | dict(headers or {})
        if token is not None:
            sent.setdefault("Authorization", f"Bearer {token}")
        if content and content_type is not None:
            sent["Content-Type"] = content_type
        request = make_mocked_request(
            method,
            f"{path}?{query}" if query else path,
            headers=sent,
            payload=_payload(content),
            app=self.app,
        )
        response = await self.app._handle(request)
        assert isinstance(response, web.Response)
        await response.prepare(request)
        text = response.body.decode() if isinstance(response.body, bytes) else ""
        return Answer(response.status, text, dict(response.headers))

    async def put_webhook(self, name: str = "webhook01", **properties: object) -> Answer:
        body = webhook_body(**properties)
        answer = await self.request("PUT", self.webhook(name), body)
        assert answer.status == 200, answer.text
        return answer


def webhook_body(**properties: object) -> dict[str, Json]:
    wanted: dict[str, object] = {"serviceUri": "http://example.com/hook", "actions": ["push"]}
    return {"location": "westus", "properties": wanted | properties}


def _payload(content: bytes) -> StreamReader:
    reader = StreamReader(BaseProtocol(asyncio.get_running_loop()), 2**24)
    reader.feed_data(content)
    reader.feed_eof()
    return reader


def _no_reader(_start: Start, _handler: BatchHandler) -> Reader:
    raise AssertionError("nobody follows in these tests")
