"""The producer's HTTP: its paths, and one form for all errors.

Every error is answered with ``{"error": {"code", "message"}}``; the message names the field.
"""

import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from portcall.producer import openapi
from portcall.producer.http.errors import RequestRefusedError
from portcall.producer.http.paths import NAMED, SECRET_SOURCE, SOURCE, shown_path
from portcall.producer.http.refusals import Refusal, Refusing
from portcall.producer.ingest import AGAIN, Again, Ingest
from portcall.producer.sources.intake import SourceIntake
from portcall.runtime.http.clients import Throttle, throttling
from portcall.runtime.http.health import Problem, add_health_routes
from portcall.runtime.http.openapi import add_openapi_route
from portcall.runtime.http.repeats import REPETITION, Plain
from portcall.runtime.http.serving import FIND, UNREAD, Find, Unread
from portcall.runtime.logs import get_logger
from portcall.schemas.errors import InvalidValueError

PROTOCOL = {"auto_decompress": False, "keepalive_timeout": 75.0, "lingering_time": 1.0}
"""Bodies are not decompressed (a small one can become huge); idle clients are disconnected; further
data of a refused client is read for a second, so that it sees the answer."""

CODE = web.ResponseKey("code", str)
REASON = web.ResponseKey("reason", str)
"""The text of an error answer, for the counters."""

REPEATED_S = 60.0
"""How long requests with a repeated head are not parsed; then one is."""
_OF_A_REGISTRY = re.compile(r"/registries/(?P<registry>[A-Za-z0-9]+)/(?P<path>[a-z]+)")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(
    ingest: Ingest,
    checks: Mapping[str, Problem],
    throttle: Throttle | None = None,
    refusing: Refusing | None = None,
    sources: SourceIntake | None = None,
) -> web.Application:
    """The application: the paths for events, ``/live`` and ``/ready``, and ``/openapi.json``.

    Args:
        ingest: Handles the events.
        checks: The checks of ``/ready``.
        throttle: Refuses clients that fail to authenticate too often.
        refusing: Notes all refused requests.
        sources: Handles what sources send; None: there are no such paths.
    """
    refusals = refusing or Refusing(ingest.knows)
    throttle = throttle or Throttle()
    throttled = throttling(throttle, _too_many_failures)
    middlewares = [_noting(refusals, throttle), throttled, _answer_errors]
    app = web.Application(middlewares=middlewares, handler_args=PROTOCOL)
    app[UNREAD] = lambda unread: refusals.note(_of_unread(unread))
    takers = {
        openapi.NOTIFICATIONS: ingest.take_notifications,
        openapi.EVENTS: ingest.take_events,
    }
    for path, handler in takers.items():
        app.router.add_post(path, handler, expect_handler=_go_on)
    app[FIND] = _finding(takers, middlewares)
    if sources is not None:
        for path in (SOURCE, SECRET_SOURCE):
            app.router.add_post(path, sources.take, expect_handler=_go_on)
            app.router.add_options(path, sources.ask)
    add_health_routes(app, checks)
    add_openapi_route(app, openapi.encoded())
    return app


def _finding(takers: Mapping[str, Handler], middlewares: Sequence[Middleware]) -> Find:
    """Finds the handlers of paths of a registry whose name is written without escapes."""
    found: dict[str, Handler] = {}
    for path, taker in takers.items():
        handler = taker
        for middleware in reversed(middlewares):
            handler = partial(middleware, handler=handler)
        found[path.rpartition("/")[2]] = handler

    def find(request: web.Request) -> Handler | None:
        match = _OF_A_REGISTRY.fullmatch(request.raw_path)
        if match is None or request.method != hdrs.METH_POST:
            return None
        handler = found.get(match["path"])
        if handler is not None:
            request[NAMED] = match["registry"]
        return handler

    return find


async def _go_on(_request: web.Request) -> None:
    """Leave ``Expect: 100-continue`` to the reader of the body: other checks may refuse first."""


def _noting(refusals: Refusing, throttle: Throttle) -> Middleware:
    """A middleware, to be the first: it notes refusals of the others, and what may be repeated."""

    @web.middleware
    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        if CODE in answer:
            refusals.note(_refusal(answer, request.path, request.remote or ""))
        elif AGAIN in answer:
            answer[REPETITION] = _Repeated(answer[AGAIN], request.path, throttle, refusals)
        return answer

    return note


class _Repeated:
    """What the middlewares do for requests with a repeated head.

    Now and then such a request is parsed, which notes that its token is good.
    """

    def __init__(self, again: Again, path: str, throttle: Throttle, refusals: Refusing) -> None:
        self._until = time.monotonic() + REPEATED_S
        self._again = again
        self._path = path
        self._throttle = throttle
        self._refusals = refusals

    def admits(self, client: str) -> bool:
        return (
            time.monotonic() < self._until
            and not self._throttle.refuses(client)
            and self._again.admits()
        )

    async def answer(self, body: bytes, peer: str) -> Plain | web.Response:
        try:
            return Plain(202, await self._again.take(body))
        except Exception as error:  # noqa: BLE001 (as in `_answer_errors`)
            answer = _answer_to(error, hdrs.METH_POST, self._path)
        self._refusals.note(_refusal(answer, self._path, peer))
        return answer


def _refusal(answer: web.StreamResponse, path: str, peer: str) -> Refusal:
    return Refusal(answer.status, answer[CODE], answer[REASON], shown_path(path), peer)


def _of_unread(unread: Unread) -> Refusal:
    """A refusal by the server itself; the code is the one in its answer."""
    code = HTTPStatus(unread.status).phrase.replace(" ", "")
    target = shown_path(unread.target.partition("?")[0])
    return Refusal(unread.status, code, unread.problem, target)


_NO_SUCH_PATH = (
    "there is no such path; a registry sends to /registries/NAME/notifications, and events of your"
    " own go to /registries/NAME/events; a source's own address is printed when it is created"
)


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Exception as error:  # noqa: BLE001 (the process's one place for its own faults)
        return _answer_to(error, request.method, request.path)


def _answer_to(error: Exception, method: str, path: str) -> web.Response:
    """The answer to a request that failed."""
    match error:
        case InvalidValueError():
            return _error(400, "InvalidRequest", str(error))
        case RequestRefusedError():
            response = _error(error.status, error.code, str(error), error.headers)
            if error.closes:
                response.force_close()
            return response
        case web.HTTPMethodNotAllowed():
            allowed = ", ".join(sorted(error.allowed_methods))
            message = f"{method} is not allowed here; use {allowed}"
            return _error(405, "MethodNotAllowed", message, {hdrs.ALLOW: allowed})
        case web.HTTPException():
            code = error.reason.replace(" ", "")
            problem = _NO_SUCH_PATH if isinstance(error, web.HTTPNotFound) else error.reason
            return _error(error.status, code, f"{shown_path(path)[:100]}: {problem}")
        case _:
            get_logger().error("request.failed", path=shown_path(path), exc_info=error)
            return _error(500, "InternalError", "this is a fault of the producer; see its log")


def _too_many_failures() -> web.Response:
    message = "too many requests of your address had no good token; wait a little"
    return _error(429, "TooManyRequests", message)


def _error(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    answer = web.Response(
        body=json.dumps({"error": {"code": code, "message": message}}).encode(),
        status=status,
        content_type="application/json",
        headers=headers,
    )
    answer[CODE], answer[REASON] = code, message
    return answer
