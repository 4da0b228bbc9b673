#!/usr/bin/env bash
# aio-pika 10.2.1, RabbitMQ 3.10.8: with publisher confirms and mandatory=True, both of them defaults,
# a message that no queue takes is published without an error.
#
# Expected: "await exchange.publish(...)" with confirms raises when the broker did not keep the message; pika
# does so (UnroutableError) for the same two settings.
# Happens: it returns, and what it returns is truthy: the returned message in place of an ack. Only a channel
# that was opened with on_return_raises=True, which is not the default, raises. The docstring of
# publish() says so.
# Matters to: producers that rely on confirms. With a queue that is not declared yet, or a wrong
# routing key, each event is lost, and the code that awaits each confirm sees nothing.
# The guess before: an exception.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages aio-pika==10.2.1 pika==1.4.4
broker ""
python3 - <<'PY' | described 'aio-pika: no error; returned DeliveredMessage, truthy: True
aio-pika, on_return_raises=True: PublishError
pika: UnroutableError'
import asyncio
import os

import aio_pika
import pika


async def publish(**options: bool) -> str:
    async with await aio_pika.connect(os.environ["AMQP_URL"]) as connection:
        channel = await connection.channel(**options)
        try:
            result = await channel.default_exchange.publish(aio_pika.Message(b"event"), "no-queue")
        except Exception as error:
            return type(error).__name__
        return f"no error; returned {type(result).__name__}, truthy: {bool(result)}"


print("aio-pika:", asyncio.run(publish()))
print("aio-pika, on_return_raises=True:", asyncio.run(publish(on_return_raises=True)))
with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    channel = connection.channel()
    channel.confirm_delivery()
    try:
        channel.basic_publish("", "no-queue", b"event", mandatory=True)
        print("pika: no error")
    except Exception as error:
        print("pika:", type(error).__name__)
PY
