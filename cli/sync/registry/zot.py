"""zot's search: the digests of all tags of a repository in one answer for 100.

``tags/list`` stays the list: search knows images only, and lags behind where zot reads its storage
again. A tag that search does not have is looked at by a HEAD, as on any registry.

Source: zot's ``pkg/extensions/search/schema.graphql`` (``ImageList``, ``PageInput``), its
``/v2/_zot/ext/search``. There was no zot to try it with.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

from portcall.cli.sync.registry.catalogue import Asker, Found, is_digest, is_tag
from portcall.cli.sync.registry.distribution import Distribution

PAGE = 100
SEARCH = "/v2/_zot/ext/search"


class Zot:
    """A zot with its search.

    Args:
        client: Asks it.
    """

    def __init__(self, client: Asker) -> None:
        self._client = client
        self._distribution = Distribution(client)

    @property
    def unreadable(self) -> int:
        """As in `Catalogue`."""
        return self._distribution.unreadable

    def repositories(self) -> AsyncIterator[str]:
        """As in `Catalogue`, by ``_catalog``."""
        return self._distribution.repositories()

    async def tags(self, repository: str) -> Mapping[str, Found]:
        """As in `Catalogue`: the list, the search, and a HEAD for what the search does not have."""
        names = await self._distribution.tag_names(repository)
        searched = await self._search(repository) if names else {}
        missing = [name for name in names if name not in searched]
        found = await self._distribution.look_at(repository, missing)
        return found | {name: searched[name] for name in names if name in searched}

    async def look(self, repository: str, tag: str) -> Found | None:
        """As in `Catalogue`, by a HEAD."""
        return await self._distribution.look(repository, tag)

    async def is_gone(self, repository: str, digest: str) -> bool | None:
        """As in `Catalogue`."""
        return await self._distribution.is_gone(repository, digest)

    async def _search(self, repository: str) -> dict[str, Found]:
        """What search says of a repository; an answer that cannot be used ends it."""
        found: dict[str, Found] = {}
        offset = 0
        while True:
            results = await self._page(repository, offset)
            before = len(found)
            for each in results:
                tag, digest = each.get("Tag"), each.get("Digest")
                media_type = each.get("MediaType")
                if is_tag(tag) and is_digest(digest):
                    kind = media_type[:255] if isinstance(media_type, str) else ""
                    found[tag] = Found(digest, kind)
            if len(results) < PAGE or len(found) == before:
                return found
            offset += PAGE

    async def _page(self, repository: str, offset: int) -> list[dict[str, Any]]:
        # A repository's name has no character that GraphQL could take for the end of the text.
        query = (
            f'{{ImageList(repo:"{repository}",requestedPage:{{limit:{PAGE},offset:{offset},'
            "sortBy:ALPHABETIC_ASC}){Results{Tag Digest MediaType}}}"
        )
        target = self._client.target(f"{SEARCH}?query={quote(query, safe='')}")
        answer = await self._client.ask("GET", target, f"repository:{repository}:pull")
        document = answer.document if answer.status == 200 else None
        try:
            results = document["data"]["ImageList"]["Results"]  # type: ignore[index]  # caught
        except (KeyError, TypeError):
            return []
        return [each for each in results if isinstance(each, dict)] if results else []
