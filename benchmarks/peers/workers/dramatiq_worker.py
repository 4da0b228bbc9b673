"""Dramatiq: threads, a requests session each, results by the broker's own confirming channels."""

import threading

import dramatiq
import pika
import requests
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from step import AMQP_URL, HEADERS, KIND, QUEUE, RESULTS, SINK_URL, result


class Broker(RabbitmqBroker):
    """Dramatiq's broker, whose queues are of the kind that is measured."""

    def _build_queue_arguments(self, queue_name: str) -> dict[str, object]:
        return {**super()._build_queue_arguments(queue_name), "x-queue-type": KIND}


broker = Broker(url=AMQP_URL, confirm_delivery=True, middleware=[])
dramatiq.set_broker(broker)
mine = threading.local()


def session() -> requests.Session:
    """This thread's session."""
    if not hasattr(mine, "session"):
        mine.session = requests.Session()
        mine.session.trust_env = False
    made: requests.Session = mine.session
    return made


@dramatiq.actor(queue_name=QUEUE, actor_name="deliver")
def deliver(body: str) -> None:
    """POST, and publish the result."""
    content = body.encode()
    response = session().post(SINK_URL, data=content, headers=HEADERS)
    broker.channel.basic_publish(
        "",
        RESULTS,
        result(content, response.status_code),
        pika.BasicProperties(delivery_mode=2),
        mandatory=True,
    )
