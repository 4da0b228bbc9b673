"""The recorder's process: what is connected to what."""

import os

from recorder.record import Recorder
from recorder.retention import Retention
from runtime.process import launch, running
from runtime.publisher import Publisher
from runtime.settings import Settings
from runtime.stream import StreamReader
from schemas.topology import LOG
from store.engine import open_store

PACE_S = 0.05
"""A transaction costs about 3 ms of CPU, with one record in it or with a hundred: at most twenty a
second, unless there is more to write than fits into one."""


async def main() -> None:
    """Record until told to stop."""
    settings = Settings.from_environment(os.environ)
    store = open_store(settings.database_url)
    retention_ms = settings.record_retention_ms
    async with running("recorder", settings) as process:
        publisher = Publisher(settings.amqp_url, name="portcall recorder publisher")
        recorder = Recorder(
            log=store.eventlog, burial=publisher, stream=LOG, retention_ms=retention_ms
        )
        reader = StreamReader(
            settings.amqp_url,
            name="portcall recorder reader",
            queue=LOG,
            start=recorder.start,
            handler=recorder.record,
            pace_s=PACE_S,
        )
        retention = Retention(log=store.eventlog, retention_ms=retention_ms)
        process.check("publisher", lambda: publisher.problem)
        process.check("stream", lambda: reader.problem)
        process.check("store", lambda: recorder.problem)
        process.supervise(publisher.run(), "publisher")
        process.supervise(reader.run(), "reader")
        process.supervise(retention.run(), "retention")
        await process.until_stopped()
    await recorder.settled()
    store.close()


if __name__ == "__main__":
    launch(main)
