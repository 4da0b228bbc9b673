"""The type of an artifact: from the media types of its manifest, config and layers, and its tag.

Source: the media types of the OCI image specification 1.1, of Docker's image manifest schema 2, of
Helm, of cosign and in-toto, of SPDX and CycloneDX; cosign's tags ``sha256-<hex>.sig``.
"""

import re
from collections.abc import Iterator, Sequence

INDEXES = frozenset(
    {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    }
)
_EXACT = {
    "application/vnd.oci.image.config.v1+json": "image",
    "application/vnd.docker.container.image.v1+json": "image",
    "application/vnd.cncf.helm.config.v1+json": "helm",
    "application/vnd.buildkit.cacheconfig.v0": "cache",
    "application/vnd.oci.empty.v1+json": "",
}
_PARTS = (
    ("cosign", "signature"),
    ("signature", "signature"),
    ("notary", "signature"),
    ("in-toto", "attestation"),
    ("sigstore.bundle", "attestation"),
    ("spdx", "sbom"),
    ("cyclonedx", "sbom"),
    ("wasm", "wasm"),
    ("helm", "helm"),
)
ATTACHED = frozenset({"signature", "attestation", "sbom"})
"""What is attached to another artifact. Layers tell of it although the config is an image's, as in
BuildKit's attestations."""
_TAGS_BEGIN = "sha"
"""The first letters of the tags below."""
_TAG = re.compile(r"sha256-[0-9a-f]{64}(?:\.(?P<kind>sig|att|sbom))?", re.ASCII)
_REFERRER_TAG = re.compile(r"sha(?:256|384|512)-[0-9a-f]{64,128}(?:\.(?:sig|att|sbom))?", re.ASCII)
"""Also of other digests, which the specification cuts to 64 characters."""
_BY_TAG = {"sig": "signature", "att": "attestation", "sbom": "sbom", None: "index"}


def artifact_type(
    media_type: str = "", config_type: str = "", tag: str = "", layer_types: Sequence[str] = ()
) -> str:
    """What an artifact is: image, index, helm, signature, attestation, sbom, wasm, cache or other.

    Args:
        media_type: Of its manifest; empty: unknown.
        config_type: Of its config, or its own ``artifactType``; empty: unknown.
        tag: Its tag; empty: it has none, or it is unknown.
        layer_types: Of its layers; empty: unknown.

    Returns:
        Empty where nothing says it.
    """
    if not config_type and not layer_types and not tag.startswith(_TAGS_BEGIN):
        return "index" if media_type in INDEXES else ""  # as nearly every event of a registry
    return next(_answers(media_type, config_type.lower(), tag, layer_types), "")


def is_referrer_tag(tag: str) -> bool:
    """Whether a tag belongs to what is attached to another artifact: as ``sha256-<hex>``.

    Source: the OCI distribution specification 1.1, "Referrers Tag Schema"; cosign's tags.
    """
    return tag.startswith(_TAGS_BEGIN) and _REFERRER_TAG.fullmatch(tag) is not None


def _answers(
    media_type: str, config_type: str, tag: str, layer_types: Sequence[str]
) -> Iterator[str]:
    """The answers of each fact, the surest first."""
    by_tag = _TAG.fullmatch(tag)
    if by_tag:
        yield _BY_TAG[by_tag["kind"]]
    if media_type in INDEXES:
        yield "index"
    by_layers = {_by_words(each.lower()) for each in layer_types}
    if len(by_layers) == 1 and by_layers <= ATTACHED:
        yield by_layers.pop()
    if _EXACT.get(config_type):
        yield _EXACT[config_type]
    if by_words := _by_words(config_type):
        yield by_words
    if config_type and config_type not in _EXACT:
        yield "other"


def _by_words(media_type: str) -> str:
    return next((kind for words, kind in _PARTS if words in media_type), "")
