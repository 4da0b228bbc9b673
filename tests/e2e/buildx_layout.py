"""OCI layouts as buildx makes them by default: each platform's image with an attestation beside it.

Source: BuildKit's ``docs/attestations/attestation-storage.md``: an attestation is a manifest in the
index, of the platform ``unknown/unknown``, whose layers are in-toto statements.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from portcall.cli.demo.sample_image import MANIFEST
from tests.e2e.clients import INDEX, two_platforms

CONFIG = "application/vnd.oci.image.config.v1+json"
IN_TOTO = "application/vnd.in-toto+json"


def as_buildx(layout: Path, platforms: int = 2) -> None:
    """A layout with an index ``v1`` of one or two platforms and their attestations."""
    two_platforms(layout)
    named = json.loads((layout / "index.json").read_bytes())
    index = json.loads(_path(layout, named["manifests"][0]["digest"]).read_bytes())
    images = index["manifests"][:platforms]
    index["manifests"] = [*images, *(_attestation(layout, each["digest"]) for each in images)]
    named["manifests"][0].update(_blob(layout, INDEX, index))
    (layout / "index.json").write_text(json.dumps(named))


def _attestation(layout: Path, of: str) -> dict[str, Any]:
    statement = {"_type": "https://in-toto.io/Statement/v0.1", "subject": [{"digest": of}]}
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _blob(layout, CONFIG, {"os": "unknown", "architecture": "unknown", "of": of}),
        "layers": [_blob(layout, IN_TOTO, statement)],
    }
    return _blob(layout, MANIFEST, manifest) | {
        "platform": {"os": "unknown", "architecture": "unknown"},
        "annotations": {
            "vnd.docker.reference.digest": of,
            "vnd.docker.reference.type": "attestation-manifest",
        },
    }


def _blob(layout: Path, media_type: str, document: object) -> dict[str, Any]:
    content = json.dumps(document).encode()
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    _path(layout, digest).write_bytes(content)
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _path(layout: Path, digest: str) -> Path:
    return layout / "blobs" / "sha256" / digest.removeprefix("sha256:")
