#!/usr/bin/env bash
# RabbitMQ 3.10.8, pika 1.4.4: a dead letter that is routed to a stream is lost.
#
# Expected: a stream is a queue like others to an exchange. What is rejected or expires goes to the
# dead-letter exchange, and so to every queue that is bound there.
# Happens: the classic and the quorum queue get it, the stream beside them does not, without an error or a line in
# the log. What is published to the same exchange reaches all three. From a quorum queue with
# x-dead-letter-strategy at-least-once it comes. (rabbitmq/rabbitmq-server#7846 of 2023 mends it for later versions.)
# Matters to: those who take a stream for the dead letters of a webhook since it can be read again and again: it
# stays empty, and where it is the only target, the events are nowhere.
# The guess before: the dead letter is in the stream, without its x-death.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages pika==1.4.4
broker ""
python3 - <<'PY' | described 'classic: rejected, expired, rejected at-least-once, published
quorum: rejected, expired, rejected at-least-once, published
stream: rejected at-least-once, published'
import os
import time

import pika

DEAD = {"x-dead-letter-exchange": "dead"}
SAFE = {**DEAD, "x-queue-type": "quorum", "x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}
KINDS = ("classic", "quorum", "stream")


def taken(queue: str) -> list[str]:
    """What comes out of a queue until "published", the last."""
    bodies = []
    first = {"x-stream-offset": "first"} if queue == "stream" else None
    for delivery, _, body in channel.consume(queue, arguments=first, inactivity_timeout=20):
        channel.basic_ack(delivery.delivery_tag)
        bodies.append(body.decode())
        if body == b"published":
            break
    channel.cancel()
    return bodies


with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_qos(prefetch_count=1)
    channel.exchange_declare("dead", "fanout")
    for kind in KINDS:
        channel.queue_declare(kind, durable=True, arguments={"x-queue-type": kind})
        channel.queue_bind(kind, "dead")
    sources = {"rejected": DEAD, "expired": {**DEAD, "x-message-ttl": 1}, "rejected at-least-once": SAFE}
    for name, arguments in sources.items():
        channel.queue_declare(name, durable=True, arguments=arguments)
        channel.basic_publish("", name, name.encode())
        if name != "expired":
            channel.basic_reject(channel.basic_get(name)[0].delivery_tag, requeue=False)
        time.sleep(2)  # until it has died
    channel.basic_publish("dead", "", b"published")
    for kind in KINDS:
        print(f"{kind}:", ", ".join(taken(kind)))
PY
