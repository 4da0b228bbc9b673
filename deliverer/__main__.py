"""The deliverer's process: its wiring."""

import asyncio

from portcall.deliverer.deliver import Deliverer
from portcall.deliverer.disabling import Disabling
from portcall.deliverer.endpoints.health_broadcast import HealthBroadcast
from portcall.deliverer.endpoints.lanes import Lanes
from portcall.deliverer.endpoints.rate_sharing import Sharing
from portcall.deliverer.jobs import Job
from portcall.deliverer.operator import WithOperator, operator_webhook
from portcall.deliverer.outbox import Outbox
from portcall.deliverer.post.sender import Sender
from portcall.deliverer.post.trust import Trusts
from portcall.deliverer.settings import DelivererSettings
from portcall.deliverer.tracing import Tracing
from portcall.deliverer.webhooks import Webhooks
from portcall.runtime.broker.consumer import Consumer
from portcall.runtime.broker.depths import Depths
from portcall.runtime.broker.feed import Feed, FeedFollower
from portcall.runtime.broker.fullness import Fullness, bounded_queues
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.broker.routed_notes import RoutedNotes
from portcall.runtime.pacing import Activity
from portcall.runtime.process import OWN_PROCESS, Host, launch, running
from portcall.schemas.records import RECORD_PACE_S
from portcall.schemas.topology import (
    DEAD,
    DELIVER,
    deliver_queue,
    retry_queue,
    topology,
    wait_rung,
)
from portcall.store.engine import open_store
from portcall.store.preparing import check_secrets
from portcall.store.secrets.keys import KeySource

DRAIN_MARGIN_S = 3.0
"""Time for the effects of the last attempt, on top of the attempt timeout, when stopping."""

STORED_WITHIN_S = RECORD_PACE_S + 0.25
"""The recorder stores a record at its next turn; then that transaction takes its time, too."""


async def main(host: Host = OWN_PROCESS) -> None:
    """Deliver until stopped."""
    settings = DelivererSettings.from_environment(host.environ)
    timeout_s = settings.attempt_timeout_ms / 1000
    trusts = Trusts(files=settings.trust_files)
    async with (
        running("deliverer", settings, host) as process,
        Sender(
            timeout_s=timeout_s,
            allowed=settings.allowed,
            ports=settings.ports,
            trusts=trusts,
            is_timed=process.tracer is not None,
        ) as sender,
    ):
        keys = KeySource.named_by(settings)
        store = open_store(settings.database_url, keys.vault())
        await asyncio.to_thread(check_secrets, store, keys)
        operator = operator_webhook(settings.operator_uri, settings.operator_secret)
        webhooks = Webhooks(WithOperator(store.webhooks, operator), masking=settings.mask_headers)
        follower = FeedFollower(webhooks.refresh, stamp=store.stamp)
        publisher = Publisher(settings.amqp_url, name="portcall deliverer publisher")
        lanes = Lanes[Job](
            max_cap=settings.endpoint_concurrency,
            max_in_flight=settings.max_in_flight,
            on_change=HealthBroadcast(publisher).tell,
        )
        activity = Activity()
        deliverer = Deliverer(
            webhooks=webhooks,
            sender=sender,
            lanes=lanes,
            outbox=Outbox(publisher, shards=settings.shards, prefetch=settings.prefetch),
            log=store.eventlog,
            notes=RoutedNotes(publisher, max_held=settings.prefetch // 2),
            disabling=Disabling(store.webhooks, publisher, store.known),
            schedule_ms=settings.retry_schedule_ms,
            rungs_ms=settings.rungs_ms,
            max_age_ms=settings.max_age_ms,
            stored_within_s=STORED_WITHIN_S,
            activity=activity,
            tracing=Tracing(process.tracer) if process.tracer else None,
        )
        feed = Feed(
            settings.amqp_url,
            name="portcall deliverer feed",
            on_hint=follower.hint,
            on_news=deliverer.hear,
        )
        queues = [
            queue
            for shard in range(settings.shards)
            for queue in (deliver_queue(shard), retry_queue(shard))
        ]
        consumer = Consumer(
            settings.amqp_url,
            name="portcall deliverer consumer",
            prefetch=dict.fromkeys(queues, settings.prefetch),
            handler=deliverer.handle,
            publisher=publisher,
        )
        depths = Depths(settings.amqp_url, name="portcall deliverer depths")
        wanted = topology(shards=settings.shards, rungs_ms=settings.rungs_ms)
        exchanges = {DELIVER, DEAD, *map(wait_rung, settings.rungs_ms)}
        fullness = Fullness(depths, publisher, bounded_queues(wanted, exchanges))
        process.warn("queues", lambda: fullness.problem)
        process.check("publisher", lambda: publisher.problem)
        process.check("consumer", lambda: consumer.problem)
        process.supervise(publisher.run(), "publisher")
        process.supervise(feed.run(), "feed")
        process.supervise(follower.run(), "follower")
        process.supervise(deliverer.watch_lanes(), "lanes")
        process.supervise(deliverer.watch_rates(), "rates")
        process.supervise(depths.run(), "depths")
        process.supervise(fullness.run(), "fullness")
        sharing = Sharing(depths, deliverer, queues[0], activity)
        process.supervise(sharing.run(), "sharing")
        process.supervise(consumer.run(), "consumer")
        await process.until_stopped()
        deliverer.stop()
        await consumer.stop(within_s=timeout_s + DRAIN_MARGIN_S)
        store.close()


if __name__ == "__main__":
    launch(main)
