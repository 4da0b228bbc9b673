#!/usr/bin/env bash
# kombu 5.7.0: its "json" writes times and decimals as objects of its own, and turns such objects of
# others into Python's types.
#
# Expected: content type application/json with a datetime in it is either refused, as json.dumps does, or
# an ISO 8601 string, as in most frameworks; and a published object arrives as an object.
# Happens: the body has {"__type__": "datetime", "__value__": "..."}, which consumers that are not kombu
# do not expect; and a message that any other client published, with an object of these two
# names, is a Decimal or a UUID when a kombu consumer decodes it.
# Matters to: producers and consumers of events on one broker that are written with different libraries.
# The guess before: an ISO string, and the object is left alone.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
python_packages kombu==5.7.0
python3 - <<'PY' | described 'application/json: {"at": {"__type__": "datetime", "__value__": "2024-01-02T03:04:05+00:00"}, "price": {"__type__": "decimal", "__value__": "1.50"}}
published as {"label": {"__type__": "decimal", "__value__": "1.50"}}, received {'"'label': Decimal('1.50')"'}'
import json
from datetime import UTC, datetime
from decimal import Decimal

from kombu import Connection, Queue

with Connection("memory://") as connection, connection.channel() as channel:
    queue = Queue("events", channel=channel)
    queue.declare()
    event = {"at": datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), "price": Decimal("1.50")}
    connection.Producer(channel).publish(event, routing_key="events", serializer="json")
    message = queue.get(no_ack=True)
    body = message.body
    print(f"{message.content_type}: {body if isinstance(body, str) else body.decode()}")
    foreign = json.dumps({"label": {"__type__": "decimal", "__value__": "1.50"}})
    connection.Producer(channel).publish(
        foreign, routing_key="events", content_type="application/json", content_encoding="utf-8"
    )
    print(f"published as {foreign}, received {queue.get(no_ack=True).payload}")
PY
