"""Celery: late acks, a requests session, results by the app's pool of confirming producers."""

import requests
from celery import Celery
from kombu import Exchange, Queue
from requests.adapters import HTTPAdapter
from step import AMQP_URL, CONCURRENCY, HEADERS, KIND, QUEUE, RESULTS, SINK_URL, result

app = Celery("deliver", broker=AMQP_URL)
app.conf.update(
    task_queues=[
        Queue(QUEUE, Exchange(""), routing_key=QUEUE, queue_arguments={"x-queue-type": KIND})
    ],
    task_default_queue=QUEUE,
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_pool_limit=min(CONCURRENCY, 50),
    broker_transport_options={"confirm_publish": True},
    worker_send_task_events=False,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
)
session = requests.Session()
session.trust_env = False
session.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=CONCURRENCY))


@app.task(name="deliver")
def deliver(body: str) -> None:
    """POST, and publish the result."""
    content = body.encode()
    response = session.post(SINK_URL, data=content, headers=HEADERS)
    with app.producer_pool.acquire(block=True) as producer:
        producer.publish(
            result(content, response.status_code), exchange="", routing_key=RESULTS, delivery_mode=2
        )
