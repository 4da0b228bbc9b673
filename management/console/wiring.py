"""The console's wiring: its objects, built by hand."""

from aiohttp import web

from portcall.management.console.assets import Assets
from portcall.management.console.desk import Desk
from portcall.management.console.inner import Inner
from portcall.management.console.pages import Pages
from portcall.management.console.session.links import Links
from portcall.management.console.session.notices import Notices
from portcall.management.console.session.sealing import Seal
from portcall.management.console.session.sessions import Sessions
from portcall.management.console.signin import SignIn
from portcall.management.console.site import Console
from portcall.management.console.views.connect_pages import ConnectPages
from portcall.management.console.views.dead_letter_pages import LetterPages
from portcall.management.console.views.delivery_pages import DeliveryPages
from portcall.management.console.views.listing import Lists
from portcall.management.console.views.live import Live
from portcall.management.console.views.overview import OverviewPages
from portcall.management.console.views.registry_pages import RegistryPages
from portcall.management.console.views.source_pages import SourcePages
from portcall.management.console.views.webhook_edit import WebhookEdit
from portcall.management.console.views.webhook_pages import WebhookPages
from portcall.management.events.follow import Followers
from portcall.management.explain.explanation import Explaining
from portcall.management.explain.scope_tests import ScopeTests
from portcall.management.http.access import Authenticator
from portcall.management.http.lookups import Lookups
from portcall.management.http.routes import Routes
from portcall.management.overview.pulse import Pulse
from portcall.runtime.clock import now_ms
from portcall.runtime.http.clients import Throttle
from portcall.store.engine import Store


def add_console(
    app: web.Application,
    *,
    api: Routes,
    authenticator: Authenticator,
    lookups: Lookups,
    throttle: Throttle,
    store: Store,
    followers: Followers,
    pulse: Pulse,
    explaining: Explaining,
    scopes: ScopeTests,
    producer_url: str = "",
    producer_tls_url: str = "",
) -> Routes:
    """Serve the console on *app*; blocks while it reads its files and its key.

    Args:
        app: The application.
        api: The API's routes, which make all changes.
        authenticator: Checks tokens.
        lookups: Finds the resources that a path names.
        throttle: Counts invalid tokens.
        store: The store; it has a signing key.
        followers: Watchers of the stream of records.
        pulse: The present state of the installation.
        explaining: Explains deliveries.
        scopes: Tries scopes.
        producer_url: Where senders reach the producer; empty: not known.
        producer_tls_url: The same over TLS of our own; empty: not known.

    Returns:
        The routes of its pages.
    """
    seal = Seal([store.signing_keys.signing()])
    served, sessions, notices = Assets(), Sessions(seal), Notices(seal)
    pages = Pages(served, notices)
    inner = Inner(api, lookups.installation)
    desk = Desk(pages=pages, notices=notices, inner=inner, lookups=lookups, store=store)
    lists = Lists(store=store, pulse=pulse, clock_ms=now_ms)
    routes, open_routes = Routes(), Routes()
    links = Links(seal, store)
    SignIn(
        pages=pages,
        sessions=sessions,
        authenticator=authenticator,
        throttle=throttle,
        links=links,
    ).add_to(routes, open_routes)
    OverviewPages(pages=pages, store=store, pulse=pulse).add_to(routes)
    RegistryPages(desk=desk, lists=lists).add_to(routes)
    WebhookEdit(desk=desk, scopes=scopes).add_to(routes)
    WebhookPages(desk=desk, lists=lists).add_to(routes)
    SourcePages(desk=desk, producer_url=producer_url, producer_tls_url=producer_tls_url).add_to(
        routes
    )
    ConnectPages(desk=desk, producer_url=producer_url).add_to(routes)
    LetterPages(desk).add_to(routes)
    DeliveryPages(desk=desk, explaining=explaining).add_to(routes)
    Live(desk=desk, followers=followers, sessions=sessions, authenticator=authenticator).add_to(
        routes
    )
    Console(
        routes=routes,
        open_routes=open_routes,
        authenticator=authenticator,
        sessions=sessions,
        pages=pages,
        served=served,
    ).add_to(app)
    return routes
