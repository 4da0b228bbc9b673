"""The console's wiring: its objects, built by hand."""

from aiohttp import web

from management.access import Authenticator
from management.console.assets import Assets
from management.console.deliverypages import DeliveryPages
from management.console.desk import Desk
from management.console.inner import Inner
from management.console.letterpages import LetterPages
from management.console.links import Links
from management.console.listing import Lists
from management.console.live import Live
from management.console.notices import Notices
from management.console.overview import Overview
from management.console.pages import Pages
from management.console.registrypages import RegistryPages
from management.console.sealing import Seal
from management.console.sessions import Sessions
from management.console.signin import SignIn
from management.console.site import Console
from management.console.webhookedit import WebhookEdit
from management.console.webhookpages import WebhookPages
from management.explaining import Explaining
from management.follow import Followers
from management.lookups import Lookups
from management.pulse import Pulse
from management.routes import Routes
from management.scopetests import ScopeTests
from runtime.clients import Throttle
from store.database import now_ms
from store.engine import Store


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
) -> Routes:
    """Serve the console on *app*; blocks while it reads its files and its key.

    Args:
        app: The application.
        api: The API's routes, by which everything is changed.
        authenticator: Knows the tokens.
        lookups: Finds what a path names.
        throttle: Counts tokens that nobody has.
        store: Knows what there is; it has a signing key.
        followers: Those who watch the stream of records.
        pulse: Knows how the installation is.
        explaining: Knows the lives of deliveries.
        scopes: Tries scopes.

    Returns:
        The routes of its pages, for whoever wants to know which there are.
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
    Overview(pages=pages, store=store, pulse=pulse).add_to(routes)
    RegistryPages(desk=desk, lists=lists).add_to(routes)
    WebhookEdit(desk=desk, scopes=scopes).add_to(routes)
    WebhookPages(desk=desk, lists=lists).add_to(routes)
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
