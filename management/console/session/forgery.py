"""Whether a form was sent by a page of ours: three signs, each of which can refuse."""

import hmac
from urllib.parse import urlsplit

from aiohttp import web

from portcall.management.console.session.sessions import Session
from portcall.management.http.errors import ArmError

FIELD = "csrf"
HEADER = "X-CSRF-Token"
_OWN = frozenset({"same-origin", "none"})


def check_sender(request: web.Request, given: str, session: Session) -> None:
    """Refuse what another site had the browser send.

    Args:
        request: What came.
        given: The token that the form brought; empty: it had none.
        session: Whose form it must be.

    Raises:
        ArmError: 403: It names another origin, or has not the session's own token.
    """
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc.lower() != request.host.lower():
        raise _refusal(f"the form came from {origin[:64]}, not from this console")
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None and site not in _OWN:
        raise _refusal("the form came from another site")
    brought = request.headers.get(HEADER, given)
    if not hmac.compare_digest(brought.encode("utf-8", "replace"), session.csrf.encode()):
        raise _refusal("the form is of another session; go back, load the page again, and retry")


def _refusal(problem: str) -> ArmError:
    return ArmError(403, "RequestForged", f"Nothing was changed: {problem}.")
