"""Adopting leaves alone what changed since the comparison."""

import pytest

from portcall.cli.sync.adopt import adopt
from portcall.cli.sync.comparison import Known, Missed
from portcall.cli.sync.known import ADOPTED_AT_ONCE, KnownTags
from portcall.cli.sync.registry.catalogue import Found
from portcall.cli.sync.registry.errors import RegistryError
from tests.unit.cli.sync.fakes import A, B
from tests.unit.cli.sync.test_scan import FakeCatalogue, FakeManagement

THEN, SINCE = "2026-05-01T09:04:05.0000000Z", "2026-05-02T09:04:05.0000000Z"
NEW = Missed("push", "a", "v1", A)
MOVED = Missed("push", "a", "v1", A, was=B, was_seen_at=THEN)
GONE = ("a", "v1", B)


@pytest.mark.parametrize(
    ("missed", "known", "is_adopted"),
    [
        pytest.param(NEW, {}, True, id="new"),
        pytest.param(NEW, {"v1": Known(B, SINCE)}, False, id="new, and an event came"),
        pytest.param(NEW, {"v1": Known("", SINCE)}, False, id="new, and one without a digest"),
        pytest.param(MOVED, {"v1": Known(B, THEN)}, True, id="moved"),
        pytest.param(MOVED, {"v1": Known("other", SINCE)}, False, id="moved, and an event came"),
        pytest.param(MOVED, {}, False, id="moved, and a delete came"),
    ],
)
async def test_a_missed_tag_counts_as_seen_unless_an_event_came(
    missed: Missed, known: dict[str, Known], *, is_adopted: bool
) -> None:
    management = FakeManagement({"a": known})
    adopted = await adopt(FakeCatalogue(), KnownTags(management, "/r"), [missed], [])
    tag = {"repository": "a", "tag": "v1", "digest": A}
    assert adopted == is_adopted
    assert management.adopted == ([{"tags": [tag]}] if is_adopted else [])
    assert {"catchUp": "true", "$top": "1"} in management.queries


@pytest.mark.parametrize(
    ("there", "known", "is_forgotten"),
    [
        pytest.param(None, {"v1": Known(B, THEN)}, True, id="still gone"),
        pytest.param(Found(B), {"v1": Known(B, THEN)}, False, id="there: the list lacked it"),
        pytest.param(None, {"v1": Known(A, SINCE)}, False, id="an event came"),
        pytest.param(None, {}, False, id="a delete came"),
    ],
)
async def test_a_tag_is_forgotten_only_while_it_is_gone(
    there: Found | None, known: dict[str, Known], *, is_forgotten: bool
) -> None:
    catalogue = FakeCatalogue({"a": {"v1": there} if there else {}})
    management = FakeManagement({"a": known})
    assert await adopt(catalogue, KnownTags(management, "/r"), [], [GONE]) == is_forgotten
    assert len(management.adopted) == is_forgotten


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_a_repository_that_is_hidden_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    async def refuse(_self: FakeCatalogue, _repository: str, _tag: str) -> Found | None:
        raise RegistryError("refused", status=status)

    monkeypatch.setattr(FakeCatalogue, "look", refuse)
    known = KnownTags(FakeManagement({"a": {"v1": Known(B, THEN)}}), "/r")
    if status == 500:
        with pytest.raises(RegistryError):
            await adopt(FakeCatalogue(), known, [], [GONE])
    else:
        assert await adopt(FakeCatalogue(), known, [], [GONE]) == 0


async def test_each_request_is_of_one_repository_and_bounded() -> None:
    missed = [Missed("push", name, f"v{n}", A) for n in range(ADOPTED_AT_ONCE + 1) for name in "ab"]
    management = FakeManagement()
    assert await adopt(FakeCatalogue(), KnownTags(management, "/r"), missed, []) == len(missed)
    sizes = [
        (len(each["tags"]), {tag["repository"] for tag in each["tags"]})
        for each in management.adopted
    ]
    assert sizes == [(500, {"a"}), (1, {"a"}), (500, {"b"}), (1, {"b"})]


async def test_nothing_to_adopt_asks_nothing() -> None:
    management = FakeManagement()
    assert await adopt(FakeCatalogue(), KnownTags(management, "/r"), [], []) == 0
    assert management.queries == []
