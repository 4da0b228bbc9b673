"""Whether a form was sent by one of our pages: three checks, each of which can refuse."""

import hmac
from urllib.parse import urlsplit

from aiohttp import web

from portcall.management.console.session.sessions import Session
from portcall.management.http.errors import ArmError

FIELD = "csrf"
HEADER = "X-CSRF-Token"
_OWN = frozenset({"same-origin", "none"})


def check_sender(request: web.Request, given: str, session: Session) -> None:
    """Refuse a request that another site made the browser send.

    Args:
        request: The request.
        given: The form's token; empty: it had none.
        session: The session of the form.

    Raises:
        ArmError: 403: It names another origin, or does not have the session's token.
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
