"""Records: frames of them as a deliverer writes them, and counting what stands in the stream."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import suppress

import msgspec

from benchmarks.harness.deliveries import event
from portcall.runtime.broker.stream import StreamMessage, StreamReader
from portcall.schemas.frames import MAX_ITEMS, VERSION, RawRecordFrame, decode_raw_records
from portcall.schemas.records import Answer, Detail, Outcome, RawRecord, Sent
from portcall.schemas.topology import LOG

READ_S = 20.0
PER_EVENT = 10
STARTED_MS = 1_790_000_000_000
"""Some time of 2026."""
_HEADERS = {
    "Content-Type": "application/json; charset=utf-8",
    "Content-Length": "600",
    "webhook-id": "msg_ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "webhook-timestamp": "1790000000",
}
_ANSWERED = {
    "Server": "nginx/1.22.1",
    "Date": "Mon, 21 Sep 2026 12:26:40 GMT",
    "Content-Type": "text/plain",
    "Content-Length": "2",
    "Connection": "keep-alive",
}


def record_frames(
    first: int,
    count: int,
    webhook_ids: Sequence[int],
    *,
    began_ms: int = STARTED_MS,
    every_us: int = 200,
) -> Iterator[RawRecordFrame]:
    """Frames of 64 records, ten of an event, of deliveries that the sink has taken.

    Args:
        first: The number of the first record.
        count: How many records.
        webhook_ids: Take turns.
        began_ms: When the first record's attempt was, milliseconds since the epoch.
        every_us: Microseconds from one to the next.
    """
    detail = msgspec.Raw(
        msgspec.json.encode(
            Detail(
                sent=Sent(uri="http://127.0.0.1:29999/hook", headers=_HEADERS),
                answer=Answer(status=200, reason="OK", headers=_ANSWERED, content="ok"),
            )
        )
    )
    for start in range(first, first + count, MAX_ITEMS):
        numbers = range(start, min(start + MAX_ITEMS, first + count))
        first_event = numbers[0] // PER_EVENT
        events = [event(n) for n in range(first_event, numbers[-1] // PER_EVENT + 1)]
        records = [
            RawRecord(
                event=number // PER_EVENT - first_event,
                webhook_id=webhook_ids[number % len(webhook_ids)],
                attempt=1,
                outcome=Outcome.DELIVERED,
                status=200,
                started_ms=began_ms + number * every_us // 1000,
                duration_us=900,
                detail=detail,
            )
            for number in numbers
        ]
        yield RawRecordFrame(VERSION, f"bench-{start}", events, records)


async def count_records(url: str, wanted: int) -> int:
    """How many records the stream has; reads until there are *wanted*, or nothing comes."""
    found = 0
    enough = asyncio.Event()

    async def start() -> str:
        return "first"

    async def take(messages: list[StreamMessage]) -> None:
        nonlocal found
        found += sum(len(decode_raw_records(message.body).records) for message in messages)
        if found >= wanted:
            enough.set()

    reader = StreamReader(url, name="benchmark reader", queue=LOG, start=start, handler=take)
    reading = asyncio.ensure_future(reader.run())
    with suppress(TimeoutError):
        async with asyncio.timeout(READ_S):
            await enough.wait()
    reading.cancel()
    await asyncio.wait([reading])
    return found
