"""The console on a socket, and a browser without scripts."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from aiohttp import ClientSession, ClientTimeout, CookieJar, web
from multidict import CIMultiDictProxy
from yarl import URL

from portcall.management.app import Api, make_app
from portcall.management.console.wiring import add_console
from portcall.management.events.follow import Followers, Reader
from portcall.management.explain.explanation import Explaining
from portcall.management.explain.scope_tests import ScopeTests
from portcall.management.http.access import AdministratorToken, Tokens
from portcall.management.http.lookups import Lookups
from portcall.management.http.routes import Routes
from portcall.management.overview.pulse import Pulse
from portcall.runtime.broker.stream import BatchHandler, Start
from portcall.runtime.http.clients import Throttle
from portcall.schemas.events import PublishedEvent, Target, accept
from portcall.schemas.extras import Extras
from portcall.schemas.frames import decode_raw_records, encode_records
from portcall.schemas.records import Detail, Outcome, Record
from portcall.schemas.sources import DEFAULT_PROOFS, Proof, SourceKind
from portcall.schemas.topology import LOG
from portcall.store.access.principals import PrincipalRow, Role, digest_of, new_secret
from portcall.store.bearers import Bearers
from portcall.store.engine import Store
from portcall.store.sources.rows import SourceDraft
from tests.integration.console.document import Element, parse
from tests.unit.management.api import FakeBox, FakePublisher, ManagementApi

TOKEN = "an-administrators-token"  # noqa: S105 (of the tests alone)
PUSHED_MS = 1_700_000_000_000
CONSOLE = "/console"
ALPHA = f"{CONSOLE}/registries/Alpha"
HOOK = f"{ALPHA}/webhooks/Hook01"
SOURCE = f"{ALPHA}/sources/harbor"
PRODUCER_URL = "https://events.example.com"
SECRET = "a-secret-of-harbor"  # noqa: S105 (of the tests alone)


@dataclass
class Page:
    status: int
    text: str
    headers: CIMultiDictProxy[str]
    cookies: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def root(self) -> Element:
        return parse(self.text)

    @property
    def said(self) -> str:
        """What a person reads."""
        return self.root.text

    @property
    def location(self) -> str:
        return self.headers["Location"]

    def problem(self, name: str) -> str:
        """What stands beside a field."""
        return self.root.by_id(f"{name}-problem").text


class Browser:
    """Keeps cookies, follows no redirect by itself, sends forms with the session's token."""

    def __init__(self, client: ClientSession) -> None:
        self.client = client
        self.csrf = ""

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        data: object = None,
    ) -> Page:
        async with self.client.request(
            method, path, headers=headers, cookies=cookies, data=data, allow_redirects=False
        ) as answer:
            text = await answer.text()
            page = Page(answer.status, text, answer.headers, dict(answer.cookies))
        if found := re.search(r'name="csrf" value="([^"]+)"', text):
            self.csrf = found[1]
        return page

    async def get(self, path: str, **headers: str) -> Page:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.ask("GET", path, headers=named)

    async def client_get(self, path: str, **query: str) -> Page:
        return await self.ask("GET", str(URL(path).with_query(query)))

    async def post(
        self,
        path: str,
        form: Mapping[str, object] | None = None,
        *,
        csrf: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        pairs = [("csrf", self.csrf if csrf is None else csrf)]
        for name, value in (form or {}).items():
            pairs += [(name, str(each)) for each in (value if isinstance(value, list) else [value])]
        return await self.ask("POST", path, headers=headers, data=pairs)

    async def follow(self, page: Page) -> Page:
        """Go where a form's answer leads."""
        assert page.status == 303, page.text
        return await self.get(page.location)

    async def sign_in(self, token: str = TOKEN) -> "Browser":
        await self.get(f"{CONSOLE}/sign-in")
        entered = await self.post(f"{CONSOLE}/sign-in", {"token": token})
        assert entered.status == 303, entered.text
        await self.get(f"{CONSOLE}/registries")
        return self


@dataclass
class Site:
    """The console, served."""

    url: str
    store: Store
    publisher: FakePublisher
    browser: Browser
    throttle: Throttle
    routes: Routes
    box: FakeBox
    pulse: Pulse
    lookups: Lookups

    @asynccontextmanager
    async def stranger(self) -> AsyncIterator[Browser]:
        """Another browser, without cookies."""
        async with _client(self.url) as client:
            yield Browser(client)

    def deliver(
        self,
        event_id: str,
        detail: Detail,
        *,
        media_type: str = "",
        extras: Extras | None = None,
        outcome: Outcome = Outcome.DELIVERED,
    ) -> int:
        """Enter a push of team/app:v1 that Hook01 got, and give Hook01's id."""
        row = self.store.webhooks.get("alpha", "Hook01")
        assert row is not None
        event = accept(
            PublishedEvent("push", Target(repository="team/app", tag="v1", media_type=media_type)),
            registry="alpha",
            new_id=event_id,
            now_ms=PUSHED_MS,
            now="2023-11-14T22:13:20.0000000Z",
            extras=extras,
        )
        record = Record(
            event=0,
            webhook_id=row.id,
            attempt=1,
            outcome=outcome,
            status=200 if outcome is Outcome.DELIVERED else 500,
            started_ms=PUSHED_MS,
            duration_us=1000,
            detail=detail,
        )
        frame = decode_raw_records(encode_records("pushed", [event], [record]))
        self.store.eventlog.append(LOG, self.store.eventlog.position(LOG), [(1, frame)])
        return row.id

    def add_source(self, name: str = "harbor", kind: SourceKind = SourceKind.HARBOR) -> None:
        """Add a source to Alpha, with the kind's usual proof."""
        proof = DEFAULT_PROOFS[kind]
        secret = "" if proof is Proof.OIDC else SECRET
        draft = SourceDraft(kind, proof, {}, ("203.0.113.0/24",), secret)
        self.store.sources.put("alpha", name, lambda _before, _present: draft)

    def principal(self, role: Role, registry: str = "") -> tuple[PrincipalRow, str]:
        secret = new_secret()
        row = self.store.principals.create(
            f"a-{role.value}", role=role, digest=digest_of(secret), registry=registry
        )
        return row, secret


def _client(url: str) -> ClientSession:
    return ClientSession(url, cookie_jar=CookieJar(unsafe=True), timeout=ClientTimeout(total=20))


def _no_reader(_start: Start, _handler: BatchHandler) -> Reader:
    raise AssertionError("nobody follows in these tests")


@asynccontextmanager
async def serving(store: Store) -> AsyncIterator[Site]:
    """Serve the console over *store*, which has a registry ``Alpha``."""
    made = ManagementApi(store)
    lookups = made.lookups
    tokens = Tokens(AdministratorToken(TOKEN), Bearers(store, made.installation.tenant))
    api = Api(
        routes=made.routes, open_routes=made.open_routes, authenticator=tokens, lookups=lookups
    )
    throttle = Throttle()
    app = make_app(api, {}, throttle)
    routes = add_console(
        app,
        api=made.routes,
        authenticator=tokens,
        lookups=lookups,
        throttle=throttle,
        store=store,
        followers=Followers(_no_reader),
        pulse=made.pulse,
        explaining=Explaining(store, (10_000,)),
        scopes=ScopeTests(store),
        producer_url=PRODUCER_URL,
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with _client(url) as client:
            yield Site(
                url,
                store,
                made.publisher,
                Browser(client),
                throttle,
                routes,
                made.box,
                made.pulse,
                lookups,
            )
    finally:
        await runner.cleanup()
