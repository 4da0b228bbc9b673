"""What every kind of registry is asked: its repositories, their tags, and single manifests."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeGuard

from portcall.cli.sync.registry.answers import Answer
from portcall.cli.sync.registry.errors import RegistryError
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import check_digest
from portcall.schemas.scopes import check_repository, check_tag

MAX_BODY = 16 * 1024 * 1024
"""Of one page: a list of 100,000 tags has some 3 MB."""
MAX_PAGES = 100_000
"""Of one list: then the registry's pages are taken for a circle."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a tag of a registry names now.

    Attributes:
        digest: Of the manifest.
        media_type: Of the manifest; empty: the registry does not say.
        size: Of the manifest, in bytes; None: the registry does not say.
        pushed_at: When the tag was pushed, as the registry says it; empty: it does not.
    """

    digest: str
    media_type: str = ""
    size: int | None = None
    pushed_at: str = ""


class Asker(Protocol):
    """The part of `cli.sync.registry.client.RegistryClient` that catalogues use."""

    host: str

    def target(self, path: str) -> str:
        """The target of a path below the registry's address."""
        ...

    def prefer_basic(self) -> None:
        """Send the user and the password at once."""
        ...

    async def ask(
        self,
        method: str,
        target: str,
        scope: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        max_body: int = MAX_BODY,
    ) -> Answer:
        """Send a request, authenticated; raises `RegistryError`."""
        ...


class Catalogue(Protocol):
    """One registry, by one of its APIs. Every method raises `RegistryError`."""

    @property
    def unreadable(self) -> int:
        """How many names were left out because no registry event can have them."""
        ...

    def repositories(self) -> AsyncIterator[str]:
        """Yield every repository that the credentials can see, each once."""
        ...

    async def tags(self, repository: str) -> Mapping[str, Found]:
        """The tags of a repository, with what each names; empty: there is no such repository."""
        ...

    async def look(self, repository: str, tag: str) -> Found | None:
        """What one tag names now; None: there is no such tag."""
        ...

    async def is_gone(self, repository: str, digest: str) -> bool | None:
        """Whether a manifest is not there any more; None: the answer does not say."""
        ...


async def pages(
    client: Asker,
    target: str,
    scope: str,
    *,
    headers: Mapping[str, str] | None = None,
    absent: frozenset[int] = frozenset(),
) -> AsyncIterator[Answer]:
    """Yield the pages of a list, by the Link header.

    Args:
        client: Asks.
        target: The first page.
        scope: What a token must allow.
        headers: Further headers.
        absent: Statuses that mean an empty list.

    Raises:
        RegistryError: A page is refused, or comes twice.
    """
    seen: set[str] = set()
    following: str | None = target
    while following is not None:
        if following in seen or len(seen) >= MAX_PAGES:
            raise RegistryError(f"{client.host}: the pages of {target} come again and again")
        seen.add(following)
        answer = await client.ask("GET", following, scope, headers=headers)
        if answer.status in absent:
            return
        if answer.status != 200:
            raise refused(answer)
        yield answer
        following = answer.next_target()


def refused(answer: Answer) -> RegistryError:
    """The error for an answer that is not what was asked for."""
    codes = ", ".join(sorted(each[:64] for each in answer.codes if each.isprintable()))
    told = f" ({codes})" if codes else ""
    url = answer.url.partition("?")[0]
    return RegistryError(f"{url} answered {answer.status}{told}", status=answer.status)


def object_of(answer: Answer) -> Mapping[str, Any]:
    """The JSON object of an answer.

    Raises:
        RegistryError: It has none.
    """
    document = answer.document
    if not isinstance(document, dict):
        raise RegistryError(f"{answer.url.partition('?')[0]}: the answer is no JSON object")
    return document


def list_of(answer: Answer, items: object) -> list[Any]:
    """The items of a list; null is an empty one, as registries write it.

    Raises:
        RegistryError: It is no list.
    """
    if items is None:
        return []
    if not isinstance(items, list):
        raise RegistryError(f"{answer.url.partition('?')[0]}: the answer is no list")
    return items


def is_repository(name: object) -> TypeGuard[str]:
    """Whether an event can have that repository."""
    return isinstance(name, str) and _holds(check_repository, name)


def is_tag(name: object) -> TypeGuard[str]:
    """Whether an event can have that tag."""
    return isinstance(name, str) and _holds(check_tag, name)


def is_digest(text: object) -> TypeGuard[str]:
    """Whether an event can have that digest."""
    return isinstance(text, str) and _holds(check_digest, text)


def _holds(check: Callable[[str], str], text: str) -> bool:
    try:
        check(text)
    except InvalidValueError:
        return False
    return True
