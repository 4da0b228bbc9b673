"""The API that every registry has: ``_catalog``, ``tags/list`` and manifests.

Source: OCI distribution specification 1.1 (tags, manifests, Link), distribution's HTTP API V2
(``_catalog``, which the OCI does not have: ghcr.io, Docker Hub and GitLab have none, either).
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from urllib.parse import quote

from portcall.cli.sync.registry.answers import Answer
from portcall.cli.sync.registry.catalogue import (
    Asker,
    Found,
    is_digest,
    is_repository,
    is_tag,
    list_of,
    object_of,
    pages,
    refused,
)
from portcall.cli.sync.registry.errors import RegistryError

CATALOGUE_PAGE = 100
"""Registries of distribution 3 refuse more than their limit, 1,000 by default."""
TAGS_PAGE = 1000
LOOKED_AT_ONCE = 100
MAX_MANIFEST = 4 * 1024 * 1024
CATALOGUE_SCOPE = "registry:catalog:*"
_MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.artifact.manifest.v1+json",
)
ACCEPT = ", ".join(_MANIFEST_TYPES)
"""An index before its manifests: the tag's own digest is wanted, not that of one platform."""
_ABSENT = frozenset({404})
_GONE = frozenset({"MANIFEST_UNKNOWN", "NAME_UNKNOWN"})


class Distribution:
    """A registry by the distribution API.

    Args:
        client: Asks it.
    """

    def __init__(self, client: Asker) -> None:
        self._client = client
        self.unreadable = 0

    async def repositories(self) -> AsyncIterator[str]:
        """As in `Catalogue`, by ``_catalog``."""
        target = self._client.target(f"/v2/_catalog?n={CATALOGUE_PAGE}")
        seen: set[str] = set()
        try:
            async for page in pages(self._client, target, CATALOGUE_SCOPE):
                for name in list_of(page, object_of(page).get("repositories")):
                    if not is_repository(name):
                        self.unreadable += 1
                    elif name not in seen:
                        seen.add(name)
                        yield name
        except RegistryError as error:
            if error.status in {401, 403, 404, 405} and not seen:
                raise RegistryError(
                    f"{error}: it does not list its repositories to these credentials; name them"
                    " with --repository",
                    status=error.status,
                ) from error
            raise

    async def tags(self, repository: str) -> Mapping[str, Found]:
        """As in `Catalogue`: one list, and a HEAD for each tag."""
        names = await self.tag_names(repository)
        return await self.look_at(repository, names)

    async def tag_names(self, repository: str) -> list[str]:
        """The names of the tags of a repository."""
        target = self._client.target(f"/v2/{repository}/tags/list?n={TAGS_PAGE}")
        names: dict[str, None] = {}
        async for page in pages(self._client, target, _pull(repository), absent=_ABSENT):
            for name in list_of(page, object_of(page).get("tags")):
                if is_tag(name):
                    names[name] = None
                else:
                    self.unreadable += 1
        return list(names)

    async def look_at(self, repository: str, names: list[str]) -> dict[str, Found]:
        """What these tags name; those that are not there any more are left out."""
        found: dict[str, Found] = {}
        for start in range(0, len(names), LOOKED_AT_ONCE):
            part = names[start : start + LOOKED_AT_ONCE]
            async with asyncio.TaskGroup() as group:
                looks = [group.create_task(self.look(repository, name)) for name in part]
            for name, look in zip(part, looks, strict=True):
                if (tag := look.result()) is not None:
                    found[name] = tag
        return found

    async def look(self, repository: str, tag: str) -> Found | None:
        """As in `Catalogue`, by a HEAD; by a GET where the registry names no digest."""
        answer = await self._manifest("HEAD", repository, tag)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise refused(answer)
        digest = answer.headers.get("docker-content-digest", "")
        if is_digest(digest):
            length = answer.headers.get("content-length", "")
            size = int(length) if length.isascii() and length.isdecimal() else None
            return Found(digest, _media_type(answer), size or None)
        answer = await self._manifest("GET", repository, tag)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise refused(answer)
        digest = "sha256:" + hashlib.sha256(answer.body).hexdigest()
        return Found(digest, _media_type(answer), len(answer.body))

    async def is_gone(self, repository: str, digest: str) -> bool | None:
        """As in `Catalogue`: a 404 counts where its body says what is unknown."""
        try:
            answer = await self._manifest("GET", repository, digest)
        except RegistryError as error:
            if error.status == 401:
                return None
            raise
        if answer.status == 200:
            return False
        return True if answer.status == 404 and answer.codes & _GONE else None

    async def _manifest(self, method: str, repository: str, reference: str) -> Answer:
        target = self._client.target(f"/v2/{repository}/manifests/{quote(reference, safe=':')}")
        return await self._client.ask(
            method,
            target,
            _pull(repository),
            headers={"Accept": ACCEPT},
            max_body=MAX_MANIFEST,
        )


def _pull(repository: str) -> str:
    return f"repository:{repository}:pull"


def _media_type(answer: Answer) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip()[:255]
