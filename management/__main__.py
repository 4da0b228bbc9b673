"""The management role's wiring: ``python -m portcall.management``."""

import asyncio
from functools import partial

from aiohttp import web

from portcall.management.app import Api, make_app
from portcall.management.audit.look import Auditor
from portcall.management.audit.metrics import AuditMetrics
from portcall.management.audit.routes import AuditHandler
from portcall.management.console.session.links import code_maker
from portcall.management.console.wiring import add_console
from portcall.management.events.follow import Followers
from portcall.management.events.routes import EventHandlers
from portcall.management.explain.explanation import Explaining
from portcall.management.explain.format_routes import FormatHandlers
from portcall.management.explain.format_tests import FormatTests
from portcall.management.explain.routes import ExplainHandlers
from portcall.management.explain.scope_tests import ScopeTests
from portcall.management.http.access import AdministratorToken, Tokens
from portcall.management.http.defaults import Defaults
from portcall.management.http.lookups import Lookups
from portcall.management.http.routes import Routes
from portcall.management.letters.box import LetterBox
from portcall.management.letters.routes import LetterHandlers
from portcall.management.login.console_links import ConsoleLinkHandler
from portcall.management.login.identity import IdentityHandler, ensure_identity
from portcall.management.login.routes import LoginHandlers
from portcall.management.login.tokens import TokenHandlers
from portcall.management.overview.pulse import Pulse
from portcall.management.overview.routes import OverviewHandler
from portcall.management.overview.webhook_metrics import WebhookMetricsHandler
from portcall.management.recovery.republishing import Republisher
from portcall.management.recovery.routes import RecoveryHandlers
from portcall.management.registries.provider import ProviderHandlers
from portcall.management.registries.routes import RegistryHandlers
from portcall.management.registries.subscriptions import SubscriptionHandlers
from portcall.management.replays.routes import ReplayHandlers
from portcall.management.replays.try_now import TryNowHandler
from portcall.management.replays.worker import Replayer
from portcall.management.settings import ManagementSettings
from portcall.management.sources.routes import SourceHandlers
from portcall.management.tags.routes import TagHandlers
from portcall.management.tls.context import Tls, files_of
from portcall.management.webhooks.alarms import Alarms
from portcall.management.webhooks.imports import ImportHandler
from portcall.management.webhooks.pings import PingHandler
from portcall.management.webhooks.probes import ProbeHandler, Prober, ProbeWatch
from portcall.management.webhooks.rotation import RotationHandlers
from portcall.management.webhooks.routes import WebhookHandlers
from portcall.runtime.broker.declaring import depths as queue_depths
from portcall.runtime.broker.depths import Depths
from portcall.runtime.broker.feed import Feed
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.broker.stream import BatchHandler, Start, StreamReader
from portcall.runtime.broker.stream_end import StreamEnd
from portcall.runtime.http.clients import Throttle
from portcall.runtime.process import OWN_PROCESS, Host, Process, launch, running
from portcall.runtime.targets.objection import Targets
from portcall.schemas.operator import OPERATOR_ID
from portcall.schemas.topology import JOURNAL, LOG, topology
from portcall.store.bearers import Bearers
from portcall.store.database.installation import Installation
from portcall.store.database.migrate import migrate
from portcall.store.engine import Store, open_store
from portcall.store.preparing import prepare_secrets
from portcall.store.secrets.keys import KeySource


async def main(host: Host = OWN_PROCESS) -> None:
    """Run the role until it is stopped."""
    settings = ManagementSettings.from_environment(host.environ)
    async with running("management", settings, host) as process:
        await asyncio.to_thread(migrate, settings.database_url)
        vault = await asyncio.to_thread(
            prepare_secrets, settings.database_url, KeySource.named_by(settings)
        )
        store = open_store(settings.database_url, vault)
        try:
            await serve(process, settings, store)
        finally:
            store.close()


async def serve(process: Process, settings: ManagementSettings, store: Store) -> None:
    """Build the objects, and serve."""
    publisher = Publisher(settings.amqp_url, name="management")
    process.supervise(publisher.run(), "publisher")
    process.check("broker", lambda: publisher.problem)

    def make_reader(start: Start, handler: BatchHandler) -> StreamReader:
        return StreamReader(
            settings.amqp_url, name="management.follow", queue=LOG, start=start, handler=handler
        )

    followers = Followers(make_reader)
    tls = await asyncio.to_thread(Tls, files_of(settings)) if settings.tls_bind else None
    await asyncio.to_thread(store.signing_keys.ensure)
    installation = await asyncio.to_thread(store.installation.get)
    lookups = Lookups(store, installation, Targets.of(settings), _defaults(settings))
    open_routes = Routes()
    login = LoginHandlers(store=store, installation=installation)
    login.add_to(open_routes)
    await _add_identity(settings, store, installation, login, open_routes)
    routes = Routes()
    SubscriptionHandlers(store=store, lookups=lookups).add_to(routes)
    ProviderHandlers(lookups).add_to(routes)
    RegistryHandlers(store=store, lookups=lookups, announcer=publisher).add_to(routes)
    WebhookHandlers(store=store, lookups=lookups, announcer=publisher).add_to(routes)
    ImportHandler(store=store, lookups=lookups, announcer=publisher).add_to(routes)
    for secretive in (RotationHandlers, SourceHandlers):
        secretive(
            store=store,
            lookups=lookups,
            announcer=publisher,
            overlap_ms=settings.secret_overlap_ms,
        ).add_to(routes)
    PingHandler(lookups=lookups, publisher=publisher, shards=settings.shards).add_to(routes)
    EventHandlers(store=store, lookups=lookups, followers=followers).add_to(routes)
    prober = Prober(publisher=publisher, shards=settings.shards)
    ProbeHandler(store=store, lookups=lookups, prober=prober).add_to(routes)
    _add_replays(settings, store, lookups, publisher, routes)
    for plain in (TokenHandlers, WebhookMetricsHandler):
        plain(store=store, lookups=lookups).add_to(routes)
    ConsoleLinkHandler(code_maker(store)).add_to(routes)
    box, auditor = _box(settings, store, publisher)
    LetterHandlers(box=box, store=store, lookups=lookups).add_to(routes)
    TagHandlers(store=store, lookups=lookups, catch_up=auditor.caught_up).add_to(routes)
    AuditHandler(auditor).add_to(routes)
    process.supervise(AuditMetrics(auditor, partial(_recorded, store)).run(), "audit")
    _recovery(settings, store, publisher, auditor).add_to(routes)
    pulse = _pulse(process, settings, store)
    OverviewHandler(store=store, pulse=pulse, lookups=lookups).add_to(routes)
    explaining, scope_tests = Explaining(store, settings.rungs_ms), ScopeTests(store)
    FormatHandlers(lookups=lookups, tests=FormatTests(store)).add_to(routes)
    ExplainHandlers(
        lookups=lookups,
        explaining=explaining,
        scope_tests=scope_tests,
        catch_up=auditor.caught_up,
    ).add_to(routes)
    tokens = Tokens(AdministratorToken(settings.token), Bearers(store, installation.tenant))
    api = Api(routes=routes, open_routes=open_routes, authenticator=tokens, lookups=lookups)
    throttle = Throttle(settings.auth_failures_per_s)
    app = make_app(api, process.checks, throttle)
    await asyncio.to_thread(
        add_console,
        app,
        api=routes,
        authenticator=tokens,
        lookups=lookups,
        throttle=throttle,
        store=store,
        followers=followers,
        pulse=pulse,
        explaining=explaining,
        scopes=scope_tests,
        producer_url=settings.producer_url,
        producer_tls_url=settings.producer_tls_url,
    )
    followers.end_with(app)
    await _listen(process, settings, app, tls)
    replayer = _replayer(process, settings, store, publisher)
    _watch_webhooks(process, settings, store, publisher, prober)
    await process.until_stopped()
    await replayer.stop()


def _defaults(settings: ManagementSettings) -> Defaults:
    """The values of settings that webhooks leave to the installation."""
    return Defaults(settings.retry_schedule_ms, settings.max_age_ms, settings.disable_after_ms)


def _recorded(store: Store) -> object:
    """What the recorder has recorded: its places in both streams."""
    return store.eventlog.position(LOG), store.journal.position(JOURNAL)


def _recovery(
    settings: ManagementSettings, store: Store, publisher: Publisher, auditor: Auditor
) -> RecoveryHandlers:
    """What `portcall drain` and `portcall audit --republish` use."""
    republisher = Republisher(
        auditor=auditor, store=store, publisher=publisher, shards=settings.shards
    )
    return RecoveryHandlers(installation=store.installation, republisher=republisher)


def _add_replays(
    settings: ManagementSettings,
    store: Store,
    lookups: Lookups,
    publisher: Publisher,
    routes: Routes,
) -> None:
    """Add the routes of replays and of "Try now"."""
    ReplayHandlers(store=store, lookups=lookups).add_to(routes)
    shards = settings.shards
    TryNowHandler(store=store, lookups=lookups, publisher=publisher, shards=shards).add_to(routes)


def _replayer(
    process: Process, settings: ManagementSettings, store: Store, publisher: Publisher
) -> Replayer:
    """The replayer, which runs."""
    depths = Depths(settings.amqp_url, name="management.depths")
    replayer = Replayer(
        replays=store.replays,
        publisher=publisher,
        depths=depths,
        shards=settings.shards,
        stamp=store.stamp,
        name_tags=store.deleted_tags.named,
    )
    process.supervise(depths.run(), "depths")
    process.supervise(replayer.run(), "replays")
    return replayer


async def _listen(
    process: Process, settings: ManagementSettings, app: web.Application, tls: Tls | None
) -> None:
    """Serve, and over TLS as well if a setting enables it."""
    await process.serve(app, settings.bind, "management")
    if tls is not None and settings.tls_bind is not None:
        await process.serve(app, settings.tls_bind, "management_tls", tls=tls.context)
        process.supervise(tls.run(), "tls")


async def _add_identity(
    settings: ManagementSettings,
    store: Store,
    installation: Installation,
    login: LoginHandlers,
    routes: Routes,
) -> None:
    """Add the managed identity, if a setting enables it."""
    if settings.identity_header is None:
        return
    identity = await asyncio.to_thread(ensure_identity, store, installation)
    IdentityHandler(
        header=settings.identity_header, identity=identity, store=store, login=login
    ).add_to(routes)


def _watch_webhooks(
    process: Process,
    settings: ManagementSettings,
    store: Store,
    publisher: Publisher,
    prober: Prober,
) -> None:
    """Disable webhooks that fail for too long, and notify the operator of disabled ones."""
    watch = ProbeWatch(
        store=store,
        announcer=publisher,
        prober=prober,
        disable_after_ms=settings.disable_after_ms,
        probe_after_ms=settings.probe_after_ms,
    )
    alarms = Alarms(
        store=store,
        publisher=publisher,
        shards=settings.shards,
        has_operator=bool(settings.operator_uri),
    )
    process.supervise(watch.run(), "watch")
    process.supervise(alarms.run(), "alarms")


def _pulse(process: Process, settings: ManagementSettings, store: Store) -> Pulse:
    """The pulse, with its own connections, because a missing queue closes them."""
    depths = Depths(settings.amqp_url, name="management.pulse.depths")
    end = StreamEnd(settings.amqp_url, name="management.pulse.end", queue=LOG)
    pulse = Pulse(
        store=store,
        depths=depths,
        end=end,
        shards=settings.shards,
        rungs_ms=settings.rungs_ms,
    )
    feed = Feed(
        settings.amqp_url,
        name="management.pulse.feed",
        on_hint=lambda _revision: None,
        on_news=pulse.hear,
    )
    process.supervise(depths.run(), "pulse depths")
    process.supervise(end.run(), "pulse end")
    process.supervise(feed.run(), "pulse feed")
    process.supervise(pulse.run(), "pulse")
    return pulse


def _box(
    settings: ManagementSettings, store: Store, publisher: Publisher
) -> tuple[LetterBox, Auditor]:
    """The dead letters, and the auditor: they use each other."""
    auditor: Auditor

    async def catch_up() -> None:
        await auditor.caught_up()

    box = LetterBox(
        url=settings.amqp_url,
        store=store,
        publisher=publisher,
        shards=settings.shards,
        catch_up=catch_up,
        always={OPERATOR_ID} if settings.operator_uri else frozenset(),
    )
    auditor = _auditor(settings, store, publisher, box)
    return box, auditor


def _auditor(
    settings: ManagementSettings, store: Store, publisher: Publisher, box: LetterBox
) -> Auditor:
    wanted = topology(shards=settings.shards, rungs_ms=settings.rungs_ms)
    return Auditor(
        store=store,
        publisher=publisher,
        depths=partial(queue_depths, settings.amqp_url, [queue.name for queue in wanted.queues]),
        dead=box.peek,
        retention_ms=settings.record_retention_ms,
    )


if __name__ == "__main__":
    launch(main)
