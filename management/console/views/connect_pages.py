"""Connecting a registry: where it sends, as whom, and whether its first event has come."""

import asyncio
from urllib.parse import urlsplit

from aiohttp import web

from portcall.management.console.desk import REGISTRY, Desk, registry_path
from portcall.management.console.pages import FORM
from portcall.management.http.calls import Call
from portcall.management.http.errors import ArmError
from portcall.management.http.routes import Routes
from portcall.management.login.tokens import PATH as TOKENS
from portcall.runtime.settings import is_loopback
from portcall.store.access.principals import Role
from portcall.store.journal.noted import NotedEvent
from portcall.store.webhooks.registries import Registry

PRODUCER = "https://PRODUCER"
"""Stands for the producer's address where it is not known."""
SECRET = "SECRET"  # noqa: S105 (stands for one)
CONFIGURATION = """\
notifications:
  endpoints:
    - name: portcall
      url: {url}
      headers:
        Authorization: [Bearer {secret}]
      timeout: 5s
      threshold: 5
      backoff: 1s
"""
"""What docker's registry needs in its configuration."""


class ConnectPages:
    """The page that connects a registry.

    Args:
        desk: Shared by all pages.
        producer_url: Where senders reach the producer; empty: not known.
    """

    def __init__(self, *, desk: Desk, producer_url: str) -> None:
        self._desk = desk
        self._producer_url = producer_url

    def add_to(self, routes: Routes) -> None:
        """Add the routes."""
        routes.add("GET", f"{REGISTRY}/connect", self.page)
        routes.add("GET", f"{REGISTRY}/connect/state", self.state)
        routes.add("POST", f"{REGISTRY}/connect", self.create)

    async def page(self, call: Call) -> web.Response:
        """GET the steps, with the secret of a token that was created just now."""
        registry = await self._desk.lookups.registry(call)
        return await self._shown(call, registry)

    async def state(self, call: Call) -> web.Response:
        """GET whether an event has come: the part that refreshes itself."""
        registry = await self._desk.lookups.registry(call)
        return self._desk.pages.page(
            call, "connect-state.html", registry=registry, last=await self._last(registry)
        )

    async def create(self, call: Call) -> web.Response:
        """POST to create a token for the registry's events; the next page shows it once."""
        registry = await self._desk.lookups.registry(call)
        name = call.request[FORM].line("name")
        body = {"name": name, "role": Role.PUBLISHER.value, "registry": registry.name}
        try:
            made = await self._desk.inner.ask(call, "POST", TOKENS, body)
        except ArmError as error:
            if error.status not in (400, 409):
                raise
            return await self._shown(call, registry, error.status, error.message, name)
        return self._desk.done(
            call,
            f"{registry_path(registry.name)}/connect",
            f"The token {name} was created. It is shown only now, here and in the lines below:",
            secret=made["clientSecret"],
        )

    async def _shown(
        self, call: Call, registry: Registry, status: int = 200, problem: str = "", name: str = ""
    ) -> web.Response:
        url = f"{self._producer_url or PRODUCER}/registries/{registry.name}/notifications"
        return self._desk.pages.page(
            call,
            "connect.html",
            status,
            registry=registry,
            url=url,
            configuration=CONFIGURATION,
            is_known=bool(self._producer_url),
            is_local=is_loopback(urlsplit(url).hostname or ""),
            last=await self._last(registry),
            problem=problem,
            name=name or f"{registry.key}-events",
        )

    async def _last(self, registry: Registry) -> NotedEvent | None:
        """The last event of the registry; None: none has come yet."""
        found = await asyncio.to_thread(self._desk.store.journal.newest, registry.key, 1)
        return found[0] if found else None
