"""What pages have in common: finding what a path names, rendering, doing, saying what was done."""

from dataclasses import dataclass

from aiohttp import web

from portcall.management.console.inner import Inner
from portcall.management.console.pages import SESSION, Pages, see
from portcall.management.console.session.notices import Notice, Notices
from portcall.management.http.calls import Call
from portcall.management.http.lookups import Lookups
from portcall.management.http.routes import CONSOLE
from portcall.store.engine import Store

REGISTRIES = f"{CONSOLE}/registries"
REGISTRY = f"{REGISTRIES}/{{registry}}"
WEBHOOKS = f"{REGISTRY}/webhooks"
WEBHOOK = f"{WEBHOOKS}/{{webhook}}"


@dataclass(frozen=True, slots=True)
class Desk:
    """What the handlers of pages share.

    Attributes:
        pages: Renders.
        notices: Says once what was done.
        inner: Does it.
        lookups: Finds what a path names.
        store: Knows what there is; its methods block.
    """

    pages: Pages
    notices: Notices
    inner: Inner
    lookups: Lookups
    store: Store

    def done(
        self, call: Call, location: str, text: str, *, secret: str = "", kind: str = "good"
    ) -> web.Response:
        """Go on to another page, which says *text* once.

        Args:
            call: Whose form it was.
            location: Where to go on.
            text: What was done.
            secret: What is shown here and never again.
            kind: ``good``, or ``bad`` where it was not done.
        """
        response = see(location)
        self.notices.leave(
            response,
            call.request[SESSION],
            Notice(text, secret, kind),
            secure=call.request.secure,
        )
        return response


def registry_path(registry: str) -> str:
    """The page of a registry."""
    return f"{REGISTRIES}/{registry}"


def webhook_path(registry: str, webhook: str) -> str:
    """The page of a webhook."""
    return f"{REGISTRIES}/{registry}/webhooks/{webhook}"
