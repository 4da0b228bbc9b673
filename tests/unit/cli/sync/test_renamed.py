"""A registry whose source has aliases: Portcall's names outside, the registry's own inside."""

from pathlib import Path

import pytest

from portcall.cli.sync.comparison import Known
from portcall.cli.sync.known import KnownTags
from portcall.cli.sync.progress_file import ProgressFile
from portcall.cli.sync.registry.catalogue import Found
from portcall.cli.sync.registry.errors import RegistryError
from portcall.cli.sync.registry.renamed import Renamed
from portcall.cli.sync.scan import Scan
from portcall.schemas.options.aliases import read_aliases
from tests.unit.cli.sync.fakes import A, B
from tests.unit.cli.sync.test_scan import NOW, THEN, FakeCatalogue, FakeManagement


def catalogue(aliases: str, *names: str) -> tuple[FakeCatalogue, Renamed]:
    own = FakeCatalogue({name: {"v1": Found(A)} for name in names})
    return own, Renamed(own, read_aliases(aliases))


async def test_names_are_other_ones_outside_and_its_own_inside() -> None:
    own, named = catalogue("hub/library/=, =library/", "hub/library/nginx", "app", "acme/app")
    names = ["nginx", "library/app", "acme/app"]
    assert [each async for each in named.repositories()] == names
    for each in names:
        assert await named.tags(each) == {"v1": Found(A)}
        assert await named.look(each, "v1") == Found(A)
    assert own.asked == ["hub/library/nginx", "app", "acme/app"]


async def test_a_repository_that_is_not_listed_any_more_is_asked_for_by_its_own_name() -> None:
    own, named = catalogue("hub/=mirror/, =library/")
    for name, asked in [("mirror/x", "hub/x"), ("library/x", "x"), ("other/x", "other/x")]:
        await named.tags(name)
        assert own.asked.pop() == asked


async def test_two_repositories_with_one_name_are_an_error() -> None:
    _, named = catalogue("=library/", "nginx", "library/nginx")
    with pytest.raises(RegistryError, match="nginx and library/nginx would both be library/nginx"):
        _ = [each async for each in named.repositories()]
    with pytest.raises(RegistryError):
        named.named(["library/nginx"])


async def test_what_came_under_the_other_name_is_seen(tmp_path: Path) -> None:
    _, named = catalogue("=library/", "nginx", "app")
    known = FakeManagement(
        {"library/nginx": {"v1": Known(A, THEN)}, "library/app": {"v1": Known(B, THEN)}}
    )
    with ProgressFile(tmp_path / "progress", {}, 0) as file:
        scan = Scan(
            named,
            KnownTags(known, "/registry"),
            file,
            now=NOW,
            advance=lambda _: None,
        )
        totals = await scan.run(())
    assert totals.seen == 1
    assert [(each.repository, each.tag, each.digest) for each in totals.missed] == [
        ("library/app", "v1", A)
    ]
    assert not totals.gone
