"""Hand-written: aio-pika and aiohttp on uvloop, one task a message, as many as are prefetched."""

import asyncio

import aio_pika
import aiohttp
import uvloop
from aio_pika.abc import AbstractIncomingMessage
from step import AMQP_URL, HEADERS, PREFETCH, QUEUE, RESULTS, SINK_URL, result


async def main() -> None:
    """Consume until killed."""
    consuming = await aio_pika.connect_robust(AMQP_URL)
    publishing = await aio_pika.connect_robust(AMQP_URL)
    channel = await consuming.channel()
    await channel.set_qos(prefetch_count=PREFETCH)
    results = (await publishing.channel(publisher_confirms=True)).default_exchange
    queue = await channel.get_queue(QUEUE)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
    ) as session:

        async def handle(message: AbstractIncomingMessage) -> None:
            async with session.post(SINK_URL, data=message.body, headers=HEADERS) as response:
                await response.read()
            await results.publish(
                aio_pika.Message(
                    result(message.body, response.status),
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                ),
                routing_key=RESULTS,
            )
            await message.ack()

        await queue.consume(handle)
        await asyncio.Future()


if __name__ == "__main__":
    uvloop.run(main())
