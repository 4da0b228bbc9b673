#!/usr/bin/env bash
# amqplib 2.3.1 (Node), RabbitMQ 3.10.8: a Date or a Map as a header arrives as an empty table.
#
# Expected: AMQP has a timestamp type, so a Date is one on the other side; what cannot be sent is refused, as
# amqplib does with other wrong properties.
# Happens: both are sent as an object without own properties: {}. No error, and the publication is confirmed.
# Matters to: producers of events that put the time of a push into a header, and consumers that look
# there: the time is gone.
# The guess before: a timestamp.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages pika==1.4.4
node_packages amqplib@2.3.1
broker ""
cat >"$work/publish.js" <<'JS'
const amqp = require("amqplib");
(async () => {
  const connection = await amqp.connect(process.env.AMQP_URL);
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue("events");
  channel.sendToQueue("events", Buffer.from("x"), {
    headers: { pushed: new Date(0), labels: new Map([["tier", "gold"]]), plain: { tier: "gold" } },
  });
  await channel.waitForConfirms();
  console.log("confirmed");
  await connection.close();
})();
JS
{
    node "$work/publish.js"
    python3 - <<'PY'
import os

import pika

with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    _, properties, _ = connection.channel().basic_get("events", auto_ack=True)
    for name in ("pushed", "labels", "plain"):
        print(name, properties.headers[name])
PY
} | described "confirmed
pushed {}
labels {}
plain {'tier': 'gold'}"
