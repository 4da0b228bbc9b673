"""Signing in with a token, and out again."""

import re

from aiohttp import web

from portcall.management.console.pages import FORM, SESSION, Pages, see
from portcall.management.console.session.links import PREFIX, LinkError, Links
from portcall.management.console.session.sealing import MAX_SEALED
from portcall.management.console.session.sessions import COOKIE, Sessions, give_cookie, take_cookie
from portcall.management.http.access import Authenticator, Principal
from portcall.management.http.calls import Call
from portcall.management.http.errors import too_many_failures
from portcall.management.http.routes import CONSOLE, Routes
from portcall.runtime.http.clients import THROTTLED, Throttle, client_of
from portcall.runtime.logs import get_logger
from portcall.store.access.principals import Role

SIGN_IN = f"{CONSOLE}/sign-in"
SIGN_OUT = f"{CONSOLE}/sign-out"
_OURS = re.compile(rf"{CONSOLE}([/?][\x21-\x5b\x5d-\x7e]*)?", re.ASCII)
_UNKNOWN = "No such token is known here, or it was revoked. Check that all of it was copied."
_ANOTHER_LINK = "The command portcall console prints another one."
_PUBLISHER = (
    "This is a publisher's token: it sends events, and sees nothing. Sign in with the token of an"
    " administrator or of a reader (portcall token create NAME --role reader)."
)
_TOO_LONG = "This token is too long for a browser to keep. Sign in with a principal's secret."


class SignIn:
    """The pages for signing in and out.

    Args:
        pages: Renders.
        sessions: Makes and ends sessions.
        authenticator: Checks tokens.
        throttle: Counts invalid tokens.
        links: Exchanges the codes of links that sign in once.
    """

    def __init__(
        self,
        *,
        pages: Pages,
        sessions: Sessions,
        authenticator: Authenticator,
        throttle: Throttle,
        links: Links,
    ) -> None:
        self._pages = pages
        self._sessions = sessions
        self._authenticator = authenticator
        self._throttle = throttle
        self._links = links
        self._log = get_logger()

    def add_to(self, routes: Routes, open_routes: Routes) -> None:
        """Add the routes: for signed-in users, and for all others."""
        open_routes.add("GET", SIGN_IN, self.form)
        open_routes.add("POST", SIGN_IN, self.enter)
        routes.add("POST", SIGN_OUT, self.leave, need=Role.READER)

    async def form(self, call: Call) -> web.StreamResponse:
        """GET the form; a signed-in user is redirected."""
        back = _back(call.parameter("next") or "")
        session = call.request[SESSION]
        if session.token and await self._authenticator.principal_of(session.token):
            return see(back)
        return self._shown(call, back)

    async def enter(self, call: Call) -> web.StreamResponse:
        """POST a token: a valid one signs in."""
        form = call.request[FORM]
        back = _back(form.line("next"))
        client = client_of(call.request.remote)
        if self._throttle.refuses(client):
            THROTTLED.inc()
            return self._shown(call, back, 429, too_many_failures().message)
        token = form.line("token")
        if token.startswith(PREFIX):
            return await self._enter_by_link(call, token, back)
        principal = await self._authenticator.principal_of(token) if token else None
        if principal is None:
            if token:
                self._throttle.note_failure(client)
            self._log.info("session.refused", reason="unknown token")
            return self._shown(call, back, 401, _UNKNOWN if token else "Paste a token.")
        if principal.role is Role.PUBLISHER:
            self._log.info("session.refused", reason="publisher", name=principal.name)
            return self._shown(call, back, 403, _PUBLISHER)
        return self._let_in(call, token, principal, back)

    async def _enter_by_link(self, call: Call, code: str, back: str) -> web.StreamResponse:
        """Exchange the code of a link for a session."""
        try:
            entry = await self._links.exchange(code)
        except LinkError as error:
            self._throttle.note_failure(client_of(call.request.remote))
            self._log.info("session.refused", reason=str(error))
            return self._shown(call, back, 401, f"{error} {_ANOTHER_LINK}")
        return self._let_in(call, entry.token, entry.principal, back)

    async def leave(self, call: Call) -> web.StreamResponse:
        """POST sign-out: end the session."""
        self._sessions.end(call.request[SESSION])
        await self._links.end(call.principal)
        self._log.info("session.ended", name=call.principal.name)
        response = see(SIGN_IN)
        take_cookie(response, COOKIE, secure=call.request.secure)
        return response

    def _let_in(
        self, call: Call, token: str, principal: Principal, back: str
    ) -> web.StreamResponse:
        sealed = self._sessions.sealed(self._sessions.begin(token))
        if len(sealed) > MAX_SEALED:
            return self._shown(call, back, 400, _TOO_LONG)
        self._log.info("session.began", name=principal.name, role=principal.role.value)
        response = see(back)
        give_cookie(response, COOKIE, sealed, secure=call.request.secure, max_age_s=None)
        return response

    def _shown(
        self, call: Call, back: str, status: int = 200, problem: str = ""
    ) -> web.StreamResponse:
        """The form, with a cookie that only this browser has: another site cannot submit it."""
        response = self._pages.page(call, "sign-in.html", status, back=back, problem=problem)
        sealed = self._sessions.sealed(call.request[SESSION])
        give_cookie(response, COOKIE, sealed, secure=call.request.secure, max_age_s=None)
        return response


def _back(text: str) -> str:
    """The page after signing in: always one of the console, whatever the query says."""
    return text if _OURS.fullmatch(text) else CONSOLE
