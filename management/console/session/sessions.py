"""Sessions: a token sealed in a cookie, so that every management process accepts it.

Sessions are not stored: each request checks the token again, and a revoked one ends the session at
once. Each process only keeps a list of the sessions that signed out.
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
from aiohttp import web

from portcall.management.console.session.sealing import Seal
from portcall.management.http.routes import CONSOLE

COOKIE = "portcall_session"
IDLE_S = 30 * 60
"""How long a session lasts after its user's last page."""
LONGEST_S = 12 * 3600
RENEWED_AFTER_S = 60
"""An older cookie is renewed; not at each request."""
MAX_ENDED = 10_000


class Session(msgspec.Struct, frozen=True):
    """The session of a user in a browser.

    Attributes:
        id: Random.
        token: The token that the user signed in with; empty: not signed in yet.
        csrf: A value that every form of the session must have.
        began_s: When the user signed in, seconds since the epoch.
        seen_s: When the cookie was made.
    """

    id: str
    token: str
    csrf: str
    began_s: int
    seen_s: int

    def __repr__(self) -> str:
        """Without the secrets."""
        return f"Session(began_s={self.began_s}, seen_s={self.seen_s})"


class Sessions:
    """Makes, opens and ends sessions.

    Args:
        seal: Seals them.
        clock: Seconds since the epoch.
    """

    def __init__(self, seal: Seal, clock: Callable[[], float] = time.time) -> None:
        self._seal = seal
        self._clock = clock
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._told: dict[str, set[Callable[[], None]]] = {}

    def begin(self, token: str = "") -> Session:
        """A new session; without a token it is for the sign-in form."""
        now_s = int(self._clock())
        return Session(secrets.token_urlsafe(12), token, secrets.token_urlsafe(24), now_s, now_s)

    def open(self, cookie: str | None) -> Session | None:
        """The session in a cookie; None: there is none, it is invalid, or it has ended."""
        session = self._seal.opened(cookie, Session)
        if session is None or self.is_over(session):
            return None
        return session

    def is_over(self, session: Session) -> bool:
        """Whether it was ended, or its time is over."""
        if session.id in self._ended:
            return True
        now_s = self._clock()
        return now_s - session.seen_s > IDLE_S or now_s - session.began_s > LONGEST_S

    def sealed(self, session: Session) -> str:
        """The session as a cookie's value."""
        return self._seal.sealed(session)

    def seen(self, session: Session) -> Session | None:
        """The renewed session; None: its cookie is new enough."""
        now_s = int(self._clock())
        if now_s - session.seen_s < RENEWED_AFTER_S:
            return None
        return msgspec.structs.replace(session, seen_s=now_s)

    def end(self, session: Session) -> None:
        """Refuse the session from now on, in this process."""
        self._ended[session.id] = None
        if len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)
        for tell in tuple(self._told.get(session.id, ())):
            tell()

    @contextmanager
    def telling(self, session: Session, tell: Callable[[], None]) -> Iterator[None]:
        """Call *tell* when the session ends during a block: live views end at once."""
        told = self._told.setdefault(session.id, set())
        told.add(tell)
        try:
            yield
        finally:
            told.discard(tell)
            if not told:
                self._told.pop(session.id, None)


def give_cookie(
    response: web.StreamResponse, name: str, value: str, *, secure: bool, max_age_s: int | None
) -> None:
    """Set a cookie: no script can read it, and other sites' requests do not send it.

    Args:
        response: Carries it.
        name: Its name.
        value: Sealed.
        secure: Whether the browser may send it over TLS only.
        max_age_s: How long the browser keeps it; None: until it is closed.
    """
    response.set_cookie(
        name,
        value,
        path=CONSOLE,
        httponly=True,
        samesite="Strict",
        secure=secure,
        max_age=max_age_s,
    )


def take_cookie(response: web.StreamResponse, name: str, *, secure: bool) -> None:
    """Make the browser delete a cookie."""
    response.del_cookie(name, path=CONSOLE, httponly=True, samesite="Strict", secure=secure)
