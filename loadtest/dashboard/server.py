"""The dashboard's server: a page, its style and script, the events, and the rate control."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal, Self

import msgspec
from aiohttp import web

from portcall.loadtest.dashboard.address import FIELD, HOST, Address
from portcall.loadtest.dashboard.board import Board, Full
from portcall.loadtest.schedule.dial import LEAST, MOST
from portcall.runtime.http.listening import why_not
from portcall.schemas.errors import InvalidValueError

SLOW_S = 10.0
"""A reader that takes nothing for so long is gone."""
LAST_S = 2.0
"""How long the end of a run waits until readers have it."""
MAX_BODY = 1024
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
PAGE = files("portcall.loadtest.dashboard")
REPORT = files("portcall.loadtest.outputs")
CONSOLE = files("portcall.management.console") / "static"
"""Has the chart library, and what the charts of both pages share."""
UPLOT = CONSOLE / "vendor"
DOCUMENTS = (
    ("/", "text/html", (PAGE / "page.html",)),
    (
        "/page.css",
        "text/css",
        (
            REPORT / "report.css",
            UPLOT / "uPlot.min.css",
            CONSOLE / "chart-look.css",
            PAGE / "page.css",
        ),
    ),
    ("/page.js", "text/javascript", (PAGE / "page.js",)),
    ("/plots.js", "text/javascript", (PAGE / "plots.js",)),
    ("/chart-look.js", "text/javascript", (CONSOLE / "chart-look.js",)),
    ("/uPlot.iife.min.js", "text/javascript", (UPLOT / "uPlot.iife.min.js",)),
)
"""Each path with its media type and the files that make its body."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RateChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change of the rate: by a key, or to a multiple of the planned rate."""

    key: Literal["+", "-", "0"] | None = None
    factor: float | None = None


class Dashboard:
    """Serves a board; an asynchronous context manager.

    Args:
        place: Where to listen.

    Attributes:
        board: The board.
        url: The page's address.
    """

    def __init__(self, place: Address) -> None:
        self.board = Board()
        self.url = ""
        self._place = place
        self._runner = web.AppRunner(
            self._app(), access_log=None, handle_signals=False, shutdown_timeout=0.1
        )

    async def __aenter__(self) -> Self:
        """Start to listen.

        Raises:
            InvalidValueError: The address is in use, or not of this machine.
        """
        await self._runner.setup()
        place = self._place
        try:
            await web.TCPSite(self._runner, place.host, place.port).start()
        except (OSError, UnicodeError) as error:
            await self._runner.cleanup()
            raise InvalidValueError(
                FIELD,
                f"cannot listen on {place.words} ({why_not(error)}); give another address,"
                f" such as :0 for any free port of {HOST}",
            ) from error
        # aiohttp's own name for port 0 has no port.
        self.url = place.at(self._runner.addresses[0][1])
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.board.over:
            await self.board.all_read(LAST_S)
        await self._runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=MAX_BODY)
        for path, media_type, parts in DOCUMENTS:
            app.router.add_get(path, _document(media_type, parts))
        app.router.add_get("/events", self._events, allow_head=False)
        app.router.add_post("/rate", self._rate)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        # request.host asks the system's resolver if there is no such header, and blocks.
        if not self._place.admits(request.headers.get("Host", "")):
            return _refused(403, "this page does not have that host name")
        if (request.method == "POST" or request.path == "/events") and not _same_origin(request):
            return _refused(403, "only the page itself may send this request")
        return await handler(request)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={**HEADERS, "Content-Type": "text/event-stream; charset=utf-8"}
        )
        try:
            async with aclosing(self.board.read()) as events:
                async for event in events:
                    async with asyncio.timeout(SLOW_S):
                        if not response.prepared:
                            await response.prepare(request)
                        await response.write(event)
        except Full:
            return _refused(503, "too many pages watch this run already: close one")
        except (TimeoutError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()
        return response

    async def _rate(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return _refused(415, "send application/json")
        try:
            turn = msgspec.json.decode(await request.read(), type=RateChange)
        except msgspec.MsgspecError as error:
            return _refused(400, str(error))
        change = turn.key if turn.key is not None else turn.factor
        if change is None or (turn.key is not None and turn.factor is not None):
            return _refused(400, "send either key (+, - or 0) or factor")
        if not isinstance(change, str) and not LEAST <= change <= MOST:
            return _refused(400, f"factor must be from {LEAST:g} to {MOST:g}")
        try:
            factor = self.board.turn(change)
        except LookupError:
            return _refused(409, "the rate of this run cannot be changed, or not any more")
        return web.Response(
            body=msgspec.json.encode({"factor": factor}),
            content_type="application/json",
            headers=HEADERS,
        )


def _same_origin(request: web.Request) -> bool:
    """Whether no other site sent it: browsers add the origin to every POST; the rest reads."""
    origin = request.headers.get("Origin")
    if origin is not None:
        return origin == f"http://{request.host}"
    return request.headers.get("Sec-Fetch-Site", "none") in {"same-origin", "none"}


def _document(media_type: str, parts: tuple[Traversable, ...]) -> Handler:
    body = b"".join(part.read_bytes() for part in parts)

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=media_type, charset="utf-8", headers=HEADERS)

    return answer


def _refused(status: int, why: str) -> web.Response:
    return web.json_response({"error": why}, status=status, headers=HEADERS)
