"""FastStream: a subscriber that returns what its publisher sends, confirmed, before the ack."""

import aiohttp
import uvloop
from faststream import AckPolicy, FastStream
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitMessage, RabbitQueue
from step import AMQP_URL, HEADERS, KIND, PREFETCH, QUEUE, RESULTS, SINK_URL, result

broker = RabbitBroker(
    AMQP_URL,
    default_channel=Channel(prefetch_count=PREFETCH),
    apply_types=False,
    logger=None,
)
app = FastStream(broker)
sessions: list[aiohttp.ClientSession] = []


def queue(name: str) -> RabbitQueue:
    """A durable queue of the kind that is measured."""
    return RabbitQueue(name, queue_type=QueueType(KIND), durable=True)


@app.on_startup
async def open_session() -> None:
    """Make the one session."""
    sessions.append(
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
        )
    )


async def as_sent(message: RabbitMessage) -> bytes:
    """Do not parse the body: it is passed on."""
    return message.body


@broker.subscriber(queue(QUEUE), ack_policy=AckPolicy.NACK_ON_ERROR, no_reply=True, decoder=as_sent)
@broker.publisher(queue(RESULTS), persist=True)
async def deliver(body: bytes) -> bytes:
    """POST, and return the result."""
    async with sessions[0].post(SINK_URL, data=body, headers=HEADERS) as response:
        await response.read()
    return result(body, response.status)


if __name__ == "__main__":
    uvloop.run(app.run())
