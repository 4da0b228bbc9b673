"""Answers about sources."""

from msgspec import UNSET

from portcall.management.http.resources import REGISTRY_TYPE, registry_id
from portcall.management.sources.shapes import Source, SourceFacts
from portcall.schemas.sources import Proof, header_of
from portcall.schemas.timestamps import acr_timestamp
from portcall.store.database.installation import Installation
from portcall.store.sources.rows import SourceRow
from portcall.store.webhooks.registries import Registry

SOURCE_TYPE = f"{REGISTRY_TYPE}/sources"


def source_answer(
    installation: Installation, registry: Registry, row: SourceRow, secret: str = ""
) -> Source:
    """A source.

    Args:
        installation: The installation.
        registry: Its registry.
        row: It.
        secret: Its secret, if this request set it; empty: it is not shown.
    """
    path = f"/registries/{registry.name}/sources/{row.name}"
    if row.proof is Proof.PATH:
        path += f"/{secret or '{secret}'}"
    header, _ = header_of(row.kind, row.proof, row.options)
    return Source(
        type=SOURCE_TYPE,
        id=f"{registry_id(installation, registry.name)}/sources/{row.name}",
        name=row.name,
        properties=SourceFacts(
            kind=row.kind,
            proof=row.proof,
            path=path,
            header=header,
            options=dict(row.options),
            networks=[*row.networks],
            created_at=acr_timestamp(row.created_ms),
            changed_at=acr_timestamp(row.changed_ms),
            secret=secret or UNSET,
            previous_until=acr_timestamp(row.old_until_ms) if row.old_until_ms else UNSET,
        ),
    )
