"""Taskiq with taskiq-aio-pika: a task that POSTs and publishes its result; acked when executed.

The result goes out by a channel of the broker's own write connection, which has confirms on.
"""

import aio_pika
import aiohttp
from step import AMQP_URL, HEADERS, KIND, PREFETCH, QUEUE, RESULTS, SINK_URL, result
from taskiq import TaskiqEvents, TaskiqState
from taskiq_aio_pika import AioPikaBroker, Exchange, Queue, QueueType

broker = AioPikaBroker(
    AMQP_URL,
    qos=PREFETCH,
    exchange=Exchange(name=f"{QUEUE}.exchange"),
    task_queues=[Queue(name=QUEUE, type=QueueType(KIND))],
    dead_letter_queue=Queue(name=f"{QUEUE}.dead", type=QueueType(KIND)),
)
sessions: list[aiohttp.ClientSession] = []


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def open_session(_: TaskiqState) -> None:
    """Make the one session."""
    sessions.append(
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
        )
    )


@broker.task(task_name="deliver")
async def deliver(body: str) -> None:
    """POST, and publish the result."""
    content = body.encode()
    async with sessions[0].post(SINK_URL, data=content, headers=HEADERS) as response:
        await response.read()
    await broker.write_channel.default_exchange.publish(
        aio_pika.Message(
            result(content, response.status), delivery_mode=aio_pika.DeliveryMode.PERSISTENT
        ),
        routing_key=RESULTS,
    )
