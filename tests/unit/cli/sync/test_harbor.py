"""Catalogues by Harbor's API: a fake of it, from what its swagger says."""

from typing import Any

import pytest

from portcall.cli.sync.registry.catalogue import Found
from portcall.cli.sync.registry.errors import RegistryError
from portcall.cli.sync.registry.harbor import Harbor
from tests.unit.cli.sync.fakes import A, B, FakeRegistry

ROOT = "/api/v2.0/projects"
ARTIFACTS = f"{ROOT}/shop/repositories/web%252Fcart/artifacts"
PAGE = "?with_tag=true&page_size=100"
TYPE = "application/vnd.oci.image.manifest.v1+json"


def artifact(digest: object, *tags: object, **facts: object) -> dict[str, Any]:
    return {
        "digest": digest,
        "manifest_media_type": TYPE,
        "size": 31_000_000,
        "tags": tags,
        **facts,
    }


def tag(name: object, pushed: object = "2026-05-02T09:04:05.123Z") -> dict[str, object]:
    return {"name": name, "push_time": pushed}


@pytest.fixture
def harbor() -> FakeRegistry:
    """Two projects on two pages; one repository with a slash in its name."""
    registry = FakeRegistry()
    registry.says(
        f"{ROOT}?page_size=100",
        [{"name": "shop"}, {"project_id": 7}],
        link=f'<{ROOT}?page=2&page_size=100>; rel="next"',
    )
    registry.says(f"{ROOT}?page=2&page_size=100", [{"name": "2024"}])
    registry.says(f"{ROOT}/shop/repositories?page_size=100", [{"name": "shop/web/cart"}, {}])
    registry.says(f"{ROOT}/2024/repositories?page_size=100", [{"name": "2024/app"}])
    return registry


async def test_the_repositories_of_all_projects_are_listed(harbor: FakeRegistry) -> None:
    catalogue = Harbor(harbor)
    names = [name async for name in catalogue.repositories()]
    assert names == ["shop/web/cart", "2024/app"]
    assert catalogue.unreadable == 2
    assert harbor.is_basic
    assert {each["X-Is-Resource-Name"] for each in harbor.headers} == {"true"}


async def test_tags_have_the_time_of_their_push_and_no_size(harbor: FakeRegistry) -> None:
    harbor.says(
        ARTIFACTS + PAGE,
        [artifact(A, tag("v1"), tag("v2", "0001-01-01T00:00:00.000Z")), artifact(B)],
        link=f'<{ARTIFACTS}{PAGE}&page=2>; rel="next"',
    )
    harbor.says(f"{ARTIFACTS}{PAGE}&page=2", [artifact(B, tag("v3", "soon")), artifact("none")])
    catalogue = Harbor(harbor)
    assert await catalogue.tags("shop/web/cart") == {
        "v1": Found(A, TYPE, None, "2026-05-02T09:04:05.1230000Z"),
        "v2": Found(A, TYPE),
        "v3": Found(B, TYPE),
    }
    assert catalogue.unreadable == 1


async def test_artifacts_without_tags_and_absent_repositories_give_none(
    harbor: FakeRegistry,
) -> None:
    harbor.says(ARTIFACTS + PAGE, [artifact(A, tags=None)])
    assert await Harbor(harbor).tags("shop/web/cart") == {}
    assert await Harbor(harbor).tags("shop/other") == {}


async def test_one_tag_is_looked_at(harbor: FakeRegistry) -> None:
    harbor.says(f"{ARTIFACTS}/v1?with_tag=true", artifact(A, tag("v1"), tag("v2")))
    found = await Harbor(harbor).look("shop/web/cart", "v1")
    assert found is not None
    assert found.digest == A
    assert await Harbor(harbor).look("shop/web/cart", "v9") is None


@pytest.mark.parametrize(
    ("status", "code", "is_gone"),
    [(200, "", False), (404, "NOT_FOUND", True), (404, "", None), (403, "FORBIDDEN", None)],
)
async def test_a_manifest_is_gone_only_where_harbor_says_so(
    harbor: FakeRegistry, status: int, code: str, *, is_gone: bool | None
) -> None:
    harbor.says(f"{ARTIFACTS}/{A}", {"errors": [{"code": code}]}, status=status)
    assert await Harbor(harbor).is_gone("shop/web/cart", A) is is_gone


async def test_a_project_that_is_refused_is_an_error(harbor: FakeRegistry) -> None:
    harbor.says(f"{ROOT}/2024/repositories?page_size=100", status=403)
    with pytest.raises(RegistryError, match="403"):
        _ = [name async for name in Harbor(harbor).repositories()]
