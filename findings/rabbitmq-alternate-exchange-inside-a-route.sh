#!/usr/bin/env bash
# RabbitMQ 3.10.8: an alternate exchange also works behind an exchange-to-exchange binding, for messages that have a queue already.
#
# Expected: a message goes to the alternate exchange of the exchange that it is published to, if it reaches no queue at all;
# the extension is described for messages that "cannot be routed".
# Happens: each exchange on the way decides for itself. A message that a reader's queue gets from the first exchange also goes
# to the alternate exchange of the second one, if the second has no queue for it. A queue that is reached on two such ways
# gets the message once.
# Matters to: topologies that share one exchange between readers and a sorting exchange, as webhook pipelines do. A queue for
# all unsorted messages is possible without an extra publish; but an alternate exchange for "lost messages" behind a binding
# also gets messages that were not lost.
# The guess before: it applies only where a message is published, and only if no queue gets it.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
broker ""
python_packages pika==1.4.4
python3 - <<'PY' | described 'sorted by its header   reader 1, sorted 1, rest 0
without the header     reader 1, sorted 0, rest 1
rest bound twice       reader 1, sorted 0, rest 1'
import os

import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"]))
channel = connection.channel()
channel.confirm_delivery()
channel.exchange_declare("rest", "fanout")
channel.exchange_declare("second", "headers", arguments={"alternate-exchange": "rest"})
channel.exchange_declare("first", "topic")
for name in ("reader", "sorted", "rest"):
    channel.queue_declare(name)
channel.queue_bind("reader", "first", "#")
channel.queue_bind("sorted", "second", arguments={"x-match": "all", "shard": "1"})
channel.queue_bind("rest", "rest")
channel.exchange_bind("second", "first", "#")


def publish(name, headers):
    channel.basic_publish("first", "key", b"x", pika.BasicProperties(headers=headers), mandatory=True)
    counts = []
    for queue in ("reader", "sorted", "rest"):
        count = channel.queue_declare(queue, passive=True).method.message_count
        counts.append(f"{queue} {count}")
        channel.queue_purge(queue)
    print(f"{name:22} {', '.join(counts)}")


publish("sorted by its header", {"shard": "1"})
publish("without the header", {})
channel.queue_bind("rest", "first", "#")
publish("rest bound twice", {})
connection.close()
PY
