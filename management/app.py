"""The application: authenticates, routes, answers in ARM's form and logs every request.

It is the only place where an exception becomes an answer. Errors that the caller can correct are a
4xx that names the field, without Retry-After: az and the SDK would repeat the request. Other errors
are a 503 while the store is unreachable, and else a 500 without details, which is logged with its
traceback.
"""

import re
import time
import uuid
from collections.abc import Mapping

from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Handler
from prometheus_client import Counter

from portcall.management.http.access import Authenticator, authenticate
from portcall.management.http.calls import Call, answer
from portcall.management.http.errors import (
    INVALID_CONTENT,
    ArmError,
    FieldFault,
    invalid_content,
    quota_exceeded,
    service_unavailable,
    too_many_failures,
)
from portcall.management.http.lookups import Lookups
from portcall.management.http.roles import NOBODY, authorize
from portcall.management.http.routes import CONSOLE, Routes
from portcall.management.openapi import document as openapi
from portcall.runtime.http.clients import AUTHENTICATED, Throttle, authorization_of, throttling
from portcall.runtime.http.health import Problem, add_health_routes
from portcall.runtime.http.openapi import add_openapi_route
from portcall.runtime.logs import get_logger
from portcall.runtime.metrics import REGISTRY
from portcall.schemas.errors import InvalidValueError
from portcall.store.errors import (
    QuotaExceededError,
    RegistryNotFoundError,
    SealedError,
    StoreUnavailableError,
    UnstorableError,
)

REQUESTS = Counter(
    "portcall_management_requests",
    "Requests to the management API, by method and status.",
    ["method", "status"],
    registry=REGISTRY,
)
PROTOCOL = {
    "max_line_size": 65_536,
    "max_field_size": 65_536,
    "keepalive_timeout": 75.0,
    "lingering_time": 1.0,
}
"""A token or a query that is only a little too long is refused here, in ARM's envelope; aiohttp
answers longer ones itself, with a plain 400. Further data of a refused client is read for a second,
so that the client sees the answer."""

_METHODS = frozenset({"GET", "PUT", "PATCH", "POST", "DELETE", "HEAD", "OPTIONS"})
REQUEST_ID = web.RequestKey("request_id", str)
PRINCIPAL = web.RequestKey("principal", str)
_HEADERS = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "X-Content-Type-Options": "nosniff",
}
_CLIENT_ID = "x-ms-client-request-id"
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,128}")


class Api:
    """Answers all requests except health checks.

    Args:
        routes: The routes.
        open_routes: The routes without authentication.
        authenticator: Checks tokens.
        lookups: Knows the subscription and the group.
    """

    def __init__(
        self,
        *,
        routes: Routes,
        open_routes: Routes,
        authenticator: Authenticator,
        lookups: Lookups,
    ) -> None:
        self._routes = routes
        self._open_routes = open_routes
        self._authenticator = authenticator
        self._lookups = lookups

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Authenticate, find the handler, make the common checks, and call the handler.

        Raises:
            ArmError: Any step refused.
        """
        path = request.rel_url.raw_path
        if path == "/" and _is_browser(request):
            return web.Response(status=303, headers={"Location": CONSOLE})
        if self._open_routes.has(path):
            route, names = self._open_routes.find(request.method, path)
            return await route.handler(Call(request, names, NOBODY))
        principal = await authenticate(authorization_of(request), self._authenticator)
        request[PRINCIPAL] = principal.name
        request[AUTHENTICATED] = True
        route, names = self._routes.find(request.method, path)
        call = Call(request, names, principal)
        self._lookups.check_tenant(call)
        authorize(principal, route, path)
        call.check_api_version()
        self._lookups.check_scope(call)
        return await route.handler(call)


def _is_browser(request: web.Request) -> bool:
    """Whether a person opens the address: API clients do not ask for HTML."""
    return request.method in ("GET", "HEAD") and "text/html" in request.headers.get("Accept", "")


def make_app(
    api: Api, checks: Mapping[str, Problem], throttle: Throttle | None = None
) -> web.Application:
    """The application: health and ``/openapi.json`` for everyone, and the API with a token."""
    throttled = throttling(throttle or Throttle(), _too_many_failures, exempt=is_console)
    app = web.Application(middlewares=[throttled, serve], handler_args=PROTOCOL)
    add_health_routes(app, checks)
    add_openapi_route(app, openapi.encoded())
    app.router.add_route("*", "/{path:(?s:.*)}", api.handle, expect_handler=_expect)
    app.on_response_prepare.append(_add_headers)
    return app


@web.middleware
async def serve(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer one request, whatever happens, and log it in one line."""
    started = time.perf_counter()
    request[REQUEST_ID] = str(uuid.uuid4())
    try:
        response = await handler(request)
    except Exception as error:  # noqa: BLE001 (the one place of this process)
        response = refuse(error, request)
    _say(request, response.status, time.perf_counter() - started)
    return response


def refuse(error: Exception, request: web.Request) -> web.Response:
    """The answer for an *error*."""
    refusal = refusal_of(error, request.method)
    if refusal is None:
        get_logger().error(
            "request.failed", request_id=request[REQUEST_ID], path=request.path, exc_info=error
        )
        refusal = ArmError(
            500,
            "InternalServerError",
            f"Portcall could not answer; its log says more under {request[REQUEST_ID]}.",
        )
    response = answer(refusal.envelope(), refusal.status)
    response.headers.update(refusal.headers)
    if refusal.status in (408, 413):
        response.force_close()  # do not wait for the rest of the body
    return response


def is_console(request: web.Request) -> bool:
    """Whether a page is requested: the console counts failed logins itself."""
    return request.path == CONSOLE or request.path.startswith(f"{CONSOLE}/")


def _too_many_failures() -> web.Response:
    return answer(too_many_failures().envelope(), 429)


def refusal_of(error: Exception, method: str) -> ArmError | None:  # noqa: PLR0911 (a table)
    """The caller's error for *error*; None: it is an internal error."""
    match error:
        case ArmError():
            return error
        case InvalidValueError(field=field, problem=problem):
            return invalid_content([FieldFault(field, problem)])
        case QuotaExceededError(sku=sku, limit=limit):
            return quota_exceeded(sku.value, limit)
        case RegistryNotFoundError():  # deleted after the lookup
            return ArmError(404, "ResourceNotFound", f"{error}.")
        case UnstorableError():
            return ArmError(400, INVALID_CONTENT, f"{error}.")
        case SealedError():
            get_logger().error("secret.unopened", reason=str(error))
            return service_unavailable("An encryption key is missing; Portcall's log says which.")
        case StoreUnavailableError():
            return service_unavailable("The store cannot be reached now.")
        case web.HTTPException(status=status):
            return ArmError(status, error.reason.replace(" ", ""), f"{method}: {error.reason}.")
        case _:
            return None


async def _expect(request: web.Request) -> web.StreamResponse | None:
    """Handle ``Expect: 100-continue``; other expectations are refused."""
    if request.version < HttpVersion11:
        return None
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # like aiohttp: no part of the answer was sent
        return None
    refusal = ArmError(417, "ExpectationFailed", "Expect: only 100-continue is known")
    return answer(refusal.envelope(), 417)


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    request_id = request.get(REQUEST_ID) or str(uuid.uuid4())
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = "Portcall"
    response.headers["x-ms-request-id"] = request_id
    response.headers["x-ms-correlation-request-id"] = _correlation_id(request) or request_id
    client_id = request.headers.get(_CLIENT_ID, "")
    if _wants_its_id(request) and _PRINTABLE.fullmatch(client_id):
        response.headers[_CLIENT_ID] = client_id


def _wants_its_id(request: web.Request) -> bool:
    return request.headers.get("x-ms-return-client-request-id", "").lower() == "true"


def _correlation_id(request: web.Request) -> str:
    try:
        return str(uuid.UUID(request.headers.get("x-ms-correlation-request-id", "")))
    except ValueError:
        return ""


def _say(request: web.Request, status: int, duration_s: float) -> None:
    method = request.method if request.method in _METHODS else "other"
    REQUESTS.labels(method, str(status)).inc()
    if request.path in ("/live", "/ready"):
        return
    get_logger().info(
        "request.served",
        method=method,
        path=request.path[:256],
        status=status,
        duration_ms=round(duration_s * 1000, 1),
        request_id=request[REQUEST_ID],
        principal=request.get(PRINCIPAL, ""),
    )
