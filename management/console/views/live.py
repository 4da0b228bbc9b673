"""Live rows: new records of a webhook or a registry, pushed to an open page.

At a thousand deliveries a second rows are unreadable: a page gets only the newest at a slow pace,
and the number of the others.
"""

import asyncio
import json

from aiohttp import web

from portcall.management.console.desk import WEBHOOK, Desk
from portcall.management.console.pages import HEADERS, SESSION
from portcall.management.console.session.sessions import Session, Sessions
from portcall.management.console.views.folding import folded
from portcall.management.events.follow import Followers
from portcall.management.events.watching import Audience, Update, Watcher
from portcall.management.http.access import Authenticator
from portcall.management.http.calls import Call
from portcall.management.http.routes import Routes
from portcall.store.webhooks.registries import Registry
from portcall.store.webhooks.row import VisibleWebhook

ROWS = 12
"""Rows of one update: as many as fit on a screen."""
PACE_S = 1.0
LOOKED_AFTER_S = 5.0
"""How often a stream checks its session, and sends a sign of life."""
WRITE_TIMEOUT_S = 15.0


class Live:
    """The streams of pages.

    Args:
        desk: Shared by all pages.
        followers: Watchers of the stream of records.
        sessions: Knows when a session ends.
        authenticator: Knows whether its token is still valid.
    """

    def __init__(
        self,
        *,
        desk: Desk,
        followers: Followers,
        sessions: Sessions,
        authenticator: Authenticator,
    ) -> None:
        self._desk = desk
        self._followers = followers
        self._sessions = sessions
        self._authenticator = authenticator

    def add_to(self, routes: Routes) -> None:
        """Add the route."""
        routes.add("GET", f"{WEBHOOK}/live", self.webhook)

    async def webhook(self, call: Call) -> web.StreamResponse:
        """GET the new records of a webhook: server-sent events with rows."""
        registry = await self._desk.lookups.registry(call)
        webhook = await self._desk.lookups.webhook(call)
        watcher = await self._followers.watch(
            Audience(registry=registry.key, webhook_id=webhook.id)
        )
        response = web.StreamResponse(
            headers=HEADERS
            | {"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
        )
        try:
            await response.prepare(call.request)
            await self._tell(call, response, watcher, registry, webhook)
        except TimeoutError:
            if call.request.transport is not None:
                call.request.transport.abort()  # otherwise closing would wait for the client, too
        except ConnectionError:
            pass  # the client left
        finally:
            self._followers.unwatch(watcher)
        return response

    async def _tell(
        self,
        call: Call,
        response: web.StreamResponse,
        watcher: Watcher,
        registry: Registry,
        webhook: VisibleWebhook,
    ) -> None:
        """Write updates until there are no more, or the session ends."""
        await _write(response, b": watching\n\n")
        loop = asyncio.get_running_loop()
        looked_at = loop.time()
        session = call.request[SESSION]
        while True:
            is_due = loop.time() - looked_at >= LOOKED_AFTER_S
            if self._sessions.is_over(session) or (is_due and not await self._goes_on(session)):
                await _write(response, b"event: end\ndata: signed out\n\n")
                return
            if is_due:
                looked_at = loop.time()
            try:
                update = await self._next(watcher, session)
            except TimeoutError:
                if self._sessions.is_over(session):
                    continue
                await _write(response, b": here\n\n")
                continue
            if update is None:
                await _write(response, f"event: end\ndata: {watcher.farewell}\n\n".encode())
                return
            await _write(response, self._event(update, registry, webhook))

    async def _next(self, watcher: Watcher, session: Session) -> Update | None:
        """The next update.

        Raises:
            TimeoutError: There was none for a while, or the session has ended.
        """
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(LOOKED_AFTER_S) as limit:
            with self._sessions.telling(session, lambda: limit.reschedule(loop.time())):
                return await watcher.next(limit=ROWS, pace_s=PACE_S)

    async def _goes_on(self, session: Session) -> bool:
        """Whether the token that it signed in with is still valid."""
        return await self._authenticator.principal_of(session.token) is not None

    def _event(self, update: Update, registry: Registry, webhook: VisibleWebhook) -> bytes:
        """An update as a server-sent event; JSON, so that no line break ends it early."""
        rows = self._desk.pages.text_of(
            "record-rows.html",
            lines=folded(update.lines),
            registry=registry,
            webhook=webhook,
            is_live=True,
        )
        told = {
            "rows": rows,
            "left_out": update.left_out,
            "attempts": update.attempts,
            "succeeded": update.succeeded,
        }
        return f"event: rows\ndata: {json.dumps(told)}\n\n".encode()


async def _write(response: web.StreamResponse, data: bytes) -> None:
    async with asyncio.timeout(WRITE_TIMEOUT_S):
        await response.write(data)
