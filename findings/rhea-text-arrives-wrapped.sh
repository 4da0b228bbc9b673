#!/usr/bin/env bash
# rhea 3.0.5 (AMQP 1.0) and RabbitMQ 3.10.8 with its AMQP 1.0 plugin: a consumer of AMQP 0-9-1 gets the
# text with five bytes before it, and the application's properties as one opaque header.
#
# Expected: the plugin is there so that both protocols share queues: the body 'text' arrives
# as the body 'text', and application properties as headers.
# Happens: for a body that is a value (which a string is by default in rhea) the section is handed on
# as it is encoded: 00 53 77 a1 04, then the text. The properties are one binary header. Nothing tells a consumer
# but the property type, amqp-1.0. RabbitMQ 4 has AMQP 1.0 built in and converts.
# Matters to: those who bring events from AMQP 1.0 clients (Azure's service bus clients speak it) to consumers on
# RabbitMQ: JSON that does not parse, headers that are not found.
# The guess before: the body and the headers as they were sent.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages pika==1.4.4
node_packages rhea@3.0.5
broker rabbitmq_amqp1_0
cat >"$work/send.js" <<'JS'
const connection = require("rhea").connect({
  host: "127.0.0.1", port: process.env.AMQP_PORT, username: "guest", password: "guest", reconnect: false,
});
connection.open_sender("/queue/events").once("sendable", ({ sender }) =>
  sender.send({ body: '{"tag":"1.10"}', application_properties: { tier: "gold" } }));
connection.on("accepted", () => { console.log("accepted"); connection.close(); });
JS
{
    timeout 20 node "$work/send.js"
    python3 - <<'PY'
import os

import pika

with pika.BlockingConnection(pika.URLParameters(os.environ["AMQP_URL"])) as connection:
    _, properties, body = connection.channel().basic_get("events", auto_ack=True)
    print("type", properties.type)
    print("body", body)
    print("headers", sorted(properties.headers))
PY
} | described "accepted
type amqp-1.0
body b'\\x00Sw\\xa1\\x0e{\"tag\":\"1.10\"}'
headers ['x-amqp-1.0-app-properties', 'x-amqp-1.0-properties']"
