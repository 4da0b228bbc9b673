"""The health server of a role: ``/live``, ``/ready`` with reasons, and ``/metrics``.

A problem makes a role not ready. A warning does not: nothing is broken yet, and taking the role out
of service for it would break something.
"""

from collections.abc import Callable, Mapping, Sequence

from aiohttp import web

from portcall.runtime import metrics

Problem = Callable[[], str | None]
Several = Callable[[], Mapping[str, str]]
"""Problems whose names are not known in advance: texts by name."""
REFUSED_AGAIN = "refused"
"""Prefix of a warning that requests are refused repeatedly: then a code and a registry."""


def problems_of(checks: Mapping[str, Problem]) -> dict[str, str]:
    """The problems that keep the process from being ready, by the name of the check."""
    found = {name: check() for name, check in checks.items()}
    return {name: problem for name, problem in found.items() if problem}


def add_health_routes(
    app: web.Application,
    checks: Mapping[str, Problem],
    warnings: Mapping[str, Problem] | None = None,
    several: Sequence[Several] = (),
    notes: Mapping[str, Problem] | None = None,
) -> None:
    """Serve ``/live`` and ``/ready`` on *app*: 200, or 503 with the reasons.

    With warnings it is still 200, and the status is ``degraded``. Notes change neither of them.
    """

    async def live(_request: web.Request) -> web.Response:
        return web.json_response({"status": "live"})

    async def ready(_request: web.Request) -> web.Response:
        problems = problems_of(checks)
        if problems:
            return web.json_response({"status": "not ready", "problems": problems}, status=503)
        noted = problems_of(notes or {})
        more_to_say = {"notes": noted} if noted else {}
        warned = problems_of(warnings or {})
        for more in several:
            warned |= more()
        if warned:
            return web.json_response({"status": "degraded", "warnings": warned} | more_to_say)
        return web.json_response({"status": "ready"} | more_to_say)

    app.router.add_get("/live", live)
    app.router.add_get("/ready", ready)


def health_app(
    checks: Mapping[str, Problem],
    warnings: Mapping[str, Problem] | None = None,
    several: Sequence[Several] = (),
    notes: Mapping[str, Problem] | None = None,
    *,
    exemplars: bool = False,
) -> web.Application:
    """The application that serves a role's health; *exemplars*: whether its metrics have some."""

    async def show_metrics(request: web.Request) -> web.Response:
        accept = ",".join(request.headers.getall("Accept", [])) if exemplars else ""
        body, content_type = metrics.exposition(accept)
        return web.Response(body=body, headers={"Content-Type": content_type})

    app = web.Application()
    add_health_routes(app, checks, warnings, several, notes)
    app.router.add_get("/metrics", show_metrics)
    return app
