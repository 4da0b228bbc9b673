"""Catalogues by the distribution API and by zot's search: pages, digests, and what is left out."""

import hashlib
from collections.abc import AsyncIterator

import pytest

from portcall.cli.sync.registry import zot
from portcall.cli.sync.registry.catalogue import Found
from portcall.cli.sync.registry.distribution import ACCEPT, Distribution
from portcall.cli.sync.registry.errors import RegistryError
from portcall.cli.sync.registry.kinds import Api, catalogue_of
from portcall.cli.sync.registry.zot import Zot
from tests.unit.cli.sync.fakes import A, B, FakeRegistry

CATALOGUE = "/v2/_catalog?n=100"
TAGS = "/v2/team/app/tags/list?n=1000"


async def listed(names: AsyncIterator[str]) -> list[str]:
    return [name async for name in names]


@pytest.mark.parametrize(
    "link",
    [
        '</v2/_catalog?last=b&n=100>; rel="next"',
        "<https://other.test/v2/_catalog?last=b&n=100>;rel=next",
        '<_catalog?last=b&n=100>; title="a"; REL="next"',
        '</first>; rel="prev", </v2/_catalog?last=b&n=100>; rel="next"',
    ],
)
async def test_the_next_page_is_asked_for_at_the_registry_itself(link: str) -> None:
    registry = FakeRegistry()
    registry.says(CATALOGUE, {"repositories": ["a", "b"]}, link=link)
    registry.says("/v2/_catalog?last=b&n=100", {"repositories": ["b", "c/d"]})
    assert await listed(Distribution(registry).repositories()) == ["a", "b", "c/d"]
    assert registry.asked == [f"GET {CATALOGUE}", "GET /v2/_catalog?last=b&n=100"]
    assert registry.scopes == {"registry:catalog:*"}


async def test_pages_that_go_in_a_circle_are_an_error() -> None:
    registry = FakeRegistry()
    registry.says(CATALOGUE, {"repositories": ["a"]}, link=f'<{CATALOGUE}>; rel="next"')
    with pytest.raises(RegistryError, match="again and again"):
        await listed(Distribution(registry).repositories())


@pytest.mark.parametrize("status", [401, 403, 404, 405])
async def test_a_registry_without_a_catalogue_says_what_to_do(status: int) -> None:
    registry = FakeRegistry()
    registry.says(CATALOGUE, {"errors": [{"code": "DENIED"}]}, status=status)
    with pytest.raises(RegistryError, match=r"DENIED.*--repository"):
        await listed(Distribution(registry).repositories())


@pytest.mark.parametrize("document", [[], "x", {"repositories": "a"}, None])
async def test_a_catalogue_of_another_shape_is_an_error(document: object) -> None:
    registry = FakeRegistry()
    registry.says(CATALOGUE, document)
    with pytest.raises(RegistryError, match="the answer is no"):
        await listed(Distribution(registry).repositories())


async def test_names_that_no_event_can_have_are_counted() -> None:
    registry = FakeRegistry()
    registry.says(CATALOGUE, {"repositories": ["a", "A b", 7, None, "../x"]})
    registry.says(TAGS, {"tags": ["v1", "a:b", "x" * 200, {}]})
    registry.tag("team/app", "v1", A)
    catalogue = Distribution(registry)
    assert await listed(catalogue.repositories()) == ["a"]
    assert set(await catalogue.tags("team/app")) == {"v1"}
    assert catalogue.unreadable == 7


async def test_each_tag_has_the_digest_of_its_index_and_the_manifests_size() -> None:
    registry = FakeRegistry()
    registry.says(TAGS, {"name": "team/app", "tags": ["v1", "v2", "vanished"]})
    registry.tag(
        "team/app", "v1", A, content_type="application/json; charset=x", content_length="7"
    )
    registry.tag("team/app", "v2", B, content_length="0")
    found = await Distribution(registry).tags("team/app")
    assert found == {"v1": Found(A, "application/json", 7), "v2": Found(B)}
    assert registry.headers[-1] == {"Accept": ACCEPT}
    assert registry.scopes == {"repository:team/app:pull"}


@pytest.mark.parametrize("document", [{"tags": None}, {"tags": []}, {}])
async def test_a_repository_without_tags_is_empty(document: object) -> None:
    registry = FakeRegistry()
    registry.says(TAGS, document)
    assert await Distribution(registry).tags("team/app") == {}
    assert await Distribution(registry).tags("no/such") == {}


async def test_a_registry_that_names_no_digest_is_asked_for_the_manifest() -> None:
    registry = FakeRegistry()
    registry.says("/v2/team/app/manifests/v1", method="HEAD")
    registry.says(
        "/v2/team/app/manifests/v1", {"schemaVersion": 2}, content_type="application/json"
    )
    body = b'{"schemaVersion": 2}'
    digest = "sha256:" + hashlib.sha256(body).hexdigest()
    expected = Found(digest, "application/json", len(body))
    assert await Distribution(registry).look("team/app", "v1") == expected


async def test_a_refused_look_is_an_error_and_not_an_absent_tag() -> None:
    registry = FakeRegistry()
    registry.says("/v2/team/app/manifests/v1", method="HEAD", status=403)
    with pytest.raises(RegistryError, match="403"):
        await Distribution(registry).look("team/app", "v1")


@pytest.mark.parametrize(
    ("status", "code", "is_gone"),
    [
        (200, "", False),
        (404, "MANIFEST_UNKNOWN", True),
        (404, "NAME_UNKNOWN", True),
        (404, "", None),
        (403, "DENIED", None),
    ],
)
async def test_a_manifest_is_gone_only_where_the_registry_says_so(
    status: int, code: str, *, is_gone: bool | None
) -> None:
    registry = FakeRegistry()
    document = {"errors": [{"code": code}]} if code else None
    registry.says(f"/v2/team/app/manifests/{A}", document, status=status)
    assert await Distribution(registry).is_gone("team/app", A) is is_gone


def search(registry: FakeRegistry, offset: int, results: object) -> None:
    query = (
        f"%7BImageList%28repo%3A%22team%2Fapp%22%2CrequestedPage%3A%7Blimit%3A2%2Coffset%3A{offset}"
        "%2CsortBy%3AALPHABETIC_ASC%7D%29%7BResults%7BTag%20Digest%20MediaType%7D%7D%7D"
    )
    document = {"data": {"ImageList": {"Results": results}}}
    registry.says(f"/v2/_zot/ext/search?query={query}", document)


async def test_zots_search_gives_the_digests_and_a_head_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(zot, "PAGE", 2)
    registry = FakeRegistry()
    registry.says(TAGS, {"tags": ["v1", "v2", "v3", "unsearched"]})
    search(registry, 0, [{"Tag": f"v{n}", "Digest": A, "MediaType": "index"} for n in (1, 2)])
    search(registry, 2, [{"Tag": "v3", "Digest": B}, {"Tag": "stale", "Digest": A}])
    registry.tag("team/app", "unsearched", B)
    found = await Zot(registry).tags("team/app")
    index = Found(A, "index")
    assert found == {"v1": index, "v2": index, "v3": Found(B), "unsearched": Found(B)}


@pytest.mark.parametrize("results", [None, [], [7], [{"Tag": "v1", "Digest": "none"}]])
async def test_a_search_that_says_nothing_leaves_it_to_heads(results: object) -> None:
    registry = FakeRegistry()
    registry.says(TAGS, {"tags": ["v1"]})
    registry.tag("team/app", "v1", A)
    assert await Zot(registry).tags("team/app") == {"v1": Found(A)}


@pytest.mark.parametrize(
    ("path", "document", "api"),
    [
        ("/api/v2.0/systeminfo", {"auth_mode": "db_auth"}, Api.HARBOR),
        ("/api/v2.0/systeminfo", {"status": "ok"}, Api.DISTRIBUTION),
        (
            "/v2/_oci/ext/discover",
            {"extensions": [7, {"name": "_zot", "endpoints": ["/v2/_zot/ext/search"]}]},
            Api.ZOT,
        ),
        ("/v2/_oci/ext/discover", {"extensions": [{"name": "_zot"}]}, Api.DISTRIBUTION),
    ],
)
async def test_the_api_is_found_by_what_only_it_answers(
    path: str, document: object, api: Api
) -> None:
    registry = FakeRegistry()
    registry.says(path, document)
    found, catalogue = await catalogue_of(registry, Api.AUTO)
    assert found is api
    assert type(catalogue).__name__.lower() == api.value
