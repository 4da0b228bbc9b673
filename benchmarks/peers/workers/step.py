"""What every Python peer does with a message beside its framework: the same for all of them."""

import json
import os

AMQP_URL = os.environ["BENCH_AMQP_URL"]
SINK_URL = os.environ["BENCH_SINK_URL"]
QUEUE = os.environ["BENCH_QUEUE"]
RESULTS = os.environ["BENCH_RESULTS"]
KIND = os.environ["BENCH_KIND"]
PREFETCH = int(os.environ["BENCH_PREFETCH"])
CONCURRENCY = int(os.environ["BENCH_CONCURRENCY"])
HEADERS = {"Content-Type": "application/json"}


def result(body: bytes, status: int) -> bytes:
    """The result that is published: which delivery it was, and what the endpoint answered."""
    return json.dumps({"id": json.loads(body)["id"], "status": status}).encode()
