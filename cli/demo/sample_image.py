"""A container image made from scratch: an OCI layout with one small layer, for skopeo to push."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def write_image(layout: Path, tag: str, text: str) -> str:
    """Write an image whose one file says *text*, and return its digest.

    Args:
        layout: The folder to create.
        tag: The image's name in the layout.
        text: What makes this image different from others.
    """
    (layout / "blobs" / "sha256").mkdir(parents=True)
    tar = _tar("portcall.txt", text.encode())
    layer = _blob(layout, LAYER, gzip.compress(tar, mtime=0))
    config = _blob(
        layout,
        CONFIG,
        _json(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": [_digest(tar)]},
            }
        ),
    )
    manifest = _blob(
        layout,
        MANIFEST,
        _json({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}),
    )
    named = {**manifest, "annotations": {"org.opencontainers.image.ref.name": tag}}
    (layout / "index.json").write_bytes(_json({"schemaVersion": 2, "manifests": [named]}))
    (layout / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))
    return str(manifest["digest"])


def _tar(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _blob(layout: Path, media_type: str, content: bytes) -> dict[str, Any]:
    """Write a blob, and return its descriptor."""
    digest = _digest(content)
    (layout / "blobs" / "sha256" / digest.removeprefix("sha256:")).write_bytes(content)
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
