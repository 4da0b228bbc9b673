"""Messages that a page shows once, after the redirect of a form: a result, or a new secret.

A message waits in a sealed cookie for a minute, so that any process can show it.
"""

import time

import msgspec
from aiohttp import web

from portcall.management.console.session.sealing import Seal
from portcall.management.console.session.sessions import Session, give_cookie, take_cookie

COOKIE = "portcall_notice"
KEPT_S = 60


class Notice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message that is shown once.

    Attributes:
        text: The message.
        secret: A secret that is shown only here; empty: there is none.
        kind: ``good``, or ``bad``.
        location: The page that it is for.
    """

    text: str
    secret: str = ""
    kind: str = "good"
    location: str = ""

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Notice({self.text!r})"


class _Kept(msgspec.Struct, frozen=True):
    session: str
    until_s: float
    notice: Notice


class Notices:
    """Passes notices from one answer to the next.

    Args:
        seal: Seals them.
    """

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def leave(
        self, response: web.StreamResponse, session: Session, notice: Notice, *, secure: bool
    ) -> None:
        """Add a notice to an answer, for the next page of the same session."""
        kept = _Kept(session.id, time.time() + KEPT_S, notice)
        give_cookie(response, COOKIE, self._seal.sealed(kept), secure=secure, max_age_s=KEPT_S)

    def read(self, request: web.Request, session: Session) -> Notice | None:
        """The notice for this session; None: there is none, or it has expired."""
        kept = self._seal.opened(request.cookies.get(COOKIE), _Kept)
        if kept is None or kept.session != session.id or time.time() > kept.until_s:
            return None
        return kept.notice

    def forget(self, request: web.Request, response: web.StreamResponse) -> None:
        """Make the browser delete the notice, if it sent one: it is shown once."""
        if COOKIE in request.cookies:
            take_cookie(response, COOKIE, secure=request.secure)
