"""Pages: rendered on the server, with a policy that lets browsers run our files and no others."""

from collections.abc import Mapping

import jinja2
from aiohttp import web

from portcall.management.app import REQUEST_ID, refusal_of
from portcall.management.console import words
from portcall.management.console.assets import Assets
from portcall.management.console.forms import Form
from portcall.management.console.session.notices import Notices
from portcall.management.console.session.sessions import Session
from portcall.management.http.access import Principal
from portcall.management.http.calls import Call
from portcall.management.http.errors import ArmError
from portcall.management.http.roles import NOBODY
from portcall.management.http.routes import CONSOLE
from portcall.runtime.clock import now_ms
from portcall.runtime.logs import get_logger
from portcall.store.access.principals import Role

SESSION = web.RequestKey("session", Session)
FORM = web.RequestKey("form", Form)
_WHO = web.RequestKey("who", Principal)

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with none at all, browsers hide a form's origin from us
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_TITLES = {
    400: "That cannot be done",
    401: "Signed out",
    403: "Not allowed",
    404: "Not found",
    405: "Not found",
    409: "Not now",
    429: "Wait a little",
    503: "Not available now",
}


class Pages:
    """Renders templates.

    Args:
        served: Knows where the files are that pages refer to.
        notices: Knows what is to be said once.
    """

    def __init__(self, served: Assets, notices: Notices) -> None:
        self._notices = notices
        self._environment = jinja2.Environment(
            loader=jinja2.PackageLoader("portcall.management.console"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.do"],
        )
        self._environment.globals |= {"asset": served.url, "console": CONSOLE, "words": words}
        self._environment.filters |= {
            "moment": words.moment,
            "exact": words.exact,
            "ms": words.milliseconds,
            "percent": words.percent,
            "rate": words.rate,
            "count": words.count,
            "pretty": words.pretty,
            "sentence": words.sentence,
        }

    def page(
        self, call: Call, template: str, /, status: int = 200, **values: object
    ) -> web.Response:
        """A page, or a part of one.

        Args:
            call: Who asked.
            template: Its file's name.
            status: The HTTP status.
            **values: What the template shows.
        """
        request = call.request
        session = request[SESSION]
        notice = None if is_fragment(request) else self._notices.read(request, session)
        text = self._environment.get_template(template).render(
            me=call.principal,
            can_change=call.principal.role is Role.ADMINISTRATOR,
            csrf=session.csrf,
            path=request.path,
            now=now_ms(),
            notice=notice,
            **values,
        )
        response = web.Response(text=text, status=status, content_type="text/html")
        response.headers.update(HEADERS)
        if notice is not None:
            self._notices.forget(request, response)
        return response

    def text_of(self, template: str, /, **values: object) -> str:
        """A part of a page that goes out by a stream; it knows no forms."""
        return self._environment.get_template(template).render(now=now_ms(), **values)

    def plain(self, text: str, status: int, headers: Mapping[str, str]) -> web.Response:
        """A line of text, for a script of ours."""
        response = web.Response(text=text, status=status)
        response.headers.update(HEADERS)
        response.headers.update(headers)
        return response

    def refusal(self, request: web.Request, error: Exception) -> web.Response:
        """What *error* means to a person."""
        refusal = refusal_of(error, request.method)
        if refusal is None:
            identity = request[REQUEST_ID]
            get_logger().error(
                "request.failed", request_id=identity, path=request.path, exc_info=error
            )
            refusal = ArmError(
                500, "InternalServerError", f"Portcall's log says more under {identity}."
            )
        if is_fragment(request):
            return self.plain(refusal.message, refusal.status, {})
        response = self.page(
            Call(request, {}, request.get(_WHO, NOBODY)),
            "refusal.html",
            refusal.status,
            title=_TITLES.get(refusal.status, "Something went wrong"),
            message=refusal.message,
            code=refusal.code,
        )
        if refusal.status in (408, 413):
            response.force_close()  # the rest of the body is not waited for
        return response


def remember_who(request: web.Request, principal: Principal) -> None:
    """Note who asks, for the page that a refusal becomes."""
    request[_WHO] = principal


def is_fragment(request: web.Request) -> bool:
    """Whether a script of a page asks for a part of it, not a person for a page."""
    return request.headers.get("HX-Request") == "true"


def see(location: str) -> web.Response:
    """Go there: the answer to a form that was carried out."""
    return web.Response(status=303, headers=HEADERS | {"Location": location})
