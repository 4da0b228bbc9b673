"""Extras as answers: what a source tells of an event beyond ACR's payload."""

from collections.abc import Sequence

from msgspec import UNSET, UnsetType

from portcall.management.http.shapes import Shape
from portcall.schemas.children import Child
from portcall.schemas.extras import NONE, Extras


class ToldExtras(Shape, frozen=True, kw_only=True):
    """What the source of an event tells beyond ACR's payload; what is unknown is absent.

    Attributes:
        kind: The source's kind, e.g. harbor.
        source: The source's name.
        source_id: The sender's own id of the event or of its request.
        actor: Who pushed or deleted, as the registry names them.
        artifact_type: image, index, helm, signature, attestation, sbom, wasm, cache or other.
        platforms: Of an image its own, of an index those of its children.
        backfilled: Found by a comparison with the registry after it happened.
        referrer: Of a delete, whether its digest was last seen under a tag of what is attached to
            another artifact.
        children: Of an index, the manifests that it lists, where the registry tells them.
        tags: Of a delete, the tags that went with the manifest, where the registry tells them.
    """

    kind: str | UnsetType = UNSET
    source: str | UnsetType = UNSET
    source_id: str | UnsetType = UNSET
    actor: str | UnsetType = UNSET
    artifact_type: str | UnsetType = UNSET
    platforms: list[str] | UnsetType = UNSET
    backfilled: bool | UnsetType = UNSET
    referrer: bool | UnsetType = UNSET
    children: list[Child] | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET


def told_extras(extras: Extras | None, tags: Sequence[str] = ()) -> ToldExtras | UnsetType:
    """An event's extras, and the tags of a delete; UNSET: nothing is told."""
    if extras is None and not tags:
        return UNSET
    told = extras or NONE
    return ToldExtras(
        kind=told.kind or UNSET,
        source=told.source or UNSET,
        source_id=told.source_id or UNSET,
        actor=told.actor or UNSET,
        artifact_type=told.artifact_type or UNSET,
        platforms=list(told.platforms) or UNSET,
        backfilled=told.backfilled or UNSET,
        referrer=told.referrer or UNSET,
        children=list(told.children) or UNSET,
        tags=list(tags or told.tags) or UNSET,
    )
