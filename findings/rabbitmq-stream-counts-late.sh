#!/usr/bin/env bash
# RabbitMQ 3.10.8: a passive declare counts a stream's messages seconds after they were confirmed.
#
# Expected: what the broker confirmed is counted when a queue is declared passively, as quorum and classic
# queues do.
# Happens: a stream says 0 (or what was there before), and the right number up to five seconds later.
# Matters to: autoscalers, tests and "is it empty yet?" checks that ask a stream by AMQP. A stream that was just
# filled looks empty, so that a consumer is not started, or a test ends too early.
# The guess before: a stream counts at once, as the other kinds of queue.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
broker ""
python_packages pika==1.4.4
python3 - <<'PY' | described 'classic  at once all, within 15 s all
quorum   at once all, within 15 s all
stream   at once fewer, within 15 s all'
import os
import time

import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
channel = connection.channel()
channel.confirm_delivery()


def count(name):
    return channel.queue_declare(name, passive=True).method.message_count


for kind in ("classic", "quorum", "stream"):
    channel.queue_declare(kind, durable=True, arguments={"x-queue-type": kind})
    for _ in range(100):
        channel.basic_publish("", kind, b"x", pika.BasicProperties(delivery_mode=2), mandatory=True)
    at_once = count(kind)  # of a stream mostly 0, unless the broker just counted
    until = time.monotonic() + 15
    while count(kind) < 100 and time.monotonic() < until:
        time.sleep(0.2)
    seen = ["all" if number == 100 else "fewer" for number in (at_once, count(kind))]
    print(f"{kind:7}  at once {seen[0]}, within 15 s {seen[1]}")
connection.close()
PY
