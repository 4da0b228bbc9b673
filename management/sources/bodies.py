"""Request bodies of sources."""

from typing import Annotated

from pydantic import Field

from portcall.management.http.bodies import Body, ReadOnly, Resource
from portcall.management.http.fields import Overlap


class SourceChanges(Body):
    """``properties`` of a source's PATCH: sent fields change, maps and lists as a whole.

    Attributes:
        kind: The product that sends; it cannot change.
        proof: Which requests are authentic.
        secret: What the sender knows from now on; the previous one ends at once.
        options: The settings of the proof and of the kind.
        networks: Where requests may come from, as addresses or CIDRs.
    """

    kind: str | None = None
    proof: str | None = None
    secret: Annotated[str | None, Field(repr=False)] = None
    options: dict[str, str] | None = None
    networks: list[str] | None = None
    path: ReadOnly
    header: ReadOnly
    created_at: ReadOnly
    changed_at: ReadOnly
    previous_until: ReadOnly


class SourceProperties(SourceChanges):
    """``properties`` of a source's PUT.

    Attributes:
        kind: The product that sends; that of an existing source cannot change.
        proof: Which requests are authentic; null: the usual one of the kind.
        secret: What the sender knows; null: the present one, or else a new one.
        options: The settings of the proof and of the kind; null: none.
        networks: Where requests may come from, as addresses or CIDRs; null: from anywhere.
    """

    kind: str


class SourcePatch(Resource):
    """The body of a source's PATCH."""

    name: ReadOnly
    properties: SourceChanges | None = None


class SourcePut(Resource):
    """The body of a source's PUT."""

    name: ReadOnly
    properties: SourceProperties


class SourceRotation(Body):
    """The body of a source's rotateSecret; everything may be left out.

    Attributes:
        overlap: How long the previous secret is accepted, milliseconds; null: the installation's.
        secret: The new secret; null: one is made.
    """

    overlap: Overlap = None
    secret: Annotated[str | None, Field(repr=False)] = None
