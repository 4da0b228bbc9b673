"""The recorder's process: its wiring."""

import asyncio
from collections.abc import Coroutine

from portcall.recorder.arrivals import StreamKind
from portcall.recorder.digest_retention import (
    DELETED_TAG_MS,
    MAX_TAGS,
    TOLD_CHILD_MS,
    DigestRetention,
)
from portcall.recorder.identity import is_dead, own_name
from portcall.recorder.journal import Settling
from portcall.recorder.kinds import LAG, LOG_KIND, has_ping, is_mark, journal_kind
from portcall.recorder.leadership import Leadership
from portcall.recorder.record import Recorder
from portcall.recorder.retention import Retention
from portcall.recorder.rollup import Rollup
from portcall.recorder.tracing import traced
from portcall.recorder.works import Works
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.broker.stream import StreamReader
from portcall.runtime.process import OWN_PROCESS, Host, launch, running
from portcall.runtime.settings import Settings
from portcall.schemas.frames import RawRecordFrame
from portcall.schemas.records import RECORD_PACE_S
from portcall.schemas.topology import JOURNAL, LOG
from portcall.store.engine import Store, open_store

JOURNAL_PACE_S = 2.0
"""Only an audit waits for the journal, and an audit's mark is urgent; its notes are entered every
five seconds."""
IDLE_TRANSACTION_S = 5
"""After so long PostgreSQL undoes a transaction of a stopped or vanished recorder, before a standby
needs its locks: a lease is valid for 6 s. Between two statements of ours there are milliseconds."""


async def main(host: Host = OWN_PROCESS) -> None:
    """Record until stopped, whenever this recorder leads."""
    settings = Settings.from_environment(host.environ)
    store = open_store(settings.database_url, idle_transaction_s=IDLE_TRANSACTION_S)
    async with running("recorder", settings, host) as process:
        publisher = Publisher(settings.amqp_url, name="portcall recorder publisher")
        kind = traced(LOG_KIND, process.tracer) if process.tracer else LOG_KIND
        leadership = Leadership(
            store.lease,
            owner=own_name(),
            begin=lambda term: works_of(term, settings, store, publisher, kind),
            is_dead=is_dead,
            stamp=store.stamp,
        )
        process.check("publisher", lambda: publisher.problem)
        process.check("stream", lambda: leadership.problem_of("stream"))
        process.check("journal", lambda: leadership.problem_of("journal"))
        process.check("store", lambda: leadership.problem or leadership.problem_of("store"))
        process.note("leadership", lambda: leadership.state)
        process.supervise(publisher.run(), "publisher")
        leading = process.supervise(leadership.run(), "leadership")
        await process.until_stopped()
    await asyncio.wait({leading})  # until its last transaction has ended, and the lease is released
    store.close()


def works_of(
    term: int,
    settings: Settings,
    store: Store,
    publisher: Publisher,
    kind: StreamKind[RawRecordFrame],
) -> Works:
    """Wire the works of a recorder that leads.

    Args:
        term: Of the lease; every transaction checks it.
        settings: Of the process.
        store: Has the log, the journal and their positions.
        publisher: Publishes dead letters.
        kind: Reads the log's frames, and counts or traces the stored ones.
    """
    log, journal = store.eventlog.in_term(term), store.journal.in_term(term)
    retention_ms = settings.record_retention_ms
    settling = Settling(journal=journal, retention_ms=retention_ms, stamp=store.stamp)
    recorder = Recorder(kind=kind, log=log, burial=publisher, stream=LOG, retention_ms=retention_ms)
    journalist = Recorder(
        kind=journal_kind(settling.hurry),
        log=journal,
        burial=publisher,
        stream=JOURNAL,
        retention_ms=retention_ms,
    )
    reader = StreamReader(
        settings.amqp_url,
        name="portcall recorder reader",
        queue=LOG,
        start=recorder.start,
        handler=recorder.record,
        pace_s=RECORD_PACE_S,
        is_urgent=has_ping,
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

    async def settled() -> None:
        await recorder.settled()
        await journalist.settled()
        LAG.set(0)  # of a standby: nothing says how far the leader lags

    return Works(
        tasks={
            "reader": reader.run(),
            "journal reader": journal_reader.run(),
            "settling": settling.run(),
            **_keeping(store, retention_ms),
        },
        checks={
            "stream": lambda: reader.problem,
            "journal": lambda: journal_reader.problem,
            "store": lambda: recorder.problem or journalist.problem,
        },
        settled=settled,
    )


def _keeping(store: Store, retention_ms: int) -> dict[str, Coroutine[object, object, None]]:
    """The works that sum up and delete stored rows, by name; records are kept for so long."""
    retention = Retention(log=store.eventlog, replays=store.replays, retention_ms=retention_ms)
    rollup = Rollup(traffic=store.traffic, retention_ms=retention_ms, stamp=store.stamp)
    tags = DigestRetention(store.tags, max_age_ms=DELETED_TAG_MS, most=MAX_TAGS)
    told = DigestRetention(store.told_tags, most=MAX_TAGS)
    children = DigestRetention(store.told_children, max_age_ms=TOLD_CHILD_MS, most=MAX_TAGS)
    return {
        "retention": retention.run(),
        "adding up": rollup.run(),
        "forgetting": DigestRetention(store.digests).run(),
        "forgetting tags": tags.run(),
        "forgetting told tags": told.run(),
        "forgetting told children": children.run(),
    }


if __name__ == "__main__":
    launch(main)
