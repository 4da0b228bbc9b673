"""The producer's wiring: ``python -m portcall.producer``, or ``portcall run producer``."""

import asyncio
from functools import partial

from portcall.producer.digests.keeper import DigestKeeper
from portcall.producer.direct import ORDER_S
from portcall.producer.direct_way import DirectWay, filled_queues
from portcall.producer.http.access import TokenAccess
from portcall.producer.http.bodies import Bodies
from portcall.producer.http.intake_gate import IntakeGate
from portcall.producer.http.refusals import Refusing
from portcall.producer.http.registries import Registries
from portcall.producer.http.untagging import Untagging
from portcall.producer.ingest import Ingest
from portcall.producer.journal_publisher import JournalPublisher
from portcall.producer.server import make_app
from portcall.producer.settings import ProducerSettings, tls_of, trust_of
from portcall.producer.sources.hints import Hints
from portcall.producer.sources.intake import SourceIntake
from portcall.producer.sources.known import KnownSources
from portcall.producer.sources.proofs.fetching import Fetcher
from portcall.producer.sources.proofs.keeping import IssuerKeys
from portcall.producer.sources.proofs.tokens import TokenProofs
from portcall.producer.sources.verifying import Verifier
from portcall.producer.tracing import Tracing
from portcall.runtime.broker.depths import Depths
from portcall.runtime.broker.feed import Feed, FeedFollower
from portcall.runtime.broker.fullness import Fullness
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.http.clients import Throttle
from portcall.runtime.process import OWN_PROCESS, Host, launch, running
from portcall.schemas.topology import EVENTS_IN, deliver_queue, topology
from portcall.store.bearers import Bearers
from portcall.store.engine import open_store
from portcall.store.secrets.keys import KeySource

DRAIN_S = 2.0
"""How long the store may take for the waiting digests at the end, and the broker for the notes."""


async def main(host: Host = OWN_PROCESS) -> None:  # noqa: PLR0915 (the parts of a role, one by one)
    """Run the producer until it is stopped."""
    settings = ProducerSettings.from_environment(host.environ)
    async with running("producer", settings, host) as process:
        tls = await asyncio.to_thread(tls_of, settings)
        store = open_store(settings.database_url, KeySource.named_by(settings).vault())
        publisher = Publisher(settings.amqp_url, name="portcall producer")
        registries = Registries(catalogue=store.registries, revisions=store.webhooks)
        untagging = Untagging(catalogue=store.subscribers, revisions=store.webhooks)
        sources = KnownSources(catalogue=store.sources, revisions=store.webhooks)

        gate = IntakeGate(store.installation.intake_stopped_ms)
        depths = Depths(settings.amqp_url, name="portcall producer depths")
        wanted = topology(shards=settings.shards, rungs_ms=settings.rungs_ms)
        queues = filled_queues(wanted, settings.direct_webhooks)
        fullness = Fullness(depths, publisher, queues, is_steady=settings.direct_webhooks > 0)
        way = DirectWay(
            store.webhooks,
            amqp_url=settings.amqp_url,
            shards=settings.shards,
            max_webhooks=settings.direct_webhooks,
            backlog=lambda: fullness.waiting(EVENTS_IN, ORDER_S),
            waiting=lambda shard: fullness.waiting(deliver_queue(shard), ORDER_S),
        )
        journal = JournalPublisher(publisher, direct=way.direct)
        keeper = DigestKeeper(store.digests)
        bodies = Bodies()
        ingest = Ingest(
            access=TokenAccess(settings.token, Bearers(store)),
            registries=registries,
            bodies=bodies,
            publish=journal.accept,
            note=journal.note_ignored,
            keeper=keeper,
            wants_untags=untagging.wants,
            gate=gate,
            tracing=Tracing(process.tracer) if process.tracer else None,
        )
        await gate.begin()
        process.warn_of(gate.warnings)
        trust = await asyncio.to_thread(trust_of, settings)
        issuers = IssuerKeys(Fetcher(trust).fetch)
        intake = SourceIntake(
            sources=sources,
            verifier=Verifier(TokenProofs(issuers)),
            bodies=bodies,
            ingest=ingest,
            hints=Hints(),
        )

        async def refresh() -> bool:
            is_read = await gate.refresh()
            await registries.refresh()
            await intake.settle(store.sources.note_heard)
            for kept in (sources, untagging):
                await kept.refresh()
            if tls is not None:
                tls.trust(sources.authorities())
            return is_read and not any(kept.problem for kept in (registries, sources, untagging))

        follower = FeedFollower(refresh, stamp=store.stamp)
        feed = Feed(
            settings.amqp_url,
            name="portcall producer feed",
            on_hint=way.hinting(follower.hint),
            on_news=way.on_news,
        )
        follower.hint(0)
        process.warn_of(intake.warnings)
        process.warn_of(sources.unusable)
        process.warn_of(issuers.warnings)
        process.check("broker", lambda: publisher.problem or journal.problem)
        process.warn("queues", lambda: fullness.problem)
        process.warn("direct", lambda: way.problem)
        process.check("store", lambda: registries.problem)
        process.supervise(publisher.run(), "publisher")
        process.supervise(feed.run(), "feed")
        process.supervise(depths.run(), "depths")
        process.supervise(fullness.run(), "fullness")
        process.supervise(follower.run(), "registries")
        process.supervise(way.run(), "direct")
        refusing = Refusing(ingest.knows, sources.has)
        process.warn_of(refusing.warnings)
        throttle = Throttle(settings.auth_failures_per_s)
        app = make_app(ingest, process.checks, throttle, refusing, intake)
        process.finish_with(partial(journal.drained, DRAIN_S))
        await process.serve(app, settings.bind, "producer")
        if tls is not None and settings.tls_bind is not None:
            await process.serve(app, settings.tls_bind, "producer_tls", tls=tls.context)
            process.supervise(tls.run(), "tls")
        await process.until_stopped()
    await keeper.drained(DRAIN_S)
    store.close()


if __name__ == "__main__":
    launch(main)
