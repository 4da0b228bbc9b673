"""The producer's HTTP: its paths, and one form for every error.

Whatever is wrong is answered with ``{"error": {"code", "message"}}``; the message names the field.
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware

from portcall.producer import openapi
from portcall.producer.http.errors import RequestRefusedError
from portcall.producer.http.refusals import Refusal, Refusing
from portcall.producer.ingest import Ingest
from portcall.runtime.http.clients import Throttle, throttling
from portcall.runtime.http.health import Problem, add_health_routes
from portcall.runtime.http.openapi import add_openapi_route
from portcall.runtime.http.serving import UNREAD, Unread
from portcall.runtime.logs import get_logger
from portcall.schemas.errors import InvalidValueError

PROTOCOL = {"auto_decompress": False, "keepalive_timeout": 75.0, "lingering_time": 1.0}
"""Bodies are not unpacked (a small one can become a huge one); an idle client is let go; what a
refused client goes on sending is read for a second, so that it gets to see the answer."""

CODE = web.ResponseKey("code", str)
REASON = web.ResponseKey("reason", str)
"""What an answer with an error says, for those who count."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(
    ingest: Ingest,
    checks: Mapping[str, Problem],
    throttle: Throttle | None = None,
    refusing: Refusing | None = None,
) -> web.Application:
    """The application: both ways in, ``/live`` and ``/ready``, and ``/openapi.json``.

    Args:
        ingest: Takes the events in.
        checks: What ``/ready`` looks at.
        throttle: Puts off who fails to authenticate too often.
        refusing: Is told of every request that is refused.
    """
    refusals = refusing or Refusing(ingest.knows)
    throttled = throttling(throttle or Throttle(), _too_many_failures)
    middlewares = [_noting(refusals), throttled, _answer_errors]
    app = web.Application(middlewares=middlewares, handler_args=PROTOCOL)
    app[UNREAD] = lambda unread: refusals.note(_of_unread(unread))
    for path, handler in (
        (openapi.NOTIFICATIONS, ingest.take_notifications),
        (openapi.EVENTS, ingest.take_events),
    ):
        app.router.add_post(path, handler, expect_handler=_go_on)
    add_health_routes(app, checks)
    add_openapi_route(app, openapi.encoded())
    return app


async def _go_on(_request: web.Request) -> None:
    """Leave ``Expect: 100-continue`` to whoever reads the body: the rest may be refused first."""


def _noting(refusals: Refusing) -> Middleware:
    """A middleware, to be the first, that notes what the others refuse."""

    @web.middleware
    async def note(request: web.Request, handler: Handler) -> web.StreamResponse:
        answer = await handler(request)
        if CODE in answer:
            refusals.note(Refusal(answer.status, answer[CODE], answer[REASON], request.path))
        return answer

    return note


def _of_unread(unread: Unread) -> Refusal:
    """A refusal by the server itself; the code is the one in its answer."""
    code = HTTPStatus(unread.status).phrase.replace(" ", "")
    return Refusal(unread.status, code, unread.problem, unread.target.partition("?")[0])


_NO_SUCH_PATH = (
    "there is no such path; a registry sends to /registries/NAME/notifications, and events of your"
    " own go to /registries/NAME/events"
)


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except InvalidValueError as error:
        return _error(400, "InvalidRequest", str(error))
    except RequestRefusedError as error:
        response = _error(error.status, error.code, str(error), error.headers)
        if error.closes:
            response.force_close()
        return response
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        message = f"{request.method} is not allowed here; use {allowed}"
        return _error(405, "MethodNotAllowed", message, {hdrs.ALLOW: allowed})
    except web.HTTPException as error:
        code = error.reason.replace(" ", "")
        problem = _NO_SUCH_PATH if isinstance(error, web.HTTPNotFound) else error.reason
        return _error(error.status, code, f"{request.path[:100]}: {problem}")
    except Exception:  # noqa: BLE001 (the process's one place for its own faults)
        get_logger().exception("request.failed", path=request.path)
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
