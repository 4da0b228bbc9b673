#!/usr/bin/env bash
# pika 1.4.4, RabbitMQ 3.10.8: a header that is a float arrives as a whole number, and cannot be sent.
#
# Expected: AMQP's field tables have floats and doubles, RabbitMQ keeps them, and other clients read 0.75 as
# 0.75.
# Happens: pika cuts the fraction off: 0.75 is 0, -2.9 is -2. To publish a float as a header raises
# UnsupportedAMQPFieldException. (pika/pika#599 of 2015 tells of the first, #1705 of the second.)
# Matters to: those who put scores, ratios, seconds or versions into headers: consumers written with pika
# see 0 where those written with another client see 0.75, and no error.
# The guess before: 0.75 arrives; one can be sent, too.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages pika==1.4.4 kombu==5.7.0 aio-pika==10.2.1
broker ""
python3 - <<'PY' | described 'kombu sent     0.75 -2.9 1.0
aio-pika reads 0.75 -2.9 1.0
pika reads     0 -2 1
pika sends     UnsupportedAMQPFieldException'
import asyncio
import os

import aio_pika
import pika
from kombu import Connection

URL = os.environ["AMQP_URL"]
HEADERS = {"share": 0.75, "change": -2.9, "version": 1.0}


def shown(values: dict) -> str:
    return " ".join(str(values[name]).removesuffix("L") for name in HEADERS)


async def read_by_aio_pika() -> str:
    async with await aio_pika.connect(URL) as connection:
        queue = await (await connection.channel()).get_queue("events", ensure=False)
        message = await queue.get(timeout=10)
        await message.reject(requeue=True)
        return shown(message.headers)


with pika.BlockingConnection(pika.URLParameters(URL)) as connection:
    channel = connection.channel()
    channel.queue_declare("events")
    with Connection(URL) as other:
        other.Producer().publish("x", routing_key="events", headers=HEADERS)
    print("kombu sent    ", shown(HEADERS))
    print("aio-pika reads", asyncio.run(read_by_aio_pika()))
    properties = None
    while properties is None:
        _, properties, _ = channel.basic_get("events", auto_ack=True)
    print("pika reads    ", shown(properties.headers))
    try:
        channel.basic_publish("", "events", b"x", pika.BasicProperties(headers=HEADERS))
        print("pika sends    ", shown(HEADERS))
    except pika.exceptions.UnsupportedAMQPFieldException as error:
        print("pika sends    ", type(error).__name__)
PY
