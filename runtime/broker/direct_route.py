"""Whether the broker has the exchanges and bindings of the direct way (docs/decisions/0057).

AMQP cannot list bindings. So frames without events are published, and queues of this connection,
which end with it, show which way each took. Routers and deliverers ack such a frame and do nothing.
"""

import asyncio
import uuid

from aiormq import Channel
from aiormq.exceptions import DeliveryError
from pamqp.commands import Basic

from portcall.runtime.broker.confirms import ConfirmedChannel
from portcall.runtime.broker.declaring import has_exchange
from portcall.runtime.broker.link import BROKER_FAILURES, connected, describe, open_channel
from portcall.runtime.errors import BrokerError
from portcall.schemas.frames import encode_deliveries
from portcall.schemas.topology import EVENTS, ROUTER, SHARD_HEADER, SHARDS, deliver_queue

ANSWER_S = 10.0
PROBE_HEADER = "portcall-probe"
"""Of a frame without events: what it is to show."""
PROBE_KEY = "portcall-doctor.probe"
"""Its routing key; no registry has that name."""
MAX_COPIES = 10_000
"""Copies of events that pass in the meantime, after which the oldest are dropped."""
EMPTY_FRAME = encode_deliveries([], [])


async def missing_parts(url: str, shards: int) -> list[str]:
    """The exchanges and bindings of the direct way that the broker does not have, in words.

    Args:
        url: The broker.
        shards: Number of queues that share the deliveries; these queues must exist.

    Raises:
        BrokerError: The broker cannot be reached, or does not answer.
    """
    exchanges = [each for each in (SHARDS, ROUTER) if not await has_exchange(url, each)]
    if exchanges:
        return [f"exchange {each}" for each in exchanges]
    async with connected(url, name="portcall doctor") as connection:
        try:
            async with asyncio.timeout(ANSWER_S):
                channel = await open_channel(connection)
                sender = ConfirmedChannel(await open_channel(connection, confirms=True))
                return [*await _relay(channel, sender), *await _shards(channel, sender, shards)]
        except BROKER_FAILURES as error:
            raise BrokerError(f"the direct way cannot be tried: {describe(error)}") from error


async def _relay(channel: Channel, sender: ConfirmedChannel) -> list[str]:
    """Whether events reach `SHARDS`: a queue behind it takes the probe, so that no router gets it.

    A second queue takes it from `EVENTS`: it is never unrouted.
    """
    probe = uuid.uuid4().hex
    behind = await _queue(channel)
    await channel.queue_bind(behind, SHARDS, arguments={PROBE_HEADER: probe})
    await channel.queue_bind(await _queue(channel), EVENTS, PROBE_KEY)
    await _send(sender, EVENTS, {PROBE_HEADER: probe})
    if probe in await _taken(channel, behind):
        return []
    return [f"binding from exchange {EVENTS} to exchange {SHARDS}"]


async def _shards(channel: Channel, sender: ConfirmedChannel, shards: int) -> list[str]:
    """Whether each shard's queue gets its frames: those of no queue pass `ROUTER`."""
    run = uuid.uuid4().hex
    astray = await _queue(channel)
    await channel.queue_bind(astray, ROUTER)
    for shard in range(shards):
        await _send(sender, SHARDS, {PROBE_HEADER: f"{run}-{shard}", SHARD_HEADER: str(shard)})
    await channel.queue_unbind(astray, ROUTER)  # or the router's own messages would go on coming
    found = await _taken(channel, astray)
    return [
        f"binding from exchange {SHARDS} to queue {deliver_queue(shard)}"
        for shard in range(shards)
        if f"{run}-{shard}" in found
    ]


async def _queue(channel: Channel) -> str:
    declared = await channel.queue_declare(
        exclusive=True, auto_delete=True, arguments={"x-max-length": MAX_COPIES}
    )
    return declared.queue or ""


async def _send(sender: ConfirmedChannel, exchange: str, headers: dict[str, str | int]) -> None:
    """Publish a frame without events; the queues that it reaches have it afterwards."""
    try:
        await sender.begin(
            EMPTY_FRAME, exchange=exchange, key=PROBE_KEY, headers=headers, lasting=False
        )
    except DeliveryError:
        return  # a full queue refused it: the others have it, and a queue that refuses is bound


async def _taken(channel: Channel, queue: str) -> set[object]:
    """What the probes in a queue were to show."""
    found: set[object] = set()
    while isinstance((got := await channel.basic_get(queue, no_ack=True)).delivery, Basic.GetOk):
        found.add((got.header.properties.headers or {}).get(PROBE_HEADER))
    return found
