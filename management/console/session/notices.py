"""What a page has to say once, after the redirect that follows a form: done so, or a new secret.

It waits in a sealed cookie of a minute, so that whichever process answers next can say it.
"""

import time

import msgspec
from aiohttp import web

from portcall.management.console.session.sealing import Seal
from portcall.management.console.session.sessions import Session, give_cookie, take_cookie

COOKIE = "portcall_notice"
KEPT_S = 60


class Notice(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something to say once.

    Attributes:
        text: In words.
        secret: A secret that is shown here and never again; empty: there is none.
        kind: ``good``, or ``bad``.
    """

    text: str
    secret: str = ""
    kind: str = "good"

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Notice({self.text!r})"


class _Kept(msgspec.Struct, frozen=True):
    session: str
    until_s: float
    notice: Notice


class Notices:
    """Hands notices from one answer to the next.

    Args:
        seal: Seals them.
    """

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def leave(
        self, response: web.StreamResponse, session: Session, notice: Notice, *, secure: bool
    ) -> None:
        """Leave a notice with an answer, for the next page of the same session."""
        kept = _Kept(session.id, time.time() + KEPT_S, notice)
        give_cookie(response, COOKIE, self._seal.sealed(kept), secure=secure, max_age_s=KEPT_S)

    def read(self, request: web.Request, session: Session) -> Notice | None:
        """The notice that was left for this session; None: there is none, or no more."""
        kept = self._seal.opened(request.cookies.get(COOKIE), _Kept)
        if kept is None or kept.session != session.id or time.time() > kept.until_s:
            return None
        return kept.notice

    def forget(self, request: web.Request, response: web.StreamResponse) -> None:
        """Have the browser forget the notice, if it brought one: it is shown once."""
        if COOKIE in request.cookies:
            take_cookie(response, COOKIE, secure=request.secure)
