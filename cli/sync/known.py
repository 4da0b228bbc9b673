"""What Portcall knows of a registry's tags, from its management API."""

import asyncio
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, Protocol

from portcall.cli.sync.comparison import Known

ADOPTED_AT_ONCE = 500
"""Tags in one request; the API takes 1,000, and a body of 1 MiB."""


class Api(Protocol):
    """The part of `cli.client.Management` that is used. Its methods block."""

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Make one call; raises a `CliError`."""
        ...

    def whole_pages(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None
    ) -> Iterable[dict[str, Any]]:
        """Yield the pages of a list; raises a `CliError`."""
        ...


class KnownTags:
    """The known tags of one registry.

    Args:
        api: The management API; it has one connection, so one call is made at a time.
        path: The registry's path.
    """

    def __init__(self, api: Api, path: str) -> None:
        self._api = api
        self._path = path
        self._turn = asyncio.Lock()

    async def catch_up(self) -> bool:
        """Wait until Portcall has entered what it accepted; returns whether it knows any tag."""
        query = {"catchUp": "true", "$top": "1"}
        async with self._turn:
            page = await asyncio.to_thread(
                self._api.ask, "GET", f"{self._path}/knownTags", query=query
            )
        return bool(page.get("value"))

    async def of(self, repository: str) -> dict[str, Known]:
        """The known tags of one repository."""
        async with self._turn:
            found = await asyncio.to_thread(self._read, {"repository": repository})
        return found.get(repository, {})

    async def outside(self, repositories: Container[str]) -> dict[str, dict[str, Known]]:
        """The known tags of all other repositories."""
        async with self._turn:
            return await asyncio.to_thread(self._read, {}, repositories)

    async def adopt(self, tags: Sequence[tuple[str, str, str | None]]) -> None:
        """Let tags (repository, tag, digest or None) count as seen."""
        for start in range(0, len(tags), ADOPTED_AT_ONCE):
            part = tags[start : start + ADOPTED_AT_ONCE]
            body = {
                "tags": [
                    {"repository": repository, "tag": tag, "digest": digest}
                    for repository, tag, digest in part
                ]
            }
            async with self._turn:
                await asyncio.to_thread(self._api.ask, "POST", f"{self._path}/adoptTags", body)

    def _read(
        self, query: Mapping[str, str], left_out: Container[str] = ()
    ) -> dict[str, dict[str, Known]]:
        found: dict[str, dict[str, Known]] = {}
        for page in self._api.whole_pages("GET", f"{self._path}/knownTags", query=query):
            for each in page.get("value") or ():
                if each["repository"] not in left_out:
                    known = Known(each["digest"], each["seenAt"])
                    found.setdefault(each["repository"], {})[each["tag"]] = known
        return found
