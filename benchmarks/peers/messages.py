"""What is preloaded: one delivery of 600 bytes, plain or as each framework packs a task."""

import json
from collections.abc import Callable, Iterator
from itertools import count, islice

from pamqp.commands import Basic

from benchmarks.harness.broker import PERSISTENT, Message

BODY_BYTES = 600
Pack = Callable[[str, str], Message]
"""Makes a message of an id and a body."""


def body(number: int, repository: str = "team/app") -> tuple[str, str]:
    """The id and the body of a delivery: a push in ACR's shape, filled up to 600 bytes."""
    event_id = f"00000000-0000-4000-8000-{number:012d}"
    document = {
        "id": event_id,
        "timestamp": "2026-01-01T00:00:00.000000000Z",
        "action": "push",
        "target": {
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "size": 524,
            "digest": "sha256:" + "5" * 64,
            "length": 524,
            "repository": repository,
            "tag": f"v{number}",
        },
        "request": {
            "id": event_id,
            "host": "registry.example",
            "method": "PUT",
            "useragent": "",
        },
    }
    text = json.dumps(document, separators=(",", ":"))
    document["request"]["useragent"] = "x" * (BODY_BYTES - len(text))  # type: ignore[index]
    return event_id, json.dumps(document, separators=(",", ":"))


def messages(pack: Pack, number: int) -> Iterator[Message]:
    """So many of them."""
    return (pack(*body(each)) for each in islice(count(), number))


def plain(event_id: str, text: str) -> Message:
    """The body as it is."""
    del event_id
    properties = Basic.Properties(content_type="application/json", delivery_mode=PERSISTENT)
    return Message(text.encode(), properties)


def taskiq(event_id: str, text: str) -> Message:
    """What ``deliver.kiq(text)`` sends."""
    task = {
        "task_id": event_id,
        "task_name": "deliver",
        "labels": {},
        "labels_types": {},
        "args": [text],
        "kwargs": {},
    }
    properties = Basic.Properties(
        headers={"task_id": event_id, "task_name": "deliver"}, delivery_mode=PERSISTENT
    )
    return Message(json.dumps(task).encode(), properties)


def celery(event_id: str, text: str) -> Message:
    """What ``deliver.delay(text)`` sends: Celery's protocol 2."""
    embedded = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    properties = Basic.Properties(
        content_type="application/json",
        content_encoding="utf-8",
        headers={
            "lang": "py",
            "task": "deliver",
            "id": event_id,
            "root_id": event_id,
            "parent_id": None,
            "group": None,
            "eta": None,
            "expires": None,
            "retries": 0,
            "timelimit": [None, None],
            "ignore_result": True,
        },
        correlation_id=event_id,
        delivery_mode=PERSISTENT,
    )
    return Message(json.dumps([[text], {}, embedded]).encode(), properties)


def dramatiq(queue: str) -> Pack:
    """What ``deliver.send(text)`` sends to *queue*."""

    def pack(event_id: str, text: str) -> Message:
        task = {
            "queue_name": queue,
            "actor_name": "deliver",
            "args": [text],
            "kwargs": {},
            "options": {},
            "message_id": event_id,
            "message_timestamp": 0,
        }
        return Message(
            json.dumps(task, separators=(",", ":")).encode(),
            Basic.Properties(delivery_mode=PERSISTENT),
        )

    return pack
