#!/usr/bin/env bash
# aio-pika 10.2.1 (pamqp 4.0.1), RabbitMQ 3.10.8: a float as a header loses half of its digits; a time is off by a minute.
#
# Expected: Python's float has 64 bits, AMQP's field tables have a 64-bit double, and kombu sends one. What is
# published arrives, or is refused.
# Happens: it is sent as a 32-bit float. 0.1 arrives as 0.10000000149011612, and time.time() of 2026-01-01T12:00:00.5
# as a time 63.5 seconds later. No error, and the publication is confirmed.
# Matters to: producers of events that put the time of a push, a deadline or a ratio into a header: an age that a
# consumer works out from it is wrong by up to 64 seconds, and may be negative.
# The guess before: floats arrive as they were sent; decimals and times of day were suspected.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages aio-pika==10.2.1 aiormq==7.2.4 pamqp==4.0.1 kombu==5.7.0 pika==1.4.4
broker ""
python3 - <<'PY' | described "aio-pika: 0.1 arrives as 0.10000000149011612, 1767268800.5 as 1767268864.0
kombu: 0.1 arrives as 0.1, 1767268800.5 as 1767268800.5"
import asyncio
import os

import aio_pika
import kombu

HEADERS = {"ratio": 0.1, "pushed": 1767268800.5}


async def received(channel):
    message = await channel.get(fail=False)
    await message.ack()
    ratio, pushed = message.headers["ratio"], message.headers["pushed"]
    return f"0.1 arrives as {ratio}, 1767268800.5 as {pushed}"


async def main():
    async with await aio_pika.connect(os.environ["AMQP_URL"]) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("events")
        await channel.default_exchange.publish(aio_pika.Message(b"x", headers=HEADERS), "events")
        print("aio-pika:", await received(queue))
        with kombu.Connection(os.environ["AMQP_URL"].replace("%2F", "/")) as other:
            other.Producer().publish("x", routing_key="events", headers=HEADERS)
        print("kombu:", await received(queue))


asyncio.run(main())
PY
