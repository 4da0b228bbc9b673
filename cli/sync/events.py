"""Missed pushes and deletes as events for the producer: their ids, and the mark."""

import uuid
from typing import Any

from portcall.cli.sync.comparison import Missed

NAMESPACE = uuid.UUID("8f5d1e0c-6a43-5b0e-9c5e-4b1f0a3d7c21")
"""Of the ids of backfilled events; it never changes."""


def event_id(registry: str, missed: Missed) -> str:
    """The id of a missed event: the same in every run, until Portcall knows the event.

    It is made from the registry (in lower case), the action, the repository, the tag and the
    digest, and from what Portcall knew before: a tag that comes back to an earlier digest is
    another event.
    """
    facts = (
        registry.lower(),
        missed.action,
        missed.repository,
        missed.tag,
        missed.digest,
        missed.was,
        missed.was_seen_at,
    )
    return str(uuid.uuid5(NAMESPACE, "\n".join(facts)))


def event_of(registry: str, host: str, missed: Missed) -> dict[str, Any]:
    """A missed event as the producer takes it.

    Args:
        registry: The registry's name.
        host: The registry's host, as clients know it.
        missed: The event.
    """
    target: dict[str, Any] = {"digest": missed.digest, "repository": missed.repository}
    if missed.media_type:
        target["mediaType"] = missed.media_type
    if missed.size is not None:
        target |= {"size": missed.size, "length": missed.size}
    if missed.tag:
        target["tag"] = missed.tag
    identity = event_id(registry, missed)
    method = "DELETE" if missed.action == "delete" else "PUT"
    return {
        "id": identity,
        "timestamp": missed.at,
        "action": missed.action,
        "target": target,
        "request": {"id": identity, "host": host, "method": method},
        "portcall": mark(),
    }


def mark() -> dict[str, Any]:
    """What marks an event as backfilled: an extra, beside ACR's payload and never in it."""
    return {"backfilled": True}
