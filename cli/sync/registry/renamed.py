"""A registry under the names that its source's aliases give to its repositories.

Portcall knows the tags of a repository by its other name, and the registry by its own.
"""

from collections.abc import AsyncIterator, Iterable, Mapping

from portcall.cli.sync.registry.catalogue import Catalogue, Found
from portcall.cli.sync.registry.errors import RegistryError
from portcall.schemas.options.aliases import Aliases, renamed


class Renamed:
    """A catalogue whose repositories have other names.

    Args:
        catalogue: The registry's own.
        aliases: The names that are sent, and the names for them.
    """

    def __init__(self, catalogue: Catalogue, aliases: Aliases) -> None:
        self._catalogue = catalogue
        self._aliases = aliases
        self._back: Aliases = tuple((name, sent) for sent, name in aliases)
        self._own: dict[str, str] = {}

    @property
    def unreadable(self) -> int:
        """How many names were left out because no registry event can have them."""
        return self._catalogue.unreadable

    def named(self, own: Iterable[str]) -> list[str]:
        """The names for repositories as the registry names them.

        Raises:
            RegistryError: Two of them have one name.
        """
        return [self._name(each) for each in own]

    async def repositories(self) -> AsyncIterator[str]:
        """Yield every repository that the credentials can see, each once."""
        async for own in self._catalogue.repositories():
            yield self._name(own)

    async def tags(self, repository: str) -> Mapping[str, Found]:
        """The tags of a repository, with what each names."""
        return await self._catalogue.tags(self._own_name(repository))

    async def look(self, repository: str, tag: str) -> Found | None:
        """What one tag names now; None: there is no such tag."""
        return await self._catalogue.look(self._own_name(repository), tag)

    async def is_gone(self, repository: str, digest: str) -> bool | None:
        """Whether a manifest is not there any more; None: the answer does not say."""
        return await self._catalogue.is_gone(self._own_name(repository), digest)

    def _name(self, own: str) -> str:
        name = renamed(own, self._aliases)
        other = self._own.setdefault(name, own)
        if other != own:
            raise RegistryError(f"with these aliases, {other} and {own} would both be {name}")
        return name

    def _own_name(self, name: str) -> str:
        """The registry's name; where it does not list the repository, it follows from an alias."""
        if name in self._own:
            return self._own[name]
        back = renamed(name, self._back)
        return back if renamed(back, self._aliases) == name else name
