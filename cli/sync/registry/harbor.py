"""Harbor's own API: projects, repositories and artifacts, with the time of each push.

``_catalog`` needs an administrator of Harbor; this needs a member of the projects, and one request
for 100 artifacts instead of one for each tag.

Source: Harbor's ``api/v2.0/swagger.yaml`` (2.0 to 2.15): lists have ``page``, ``page_size`` and a
Link header; a repository's name is encoded twice; ``X-Is-Resource-Name`` says that a project's
name is no number. There was no Harbor to try it with.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any
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
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.timestamps import sent_timestamp

PAGE = 100
"""The greatest page that Harbor has."""
HEADERS = {"Accept": "application/json", "X-Is-Resource-Name": "true"}
ROOT = "/api/v2.0"
_ABSENT = frozenset({404})


class Harbor:
    """A Harbor by its own API.

    Args:
        client: Asks it.
    """

    def __init__(self, client: Asker) -> None:
        self._client = client
        client.prefer_basic()
        self.unreadable = 0

    async def repositories(self) -> AsyncIterator[str]:
        """As in `Catalogue`: those of all projects that the credentials can see."""
        seen: set[str] = set()
        async for page in self._pages(f"/projects?page_size={PAGE}"):
            for project in list_of(page, page.document):
                name = project.get("name") if isinstance(project, dict) else None
                if not isinstance(name, str) or not name:
                    self.unreadable += 1
                    continue
                async for repository in self._repositories(name):
                    if repository not in seen:
                        seen.add(repository)
                        yield repository

    async def tags(self, repository: str) -> Mapping[str, Found]:
        """As in `Catalogue`, by the artifacts; those without a tag are left out."""
        found: dict[str, Found] = {}
        target = f"{_path(repository)}?with_tag=true&page_size={PAGE}"
        async for page in self._pages(target, _ABSENT):
            for artifact in list_of(page, page.document):
                found.update(self._tags_of(page, artifact))
        return found

    async def look(self, repository: str, tag: str) -> Found | None:
        """As in `Catalogue`, by the artifact of the tag."""
        answer = await self._ask(f"{_path(repository)}/{quote(tag, safe='')}?with_tag=true")
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise refused(answer)
        return self._tags_of(answer, object_of(answer)).get(tag)

    async def is_gone(self, repository: str, digest: str) -> bool | None:
        """As in `Catalogue`: Harbor answers 404 with its own code, and 401 or 403 to strangers."""
        answer = await self._ask(f"{_path(repository)}/{quote(digest, safe=':')}")
        if answer.status == 200:
            return False
        return True if answer.status == 404 and "NOT_FOUND" in answer.codes else None

    async def _repositories(self, project: str) -> AsyncIterator[str]:
        target = f"/projects/{quote(project, safe='')}/repositories?page_size={PAGE}"
        async for page in self._pages(target, _ABSENT):
            for each in list_of(page, page.document):
                name = each.get("name") if isinstance(each, dict) else None
                if is_repository(name):
                    yield name
                else:
                    self.unreadable += 1

    def _tags_of(self, answer: Answer, artifact: Any) -> dict[str, Found]:  # noqa: ANN401 (JSON)
        facts = artifact if isinstance(artifact, dict) else {}
        digest = facts.get("digest")
        if not is_digest(digest):
            self.unreadable += 1
            return {}
        media_type = facts.get("manifest_media_type")
        media_type = media_type[:255] if isinstance(media_type, str) else ""
        found: dict[str, Found] = {}
        for tag in list_of(answer, facts.get("tags")):
            name = tag.get("name") if isinstance(tag, dict) else None
            if is_tag(name):
                # The artifact's size is that of its layers, too: an event's is the manifest's.
                found[name] = Found(digest, media_type, None, _time(tag.get("push_time")))
            else:
                self.unreadable += 1
        return found

    def _pages(self, path: str, absent: frozenset[int] = frozenset()) -> AsyncIterator[Answer]:
        target = self._client.target(ROOT + path)
        return pages(self._client, target, "", headers=HEADERS, absent=absent)

    async def _ask(self, path: str) -> Answer:
        return await self._client.ask("GET", self._client.target(ROOT + path), headers=HEADERS)


def _path(repository: str) -> str:
    """The artifacts of a repository: the name behind the project is encoded twice."""
    project, _, name = repository.partition("/")
    twice = quote(quote(name, safe=""), safe="")
    return f"/projects/{quote(project, safe='')}/repositories/{twice}/artifacts"


def _time(text: object) -> str:
    """A time as events have it; empty where Harbor has none, which it writes as year 1."""
    try:
        time = sent_timestamp(text, "push_time") if isinstance(text, str) else None
    except InvalidValueError:
        time = None
    return time if time and not time.startswith(("0001-", "1970-")) else ""
