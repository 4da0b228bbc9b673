"""The common parts of pages: finding resources, rendering, calling the API, notices."""

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
SOURCES = f"{REGISTRY}/sources"
SOURCE = f"{SOURCES}/{{source}}"
ADD_SOURCE = f"{REGISTRY}/add-source"


@dataclass(frozen=True, slots=True)
class Desk:
    """Shared by the handlers of pages.

    Attributes:
        pages: Renders.
        notices: Messages that are shown once.
        inner: Calls the API.
        lookups: Finds the resources that a path names.
        store: The store; its methods block.
    """

    pages: Pages
    notices: Notices
    inner: Inner
    lookups: Lookups
    store: Store

    def done(
        self, call: Call, location: str, text: str, *, secret: str = "", kind: str = "good"
    ) -> web.Response:
        """Redirect to another page, which shows *text* once.

        Args:
            call: The call with the form.
            location: The next page.
            text: The result.
            secret: A secret that is shown only there.
            kind: ``good``, or ``bad`` for a failure.
        """
        response = see(location)
        self.notices.leave(
            response,
            call.request[SESSION],
            Notice(text, secret, kind, location),
            secure=call.request.secure,
        )
        return response


def registry_path(registry: str) -> str:
    """The page of a registry."""
    return f"{REGISTRIES}/{registry}"


def webhook_path(registry: str, webhook: str) -> str:
    """The page of a webhook."""
    return f"{REGISTRIES}/{registry}/webhooks/{webhook}"


def sources_path(registry: str) -> str:
    """The page of a registry's sources."""
    return f"{REGISTRIES}/{registry}/sources"


def source_path(registry: str, source: str) -> str:
    """The page of a source."""
    return f"{sources_path(registry)}/{source}"
