"""The router's process: its wiring."""

import asyncio

from portcall.router.coalescing import Coalescing
from portcall.router.measures import Measures
from portcall.router.naming import TagNaming
from portcall.router.outbox import Outbox
from portcall.router.route import Router
from portcall.router.settings import RouterSettings
from portcall.router.watching import Watching
from portcall.runtime.broker.consumer import Consumer
from portcall.runtime.broker.depths import Depths
from portcall.runtime.broker.feed import Feed, FeedFollower
from portcall.runtime.broker.fullness import Fullness, bounded_queues
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.parking import Parking
from portcall.runtime.process import DRAIN_S, OWN_PROCESS, Host, launch, running
from portcall.schemas.topology import COALESCE, DELIVER, EVENTS_IN, topology, wait_rung
from portcall.store.engine import open_store
from portcall.store.subscriptions.subscriptions import Subscriptions


async def main(host: Host = OWN_PROCESS) -> None:
    """Route until stopped."""
    settings = RouterSettings.from_environment(host.environ)
    async with running("router", settings, host) as process:
        store = open_store(settings.database_url)
        subscriptions = Subscriptions(store.webhooks, told=Measures())
        follower = FeedFollower(subscriptions.refresh, stamp=store.stamp)
        parking = Parking()
        feed = Feed(
            settings.amqp_url,
            name="portcall router feed",
            on_hint=follower.hint,
            on_news=parking.hear,
        )
        publisher = Publisher(settings.amqp_url, name="portcall router publisher")
        outbox = Outbox(
            publisher,
            shards=settings.shards,
            parking=parking,
            max_held=settings.prefetch // 2,
        )
        watching = Watching(store.told_tags, outbox)
        coalescing = Coalescing(store.told_children, outbox, rungs_ms=settings.rungs_ms)
        router = Router(
            subscriptions=subscriptions,
            outbox=outbox,
            watching=watching,
            coalescing=coalescing,
            naming=TagNaming(store.deleted_tags, outbox),
            tracer=process.tracer,
        )
        consumer = Consumer(
            settings.amqp_url,
            name="portcall router consumer",
            prefetch={EVENTS_IN: settings.prefetch, COALESCE: settings.prefetch},
            handler=router.handle,
            publisher=publisher,
        )
        follower.hint(0)  # load at once, not after the first second without a hint
        depths = Depths(settings.amqp_url, name="portcall router depths")
        wanted = topology(shards=settings.shards, rungs_ms=settings.rungs_ms)
        rungs = map(wait_rung, settings.rungs_ms)
        fullness = Fullness(depths, publisher, bounded_queues(wanted, {DELIVER, *rungs}))
        process.warn("queues", lambda: fullness.problem)
        process.check("webhooks", lambda: subscriptions.problem)
        process.check("publisher", lambda: publisher.problem)
        process.check("consumer", lambda: consumer.problem)
        process.supervise(publisher.run(), "publisher")
        process.supervise(feed.run(), "feed")
        process.supervise(depths.run(), "depths")
        process.supervise(fullness.run(), "fullness")
        process.supervise(follower.run(), "follower")
        # With an empty index every event would match nothing: load the webhooks before events.
        loading = asyncio.ensure_future(subscriptions.loaded.wait())
        stopping = asyncio.ensure_future(process.until_stopped())
        await asyncio.wait({loading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.done():
            process.supervise(consumer.run(), "consumer")
        await stopping
        await consumer.stop(within_s=DRAIN_S)
        store.close()


if __name__ == "__main__":
    launch(main)
