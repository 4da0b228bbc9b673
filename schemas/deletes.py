"""Deletes of manifests: the tags that went with one, and how a POST names them.

A registry deletes a manifest's tags with it, and reports each tag apart from the delete, with the
id of the same request: docker distribution after it, GitLab before it. So the tags are an extra of
the delete. Only a webhook with the filter `tagsOnDelete` gets them, as ``portcall.tags`` of the
payload; all other fields are ACR's.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from msgspec import Struct, structs

from portcall.schemas.children import beside
from portcall.schemas.events import Action, Event
from portcall.schemas.extras import NONE


class DeletedManifest(NamedTuple):
    """The facts of a delete by which its tags are found.

    Attributes:
        registry: The registry's key.
        request_id: Of the request to the registry; empty: unknown.
        repository: The repository.
        digest: Of the manifest.
        deleted_ms: When the delete was accepted, milliseconds since the epoch.
    """

    registry: str
    request_id: str
    repository: str
    digest: str
    deleted_ms: int


class DeletedTag(NamedTuple):
    """A tag that was deleted, alone or with its manifest.

    Attributes:
        registry: The registry's key.
        request_id: Of the request to the registry.
        repository: The repository.
        tag: The tag.
        deleted_ms: When the event was accepted, milliseconds since the epoch.
    """

    registry: str
    request_id: str
    repository: str
    tag: str
    deleted_ms: int


class _Target(Struct, frozen=True):
    digest: str = ""


class _Request(Struct, frozen=True):
    id: str = ""


class _Body(Struct, frozen=True):
    """The part of a body that identifies a delete."""

    target: _Target = _Target()
    request: _Request = _Request()


_decode = msgspec.json.Decoder(_Body).decode
_NOTHING = _Body()


def manifest_in(event: Event) -> DeletedManifest | None:
    """The manifest that an event deletes without naming tags; None: it is no such delete.

    A delete with a tag is left out: it has all the tags that its source reports.
    """
    if event.action != Action.DELETE or event.tag or (event.extras or NONE).tags:
        return None
    body = _read(event)
    if not body.target.digest:
        return None
    return DeletedManifest(
        event.registry, body.request.id, event.repository, body.target.digest, event.accepted_ms
    )


def tells_of_tag(event: Event) -> bool:
    """Whether an event may name a deleted tag: an untag, or the delete of a tag."""
    return event.action == Action.UNTAG or (event.action == Action.DELETE and bool(event.tag))


def tag_in(event: Event) -> DeletedTag | None:
    """The tag that an event deletes, if the request is known; None: it is no such event."""
    if not tells_of_tag(event) or not event.tag:
        return None
    body = _read(event)
    if not body.request.id or body.target.digest:
        return None
    return DeletedTag(
        event.registry, body.request.id, event.repository, event.tag, event.accepted_ms
    )


def with_tags(event: Event, tags: Iterable[str]) -> Event:
    """A delete with the tags that went with it; without tags it is unchanged."""
    named = tuple(tags)
    if not named:
        return event
    return structs.replace(event, extras=structs.replace(event.extras or NONE, tags=named))


def naming_tags(body: bytes, tags: Iterable[str]) -> bytes:
    """A payload of ACR's with the tags behind its own fields."""
    return beside(body, {"tags": list(tags)})


def _read(event: Event) -> _Body:
    try:
        return _decode(event.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _NOTHING
