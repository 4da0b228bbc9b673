"""Blob or manifest: what the target of a notification is, by facts that only its registry sets.

Clients choose names and tags, and, by their request's headers (``Host``, ``X-Forwarded-Proto``),
the beginning of the URL. They do not choose:

- the media type. A blob is always ``application/octet-stream``; a manifest has one of the types
  that its registry knows;
- whether there is a tag. Blobs have none;
- the end of the URL. The registry appends ``/v2/<repository>/blobs/<digest>``, or ``manifests`` for
  ``blobs``. It is compared as a whole: the URL must end with that text, with the target's own
  repository and digest.

The media type and the tag decide where they can. The end of the URL decides only for targets whose
media type is not one of distribution's own. In doubt it is a manifest: an unnecessary webhook does
less harm than a missing one.

Source: distribution 2.8 and 3.1 ``notifications/bridge.go``, ``registry/api/v2/urls.go``.
"""

BLOB_TYPE = "application/octet-stream"
MANIFEST_TYPES = frozenset(
    {
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v1+prettyjws",
        "application/vnd.docker.distribution.manifest.v1+json",
    }
)


def is_blob(*, media_type: str, tag: str, url: str, repository: str, digest: str) -> bool:
    """Whether a target is a blob: neither a manifest nor an index.

    Args:
        media_type: As sent; empty if unknown, like all the others.
        tag: The tag.
        url: The registry's URL of the target.
        repository: The repository's full name.
        digest: The digest, with its algorithm.
    """
    if tag or media_type in MANIFEST_TYPES:
        return False
    if url.endswith(f"/v2/{repository}/blobs/{digest}"):
        return True
    if url.endswith(f"/v2/{repository}/manifests/{digest}"):
        return False
    return media_type == BLOB_TYPE
