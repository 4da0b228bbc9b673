"""The producer's HTTP: its paths, and one form for every error.

Whatever is wrong is answered with ``{"error": {"code", "message"}}``; the message names the field.
"""

import json
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import hdrs, web
from prometheus_client import Counter

from producer import openapi
from producer.errors import RequestRefusedError
from producer.ingest import Ingest
from runtime.clients import Throttle, throttling
from runtime.health import Problem, add_health_routes
from runtime.logs import get_logger
from runtime.metrics import REGISTRY
from runtime.openapi import add_openapi_route
from schemas.errors import InvalidValueError

REFUSED = Counter(
    "portcall_producer_refused_requests",
    "Requests answered with an error, by its code.",
    ["code"],
    registry=REGISTRY,
)
PROTOCOL = {"auto_decompress": False, "keepalive_timeout": 75.0, "lingering_time": 1.0}
"""Bodies are not unpacked (a small one can become a huge one); an idle client is let go; what a
refused client goes on sending is read for a second, so that it gets to see the answer."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(
    ingest: Ingest, checks: Mapping[str, Problem], throttle: Throttle | None = None
) -> web.Application:
    """The application: both ways in, ``/live`` and ``/ready``, and ``/openapi.json``.

    Args:
        ingest: Takes the events in.
        checks: What ``/ready`` looks at.
        throttle: Puts off who fails to authenticate too often.
    """
    throttled = throttling(throttle or Throttle(), _too_many_failures)
    app = web.Application(middlewares=[throttled, _answer_errors], handler_args=PROTOCOL)
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


@web.middleware
async def _answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except InvalidValueError as error:
        return _error(request, 400, "InvalidRequest", str(error))
    except RequestRefusedError as error:
        response = _error(request, error.status, error.code, str(error), error.headers)
        if error.closes:
            response.force_close()
        return response
    except web.HTTPMethodNotAllowed as error:
        allowed = ", ".join(sorted(error.allowed_methods))
        message = f"{request.method} is not allowed here; use {allowed}"
        return _error(request, 405, "MethodNotAllowed", message, {hdrs.ALLOW: allowed})
    except web.HTTPException as error:
        code = error.reason.replace(" ", "")
        return _error(request, error.status, code, f"{request.path[:100]}: {error.reason}")
    except Exception:  # noqa: BLE001 (the process's one place for its own faults)
        get_logger().exception("request.failed", path=request.path)
        return _error(request, 500, "InternalError", "this is a fault of the producer; see its log")


def _too_many_failures() -> web.Response:
    REFUSED.labels("TooManyRequests").inc()
    message = "too many requests of your address had no good token; wait a little"
    return _json_error(429, "TooManyRequests", message)


def _error(
    request: web.Request,
    status: int,
    code: str,
    message: str,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    REFUSED.labels(code).inc()
    say = get_logger().warning if status >= 500 else get_logger().info
    say("request.refused", path=request.path, status=status, code=code, reason=message)
    return _json_error(status, code, message, headers)


def _json_error(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    return web.Response(
        body=json.dumps({"error": {"code": code, "message": message}}).encode(),
        status=status,
        content_type="application/json",
        headers=headers,
    )
