"""The console as a whole: users are authenticated, forms checked, and errors become pages."""

from urllib.parse import quote

from aiohttp import web

from portcall.management.app import PRINCIPAL
from portcall.management.console import assets
from portcall.management.console.assets import Assets
from portcall.management.console.forms import read_form
from portcall.management.console.pages import FORM, SESSION, Pages, is_fragment, remember_who, see
from portcall.management.console.session.forgery import FIELD, check_sender
from portcall.management.console.session.sessions import COOKIE, Session, Sessions, give_cookie
from portcall.management.console.signin import SIGN_IN
from portcall.management.http.access import Authenticator, Principal
from portcall.management.http.calls import Call
from portcall.management.http.errors import ArmError
from portcall.management.http.roles import NOBODY
from portcall.management.http.routes import CONSOLE, Routes
from portcall.store.access.principals import Role

_UNATTENDED = "X-Portcall-Poll"
"""A header of requests that pages repeat automatically."""
_SAFE = frozenset({"GET", "HEAD"})


class Console:
    """Answers every request below ``/console``.

    Args:
        routes: Its pages.
        open_routes: Those for people who have not signed in.
        authenticator: Checks tokens.
        sessions: Opens the cookies.
        pages: Renders.
        served: The static files.
    """

    def __init__(
        self,
        *,
        routes: Routes,
        open_routes: Routes,
        authenticator: Authenticator,
        sessions: Sessions,
        pages: Pages,
        served: Assets,
    ) -> None:
        self._routes = routes
        self._open_routes = open_routes
        self._authenticator = authenticator
        self._sessions = sessions
        self._pages = pages
        self._assets = served

    def add_to(self, app: web.Application) -> None:
        """Serve the console on *app*."""
        app.router.add_route("*", CONSOLE, self.handle)
        app.router.add_route("*", f"{CONSOLE}/{{path:(?s:.*)}}", self.handle)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request with a page, whatever happens."""
        try:
            return await self._answered(request)
        except Exception as error:  # noqa: BLE001 (as in `management.app`, but into a page)
            return self._pages.refusal(request, error)

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        path = request.rel_url.raw_path
        session = self._sessions.open(request.cookies.get(COOKIE))
        request[SESSION] = session or self._sessions.begin()
        if path.startswith(assets.PREFIX) and request.method in _SAFE:
            return self._assets.serve(path)
        if request.method not in _SAFE:
            request[FORM] = await read_form(request)
        if self._open_routes.has(path):
            return await self._welcome(request, path, request[SESSION])
        principal = await self._principal_of(session)
        if session is None or principal is None:
            return self._to_sign_in(request)
        return await self._let_in(request, path, session, principal)

    async def _principal_of(self, session: Session | None) -> Principal | None:
        """The signed-in principal, if it still has access."""
        if session is None or not session.token:
            return None
        return await self._authenticator.principal_of(session.token)

    async def _welcome(
        self, request: web.Request, path: str, session: Session
    ) -> web.StreamResponse:
        """Answer a user who has not signed in; the form gets its own session."""
        route, names = self._open_routes.find(_method_of(request), path)
        if request.method not in _SAFE:
            check_sender(request, request[FORM].text(FIELD), session)
        return await route.handler(Call(request, names, NOBODY))

    async def _let_in(
        self, request: web.Request, path: str, session: Session, principal: Principal
    ) -> web.StreamResponse:
        request[PRINCIPAL] = principal.name
        remember_who(request, principal)
        route, names = self._routes.find(_method_of(request), path)
        if request.method not in _SAFE:
            check_sender(request, request[FORM].text(FIELD), session)
        if principal.role is not Role.ADMINISTRATOR and route.need is not Role.READER:
            raise ArmError(
                403,
                "AuthorizationFailed",
                f"Your token has the role {principal.role}: it may look at everything, and"
                " change nothing.",
            )
        response = await route.handler(Call(request, names, principal))
        self._renew(request, response, session)
        return response

    def _renew(self, request: web.Request, response: web.StreamResponse, session: Session) -> None:
        """Extend a session; requests that a page repeats automatically do not."""
        if response.prepared or COOKIE in response.cookies or _UNATTENDED in request.headers:
            return
        if (seen := self._sessions.seen(session)) is not None:
            give_cookie(
                response,
                COOKIE,
                self._sessions.sealed(seen),
                secure=request.secure,
                max_age_s=None,
            )

    def _to_sign_in(self, request: web.Request) -> web.StreamResponse:
        """Redirect to the sign-in page, and back afterwards."""
        if request.headers.get("Accept", "").startswith("text/event-stream"):
            raise ArmError(401, "SignedOut", "Sign in again.")
        if is_fragment(request):
            back = request.headers.get("HX-Current-URL", "").partition(request.host)[2]
            location = f"{SIGN_IN}?next={quote(back, safe='/')}" if back else SIGN_IN
            return self._pages.plain("Sign in again.", 401, {"HX-Redirect": location})
        if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.method == "GET":
            # Browsers do not send the cookie when a user follows a link on another site. A page of
            # ours that reloads itself sends it.
            return self._pages.page(Call(request, {}, NOBODY), "again.html")
        back = request.rel_url.raw_path_qs if request.method == "GET" else _page_of_form(request)
        return see(f"{SIGN_IN}?next={quote(back, safe='/')}")


def _page_of_form(request: web.Request) -> str:
    """The page from which a form was sent, where one comes back to; the overview if not known."""
    page = request.headers.get("Referer", "").partition(f"//{request.host}")[2]
    return page if page.startswith(f"{CONSOLE}/") else CONSOLE


def _method_of(request: web.Request) -> str:
    """The method for the routes: a HEAD is a GET whose body aiohttp does not send."""
    return "GET" if request.method == "HEAD" else request.method
