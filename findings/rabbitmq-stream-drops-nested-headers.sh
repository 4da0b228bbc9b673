#!/usr/bin/env bash
# RabbitMQ 3.10.8, pika 1.4.4: a stream drops every header that is a table or a list.
#
# Expected: AMQP 0-9-1 has tables and arrays as header values. What a publisher got a confirm for comes
# out of a queue as it went in, whatever the type of the queue.
# Happens: classic and quorum queues keep them. A stream keeps texts, numbers, booleans and nulls. The headers
# that are tables or arrays, even empty ones, are gone, without an error at either side.
# Matters to: those who keep events in a stream to read them again. Lists of targets and nested labels are missing
# there, and so is x-death, which is a list: a message that had died before does not tell how often.
# The guess before: all three queues give back the same headers.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages pika==1.4.4
broker ""
python3 - <<'PY' | described "sent:    empty=[] image='app' size=5 tags=['1', '2'] target={'tag': '1'} yanked=None
classic: empty=[] image='app' size=5 tags=['1', '2'] target={'tag': '1'} yanked=None
quorum:  empty=[] image='app' size=5 tags=['1', '2'] target={'tag': '1'} yanked=None
stream:  image='app' size=5 yanked=None"
import os

import pika

HEADERS = {
    "image": "app", "size": 5, "yanked": None, "tags": ["1", "2"], "empty": [], "target": {"tag": "1"},
}  # fmt: skip


def show(name: str, headers: dict) -> None:
    values = (f"{key}={headers[key]!r}" for key in sorted(headers) if key != "x-stream-offset")
    print(f"{name}:".ljust(8), *values)


with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_qos(prefetch_count=1)
    show("sent", HEADERS)
    for kind in ("classic", "quorum", "stream"):
        channel.queue_declare(kind, durable=True, arguments={"x-queue-type": kind})
        channel.basic_publish("", kind, b"x", pika.BasicProperties(headers=HEADERS))
        first = {"x-stream-offset": "first"} if kind == "stream" else None
        for delivery, properties, _ in channel.consume(kind, arguments=first, inactivity_timeout=20):
            channel.basic_ack(delivery.delivery_tag)
            show(kind, properties.headers)
            break
        channel.cancel()
PY
