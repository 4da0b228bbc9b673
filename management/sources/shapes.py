"""Sources as answers; see `management.http.shapes`."""

from msgspec import UNSET, UnsetType

from portcall.management.http.shapes import Shape, Timestamp
from portcall.schemas.sources import Proof, SourceKind


class SourceFacts(Shape, frozen=True):
    """``properties`` of a source.

    Attributes:
        kind: The product that sends.
        proof: Which requests are authentic.
        path: The path of its address at the producer; ``{secret}`` stands for a secret in it.
        header: The header of its proof; empty: there is none of its own.
        secret: The secret, in the answer that made it only.
        options: The settings of its proof and of its kind.
        networks: Where requests may come from; empty: from anywhere.
        previous_until: Until when the previous secret is accepted, too.
    """

    kind: SourceKind
    proof: Proof
    path: str
    header: str
    options: dict[str, str]
    networks: list[str]
    created_at: Timestamp
    changed_at: Timestamp
    secret: str | UnsetType = UNSET
    previous_until: Timestamp | UnsetType = UNSET


class Source(Shape, frozen=True):
    """A source."""

    type: str
    id: str
    name: str
    properties: SourceFacts


class SourceList(Shape, frozen=True):
    """All sources of a registry, by name."""

    value: list[Source]
