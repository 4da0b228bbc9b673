"""The sources of the samples: how they are created, and the request that each of them takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from portcall.cli.client import Document, Management, source_path
from portcall.cli.demo.proving import SampleIssuer, headers_of
from portcall.cli.demo.samples import Sample
from portcall.schemas.sources import DEFAULT_PROOFS, Proof, Source


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """One POST with a valid proof.

    Attributes:
        sample: What it says.
        proof: How it proves its sender.
        path: Of the producer.
        headers: Its headers.
    """

    sample: Sample
    proof: Proof
    path: str
    headers: dict[str, str]


def request_to_new_source(
    management: Management,
    registry: str,
    sample: Sample,
    issuer: SampleIssuer,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> SampleRequest:
    """Create a source of a sample's kind, with the name of the kind, and make a request for it.

    Args:
        management: Where.
        registry: Of the source.
        sample: What the request says.
        issuer: Signs the token, where the proof is one.
        settings: Further options of the source.

    Raises:
        ServiceError: It was refused.
    """
    options = {**sample.options, **settings}
    if DEFAULT_PROOFS[sample.kind] is Proof.OIDC:
        options |= issuer.options()
    path = source_path(management.find_registry(registry), sample.kind)
    properties = {"kind": sample.kind.value, "options": options}
    made: Document = management.ask("PUT", path, {"properties": properties})["properties"]
    source = Source(
        registry=registry,
        name=sample.kind.value,
        kind=sample.kind,
        proof=Proof(made["proof"]),
        secrets=(str(made.get("secret", "")),),
        options=made["options"],
    )
    headers = headers_of(sample, source, issuer)
    return SampleRequest(sample, source.proof, str(made["path"]), headers)
