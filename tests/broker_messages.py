"""What lies in a broker, as JSON: taken out of one, and put back into another, where it was.

A broker's own data folder does not move between RabbitMQ versions; this does.
"""

import asyncio
import base64
import datetime as dt
from collections import Counter
from collections.abc import Iterable
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

Document = dict[str, Any]

PROPERTIES = (
    "content_type", "content_encoding", "delivery_mode", "priority", "correlation_id", "reply_to",
    "expiration", "message_id", "type", "user_id", "app_id",
)  # fmt: skip
QUIET_S = 1.0
"""A stream that brings nothing for so long is read to its end."""
_BROKERS_OWN = {"x-delivery-count", "x-stream-offset"}
"""Headers that the broker adds when it delivers: they are no part of what was published."""


def to_document(message: AbstractIncomingMessage, queue: str) -> Document:
    """A message, and where it was."""
    properties = {name: getattr(message, name) for name in PROPERTIES}
    return {
        "queue": queue,
        "exchange": message.exchange or "",
        "routing_key": message.routing_key or "",
        "headers": {
            name: _encoded(value)
            for name, value in message.headers.items()
            if name not in _BROKERS_OWN
        },
        "properties": {
            name: int(value) if name == "delivery_mode" else value
            for name, value in properties.items()
            if value not in (None, "", 0)
        },
        "body": base64.b64encode(message.body).decode(),
    }


def to_message(document: Document) -> aio_pika.Message:
    return aio_pika.Message(
        base64.b64decode(document["body"]),
        headers={name: _decoded(value) for name, value in document["headers"].items()},
        **document["properties"],
    )


async def drain(channel: AbstractChannel, topology: Document) -> list[Document]:
    """Take all messages out of the queues, and read the streams from their first message."""
    found: list[Document] = []
    for each in topology["queues"]:
        queue = await channel.get_queue(each["name"])
        if _is_stream(each):
            messages = await _read(queue)
        else:
            messages = await _take(queue)
        found += [to_document(message, each["name"]) for message in messages]
    return found


async def put_back(channel: AbstractChannel, topology: Document, found: list[Document]) -> None:
    """Declare exchanges, queues and bindings, and publish every message as it once was published.

    By the same exchange and key, so that it can only get where it was; that is checked.
    """
    await declare(channel, topology)
    for each in found:
        exchange = await channel.get_exchange(each["exchange"], ensure=False)
        await exchange.publish(to_message(each), routing_key=each["routing_key"])
    # A stream has one exchange that leads to it, and is counted only every 5 s.
    queues = [each["name"] for each in topology["queues"] if not _is_stream(each)]
    await _until(channel, Counter(each["queue"] for each in found), queues)


async def _until(channel: AbstractChannel, wanted: Counter[str], queues: list[str]) -> None:
    now: dict[str, int] = {}
    try:
        async with asyncio.timeout(20):
            while now != {name: wanted[name] for name in queues}:
                await asyncio.sleep(0.1)
                now = await _counts(channel, queues)
    except TimeoutError:
        raise AssertionError(f"the messages are not where they were: {now}") from None


async def declare(channel: AbstractChannel, topology: Document) -> None:
    """Declare it all with the recorded arguments."""
    for each in topology["exchanges"]:
        await channel.declare_exchange(
            each["name"], each["type"], durable=True, arguments=each["arguments"]
        )
    for each in topology["queues"]:
        await channel.declare_queue(each["name"], durable=True, arguments=each["arguments"])
    for each in topology["bindings"]:
        queue = await channel.get_queue(each["queue"], ensure=False)
        await queue.bind(each["exchange"], each["key"], arguments=each.get("headers"))
    for each in topology.get("relays", ()):
        exchange = await channel.get_exchange(each["exchange"], ensure=False)
        await exchange.bind(each["source"], each["key"])


async def _counts(channel: AbstractChannel, names: Iterable[str]) -> dict[str, int]:
    counts = {}
    for name in names:
        queue = await channel.declare_queue(name, passive=True)
        counts[name] = queue.declaration_result.message_count or 0
    return counts


def _is_stream(queue: Document) -> bool:
    return bool(queue["arguments"]["x-queue-type"] == "stream")


async def _take(queue: AbstractQueue) -> list[AbstractIncomingMessage]:
    found = []
    while (message := await queue.get(no_ack=True, fail=False)) is not None:
        found.append(message)
    return found


async def _read(queue: AbstractQueue) -> list[AbstractIncomingMessage]:
    found: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    await queue.channel.set_qos(prefetch_count=100)

    async def keep(message: AbstractIncomingMessage) -> None:
        await message.ack()
        found.put_nowait(message)

    tag = await queue.consume(keep, arguments={"x-stream-offset": "first"})
    messages = []
    try:
        while True:
            messages.append(await asyncio.wait_for(found.get(), QUIET_S))
    except TimeoutError:
        await queue.cancel(tag)
        return messages


def _encoded(value: Any) -> Any:  # noqa: ANN401 (whatever AMQP's tables hold)
    match value:
        case dict():
            return {name: _encoded(each) for name, each in value.items()}
        case list():
            return [_encoded(each) for each in value]
        case bytes():
            return {"$bytes": base64.b64encode(value).decode()}
        case dt.datetime():
            return {"$time": value.isoformat()}
        case _:
            return value


def _decoded(value: Any) -> Any:  # noqa: ANN401 (the same)
    match value:
        case {"$bytes": str(text)}:
            return base64.b64decode(text)
        case {"$time": str(text)}:
            return dt.datetime.fromisoformat(text)
        case dict():
            return {name: _decoded(each) for name, each in value.items()}
        case list():
            return [_decoded(each) for each in value]
        case _:
            return value
