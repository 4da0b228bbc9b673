"""Declares the exchanges and queues of `portcall.schemas.topology`, and checks them."""

import asyncio
from collections.abc import Iterable

from aio_pika.abc import AbstractConnection
from aiormq import Channel
from aiormq.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

from portcall.runtime.broker.link import (
    BROKER_FAILURES,
    connected,
    describe,
    open_channel,
    version_of,
)
from portcall.runtime.errors import BrokerError
from portcall.schemas.topology import Queue, Topology

CALL_TIMEOUT_S = 30.0
BEING_MADE_TRIES = 20
BEING_MADE_S = 0.1
"""A stream that another process declares at the same time has no home for a moment: RabbitMQ 4.3
then says 404, "home node 'undefined'"."""


async def ping(url: str) -> str:
    """Connect to the broker and disconnect again.

    Returns:
        The broker's version, as it says it; empty: it does not.

    Raises:
        BrokerError: It cannot be reached, or refuses the credentials or the virtual host.
    """
    async with connected(url, name="portcall ping") as connection:
        return version_of(connection)


async def apply(url: str, topology: Topology) -> None:
    """Declare missing objects; existing ones must be the same.

    Raises:
        BrokerError: The broker cannot be reached, or has an object of that name that differs:
            then empty and delete it, or change the setting back.
    """
    async with connected(url, name="portcall topology") as connection:
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                await _declare(connection, topology)
        except ChannelPreconditionFailed as error:
            raise BrokerError(
                f"the broker has it already, but different: {describe(error)}"
            ) from error
        except BROKER_FAILURES as error:
            raise BrokerError(f"the topology cannot be declared: {describe(error)}") from error


async def _declare(connection: AbstractConnection, topology: Topology) -> None:
    channel = await open_channel(connection)
    for exchange in topology.exchanges:
        await channel.exchange_declare(
            exchange=exchange.name,
            exchange_type=exchange.type,
            durable=True,
            arguments=dict(exchange.arguments),
        )
    for queue in topology.queues:
        channel = await _declare_queue(connection, channel, queue)
    for binding in topology.bindings:
        await channel.queue_bind(
            binding.queue, binding.exchange, binding.key, arguments=dict(binding.headers)
        )
    for relay in topology.relays:
        await channel.exchange_bind(
            destination=relay.destination, source=relay.source, routing_key=relay.key
        )
    # Last: until then a message takes the old way and the new one, and arrives once.
    for binding in topology.obsolete:
        await channel.queue_unbind(binding.queue, binding.exchange, binding.key)


async def has_exchange(url: str, name: str) -> bool:
    """Whether the broker has an exchange of that name.

    Raises:
        BrokerError: The broker cannot be reached.
    """
    async with connected(url, name="portcall topology") as connection:
        try:
            async with asyncio.timeout(CALL_TIMEOUT_S):
                channel = await open_channel(connection)
                await channel.exchange_declare(name, passive=True)
        except ChannelNotFoundEntity:
            return False
        except BROKER_FAILURES as error:
            raise BrokerError(f"{name} cannot be looked at: {describe(error)}") from error
        return True


async def _declare_queue(connection: AbstractConnection, channel: Channel, queue: Queue) -> Channel:
    """Declare a queue, or accept it as an earlier release made it; returns the channel to go on."""
    for tries_left in reversed(range(BEING_MADE_TRIES)):
        try:
            await channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))
        except ChannelNotFoundEntity:
            if not tries_left:
                raise
            await asyncio.sleep(BEING_MADE_S)
            channel = await open_channel(connection)  # the error has closed the other one
        except ChannelPreconditionFailed as error:
            return await _accept_earlier(connection, queue, error)
        else:
            break
    return channel


async def _accept_earlier(
    connection: AbstractConnection, queue: Queue, refused: ChannelPreconditionFailed
) -> Channel:
    if not queue.earlier:
        raise refused
    channel = await open_channel(connection)  # the error has closed the other one
    try:
        await channel.queue_declare(queue.name, durable=True, arguments=dict(queue.earlier))
    except ChannelPreconditionFailed:
        raise refused from None  # it differs from both; these words are about today's
    return channel


async def depths(url: str, queues: Iterable[str]) -> dict[str, int | None]:
    """How many messages wait in each queue, without those being handled.

    Returns:
        By queue; None where there is no such queue.

    Raises:
        BrokerError: The broker cannot be reached.
    """
    found: dict[str, int | None] = {}
    async with connected(url, name="portcall depths") as connection:
        for queue in queues:
            try:
                async with asyncio.timeout(CALL_TIMEOUT_S):
                    # A missing queue closes the channel, so each query has its own.
                    channel = await open_channel(connection)
                    declared = await channel.queue_declare(queue, passive=True)
                    found[queue] = declared.message_count
                    await channel.close()
            except ChannelNotFoundEntity:
                found[queue] = None
            except BROKER_FAILURES as error:
                raise BrokerError(f"{queue} cannot be looked at: {describe(error)}") from error
    return found
