"""Known tags over the API: pages, waiting, and adoption."""

import pytest

from portcall.management.audit.look import BehindError
from portcall.runtime.errors import BrokerError
from portcall.store.engine import Store
from portcall.store.intake.known_tags import Adopted
from tests.unit.management.api import VERSION, Json, ManagementApi

DIGEST = "sha256:" + "a" * 64


def path_of(api: ManagementApi, last: str) -> str:
    return f"{api.registry()}/{last}"


async def test_pages_follow_each_other_and_keep_the_repository(
    api: ManagementApi, store: Store
) -> None:
    path = path_of(api, "knownTags")
    tags = [Adopted(name, f"v{n}", DIGEST) for n in range(3) for name in ("team/app", "web")]
    store.tags.adopt("alpha", tags, 1_772_619_630_123)
    query = f"{VERSION}&repository=team/app&$top=2"
    first = await api.request("GET", path, query=query)
    assert first.json["value"] == [
        {
            "repository": "team/app",
            "tag": f"v{n}",
            "digest": DIGEST,
            "seenAt": "2026-03-04T10:20:30.1230000Z",
        }
        for n in range(2)
    ]
    following, _, query = first.json["nextLink"].partition("?")
    second = await api.request("GET", path, query=query)
    assert following.endswith("/knownTags")
    assert [each["tag"] for each in second.json["value"]] == ["v2"]
    assert "nextLink" not in second.json


async def test_the_list_waits_only_where_asked(api: ManagementApi) -> None:
    path = path_of(api, "knownTags")
    await api.request("GET", path)
    await api.request("GET", path, query=f"{VERSION}&catchUp=false")
    assert api.caught_up == 0
    await api.request("GET", path, query=f"{VERSION}&catchUp=true")
    assert api.caught_up == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BehindError("the recorder does not run"), "RecorderBehind"),
        (BrokerError("no connection"), "ServiceUnavailable"),
    ],
)
async def test_old_answers_are_not_given_for_new_ones(
    api: ManagementApi, error: Exception, code: str
) -> None:
    path = path_of(api, "knownTags")
    api.behind = error
    answer = await api.request("GET", path, query=f"{VERSION}&catchUp=true")
    assert (answer.status, answer.json["error"]["code"]) == (503, code)


async def test_adopted_tags_are_known_and_those_without_a_digest_are_not(
    api: ManagementApi,
) -> None:
    path = path_of(api, "adoptTags")
    tags: list[Json] = [
        {"repository": "team/app", "tag": "v1", "digest": DIGEST},
        {"repository": "team/app", "tag": "v2", "digest": None},
    ]
    answer = await api.request("POST", path, {"tags": tags})
    assert (answer.status, answer.json) == (200, {"adopted": 2})
    known = await api.request("GET", path.replace("adoptTags", "knownTags"))
    assert [each["tag"] for each in known.json["value"]] == ["v1"]
