"""What a notification of docker distribution tells beyond ACR's payload: its extras.

Nothing here can refuse a notification: what is of another type counts as not told. GitLab puts a
JWT into ``actor.user``; of the actor only the name is read.

Source: distribution 2.8 and 3 ``notifications/event.go`` (``references`` are there with the
registry's setting ``includereferences``: a manifest's config and layers, an index's children).
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from portcall.schemas.artifact_types import INDEXES, artifact_type
from portcall.schemas.children import Child
from portcall.schemas.extras import NONE, Extras, platform_of

MAX_REFERENCES_BYTES = 128 * 1024
"""Of the references that are read; an index of 400 children has about so much, and a client may
push a manifest of 4 MiB."""


class Reference(Struct, frozen=True, rename="camel"):
    """A config or a layer of a manifest, or a child of an index."""

    media_type: Any = None
    platform: Any = None
    digest: Any = None


_decode = msgspec.json.Decoder(list[Reference]).decode


def extras_of(
    *,
    media_type: str,
    tag: str,
    references: bytes,
    own_type: object = None,
    platform: object = None,
    actor: object = None,
) -> Extras | None:
    """The extras of a notification; None: it tells nothing more.

    Args:
        media_type: Of the target; empty: unknown.
        tag: Of the target; empty: it has none.
        references: The JSON of the target's ``references``; empty: it has none.
        own_type: The target's ``artifactType``, of any type.
        platform: The target's ``platform``, of any type.
        actor: Who did it, of any type.
    """
    referred = references_of(references)
    types = [text_in(each.media_type) for each in referred]
    platforms = [platform_in(platform)]
    children: list[Child] = []
    if media_type in INDEXES:
        children = [Child(text_in(each.digest), platform_in(each.platform)) for each in referred]
        platforms += [each.platform for each in children]
        types = []
    told = Extras(
        actor=text_in(actor, "name"),
        artifact_type=artifact_type(
            media_type, text_in(own_type) or next(iter(types), ""), tag, types[1:]
        ),
        platforms=tuple(filter(None, platforms)),
        children=tuple(children),
    )
    return None if told == NONE else told


def references_of(written: bytes) -> list[Reference]:
    """The references; none where they cannot be read, or are very many."""
    if not written or len(written) > MAX_REFERENCES_BYTES:
        return []
    try:
        return _decode(written)
    except (msgspec.DecodeError, RecursionError):
        return []


def text_in(value: object, *names: str) -> str:
    """The text at a path of names; empty: there is none."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def platform_in(value: object) -> str:
    """A platform of a descriptor; empty: it has none."""
    return platform_of(
        text_in(value, "os"), text_in(value, "architecture"), text_in(value, "variant")
    )


def children_in(values: object) -> Iterator[Child]:
    """The children in the array ``manifests`` of an index."""
    for value in values if isinstance(values, list) else ():
        if digest := text_in(value, "digest"):
            yield Child(digest, next(platforms_in([value]), ""))


def platforms_in(values: object) -> Iterator[str]:
    """The platforms in an array of them, or of descriptors with one."""
    for value in values if isinstance(values, list) else ():
        inner = value.get("platform", value) if isinstance(value, dict) else None
        if platform := platform_in(inner):
            yield platform
