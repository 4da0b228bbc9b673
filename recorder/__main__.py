"""The recorder's process: its wiring."""

from portcall.recorder.digest_retention import (
    DELETED_TAG_MS,
    MAX_TAGS,
    TOLD_CHILD_MS,
    DigestRetention,
)
from portcall.recorder.journal import Settling
from portcall.recorder.kinds import LOG_KIND, has_ping, is_mark, journal_kind
from portcall.recorder.record import Recorder
from portcall.recorder.retention import Retention
from portcall.recorder.rollup import Rollup
from portcall.recorder.watch import StoreWatch
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.broker.stream import StreamReader
from portcall.runtime.process import OWN_PROCESS, Host, launch, running
from portcall.runtime.settings import Settings
from portcall.schemas.topology import JOURNAL, LOG
from portcall.store.engine import open_store

PACE_S = 0.4
"""A transaction costs about 3 ms of CPU, with one record or with a hundred: so there are two or
three a second, unless more records wait than fit into one, or a person waits for one."""
JOURNAL_PACE_S = 1.0
"""Only an audit waits for the journal, and an audit's mark is urgent."""


async def main(host: Host = OWN_PROCESS) -> None:
    """Record until stopped."""
    settings = Settings.from_environment(host.environ)
    store = open_store(settings.database_url)
    retention_ms = settings.record_retention_ms
    async with running("recorder", settings, host) as process:
        publisher = Publisher(settings.amqp_url, name="portcall recorder publisher")
        recorder = Recorder(
            kind=LOG_KIND,
            log=store.eventlog,
            burial=publisher,
            stream=LOG,
            retention_ms=retention_ms,
        )
        reader = StreamReader(
            settings.amqp_url,
            name="portcall recorder reader",
            queue=LOG,
            start=recorder.start,
            handler=recorder.record,
            pace_s=PACE_S,
            is_urgent=has_ping,
        )
        settling = Settling(journal=store.journal, retention_ms=retention_ms, stamp=store.stamp)
        journalist = Recorder(
            kind=journal_kind(settling.hurry),
            log=store.journal,
            burial=publisher,
            stream=JOURNAL,
            retention_ms=retention_ms,
        )
        journal_reader = StreamReader(
            settings.amqp_url,
            name="portcall recorder journal reader",
            queue=JOURNAL,
            start=journalist.start,
            handler=journalist.record,
            pace_s=JOURNAL_PACE_S,
            is_urgent=is_mark,
        )
        retention = Retention(log=store.eventlog, replays=store.replays, retention_ms=retention_ms)
        rollup = Rollup(traffic=store.traffic, retention_ms=retention_ms, stamp=store.stamp)
        watch = StoreWatch(store.eventlog, LOG, store.stamp)
        process.check("publisher", lambda: publisher.problem)
        process.check("stream", lambda: reader.problem)
        process.check("journal", lambda: journal_reader.problem)
        process.check("store", lambda: recorder.problem or journalist.problem or watch.problem)
        process.supervise(publisher.run(), "publisher")
        process.supervise(reader.run(), "reader")
        process.supervise(journal_reader.run(), "journal reader")
        process.supervise(retention.run(), "retention")
        process.supervise(settling.run(), "settling")
        process.supervise(rollup.run(), "adding up")
        process.supervise(DigestRetention(store.digests).run(), "forgetting")
        tags = DigestRetention(store.tags, max_age_ms=DELETED_TAG_MS, most=MAX_TAGS)
        process.supervise(tags.run(), "forgetting tags")
        told = DigestRetention(store.told_tags, most=MAX_TAGS)
        process.supervise(told.run(), "forgetting told tags")
        children = DigestRetention(store.told_children, max_age_ms=TOLD_CHILD_MS, most=MAX_TAGS)
        process.supervise(children.run(), "forgetting told children")
        process.supervise(watch.run(), "watch")
        await process.until_stopped()
    await recorder.settled()
    await journalist.settled()
    store.close()


if __name__ == "__main__":
    launch(main)
