"""The scan of a registry, and the last checks before something is published."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from portcall.cli.errors import NotFoundError, ServiceError
from portcall.cli.sync.comparison import Known, Missed
from portcall.cli.sync.known import KnownTags
from portcall.cli.sync.progress_file import ProgressFile
from portcall.cli.sync.publish import Destination, Publishing, Tally, batches
from portcall.cli.sync.registry.catalogue import Found
from portcall.cli.sync.registry.errors import RegistryError
from portcall.cli.sync.report import Report, counted_events
from portcall.cli.sync.scan import Gone, Scan
from tests.unit.cli.sync.fakes import A, B

NOW, THEN = "2026-05-02T09:04:05.0000000Z", "2026-05-01T09:04:05.0000000Z"


@dataclass
class FakeCatalogue:
    """A registry in memory."""

    content: dict[str, dict[str, Found]] = field(default_factory=dict)
    manifests: dict[str, bool | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    error: Exception | None = None
    unreadable: int = 0

    async def repositories(self) -> AsyncIterator[str]:
        for name in self.content:
            yield name

    async def tags(self, repository: str) -> Mapping[str, Found]:
        self.asked.append(repository)
        if self.error is not None:
            raise self.error
        return self.content.get(repository, {})

    async def look(self, repository: str, tag: str) -> Found | None:
        return self.content.get(repository, {}).get(tag)

    async def is_gone(self, _repository: str, digest: str) -> bool | None:
        return self.manifests.get(digest, True)


@dataclass
class FakeManagement:
    """The management API's known tags, in memory."""

    known: dict[str, dict[str, Known]] = field(default_factory=dict)
    queries: list[Mapping[str, str]] = field(default_factory=list)
    adopted: list[Any] = field(default_factory=list)

    def ask(
        self,
        method: str,
        _path: str,
        body: object = None,
        *,
        query: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        if method == "POST":
            self.adopted.append(body)
            return {}
        self.queries.append(query or {})
        return {"value": list(self._listed({}))[:1]}

    def whole_pages(
        self, _method: str, _path: str, *, query: Mapping[str, str] | None = None
    ) -> Iterator[dict[str, Any]]:
        for each in self._listed(query or {}):
            yield {"value": [each]}

    def _listed(self, query: Mapping[str, str]) -> Iterator[dict[str, str]]:
        for repository, tags in self.known.items():
            if query.get("repository", repository) == repository:
                for tag, (digest, seen_at) in tags.items():
                    yield {
                        "repository": repository,
                        "tag": tag,
                        "digest": digest,
                        "seenAt": seen_at,
                    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "progress.jsonl"


def scan(catalogue: FakeCatalogue, management: FakeManagement, file: ProgressFile) -> Scan:
    return Scan(catalogue, KnownTags(management, "/r"), file, now=NOW, advance=lambda _count: None)


async def test_every_repository_is_compared_and_vanished_ones_too(path: Path) -> None:
    catalogue = FakeCatalogue(
        {f"team/r{number}": {"v1": Found(A), "v2": Found(B)} for number in range(30)}
    )
    known = {f"team/r{number}": {"v1": Known(A, THEN)} for number in range(30)}
    management = FakeManagement(known | {"old": {"v9": Known(B, THEN)}})
    with ProgressFile(path, {}, 1) as file:
        totals = await scan(catalogue, management, file).run([])
    assert (totals.repositories, totals.tags, totals.seen) == (30, 60, 30)
    assert [each.repository for each in totals.missed] == sorted(catalogue.content)
    assert {each.tag for each in totals.missed} == {"v2"}
    assert totals.gone == [("old", "v9", B)]


async def test_named_repositories_alone_are_compared(path: Path) -> None:
    catalogue = FakeCatalogue({"a": {"v1": Found(A)}, "b": {"v1": Found(A)}})
    management = FakeManagement({"old": {"v9": Known(B, THEN)}})
    with ProgressFile(path, {}, 1) as file:
        totals = await scan(catalogue, management, file).run(["b", "absent"])
    assert sorted(catalogue.asked) == ["absent", "b"]
    assert ([each.repository for each in totals.missed], totals.gone) == (["b"], [])


async def test_a_second_run_asks_only_for_what_the_first_did_not_compare(path: Path) -> None:
    catalogue = FakeCatalogue({"a": {"v1": Found(A)}, "b": {"v1": Found(A)}})
    with ProgressFile(path, {}, 1) as file:
        await scan(catalogue, FakeManagement(), file).run(["a"])
    with ProgressFile(path, {}, 1) as file:
        totals = await scan(catalogue, FakeManagement(), file).run([])
    assert catalogue.asked == ["a", "b"]
    assert len(totals.missed) == 2


async def test_an_error_of_the_registry_is_raised_by_itself(path: Path) -> None:
    catalogue = FakeCatalogue({"a": {}, "b": {}}, error=RegistryError("no answer"))
    with ProgressFile(path, {}, 1) as file, pytest.raises(RegistryError, match="no answer"):
        await scan(catalogue, FakeManagement(), file).run([])


async def test_vanished_tags_are_deletes_only_where_their_manifest_is_gone_too(path: Path) -> None:
    c = "sha256:" + "c" * 64
    known = {
        "a": {
            "v1": Known(A, THEN),
            "v2": Known(B, THEN),
            "v3": Known(c, THEN),
            "v4": Known("", THEN),
        }
    }
    catalogue = FakeCatalogue({"a": {}}, {A: True, B: False, c: None})
    with ProgressFile(path, {}, 1) as file:
        scanning = scan(catalogue, FakeManagement(known), file)
        gone = await scanning.gone(await scanning.run([]))
    assert gone == Gone(
        deleted=[Missed("delete", "a", "", A, was_seen_at=THEN, at=NOW)],
        untagged=[("a", "v4", ""), ("a", "v2", B)],
        unclear=1,
    )


@dataclass
class Line:
    """A producer that takes what it gets, after so many refusals."""

    refusals: list[ServiceError] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    async def pause(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    line = Line()

    async def attempt(_self: Publishing, body: bytes) -> tuple[ServiceError | None, float]:
        line.sent.append(body)
        return (line.refusals.pop(0), 7.0) if line.refusals else (None, 0.0)

    monkeypatch.setattr(Publishing, "_try", attempt)
    return line


async def publish(
    line: Line,
    path: Path,
    missed: list[Missed],
    catalogue: FakeCatalogue,
    management: FakeManagement,
) -> Tally:
    tally = Tally()
    async with aiohttp.ClientSession() as http:
        with ProgressFile(path, {}, 1) as file:
            publishing = Publishing(
                http=http,
                destination=Destination("http://p/events", "t", "myregistry", "registry.test"),
                catalogue=catalogue,
                known=KnownTags(management, "/r"),
                progress=file,
                rate=0,
                advance=lambda _count: None,
                pause=line.pause,
            )
            await publishing.run(missed, tally)
    return tally


PUSH = Missed("push", "a", "v1", A, at=NOW)
DELETE = Missed("delete", "a", "", B, at=NOW)
THERE = {"a": {"v1": Found(A)}}


@pytest.mark.parametrize(
    ("missed", "there", "known", "expected"),
    [
        pytest.param(PUSH, Found(A), {}, Tally(accepted=1), id="still missed"),
        pytest.param(PUSH, Found(A), {"v1": Known(A, NOW)}, Tally(arrived=1), id="arrived"),
        pytest.param(
            PUSH, Found(A), {"v1": Known("", NOW)}, Tally(arrived=1), id="arrived without a digest"
        ),
        pytest.param(PUSH, Found(B), {}, Tally(changed=1), id="moved"),
        pytest.param(PUSH, None, {}, Tally(changed=1), id="vanished"),
        pytest.param(PUSH, Found(A), {"v1": Known(B, NOW)}, Tally(accepted=1), id="another event"),
        pytest.param(DELETE, None, {"v9": Known(B, THEN)}, Tally(accepted=1), id="still deleted"),
        pytest.param(DELETE, None, {}, Tally(arrived=1), id="the delete arrived"),
    ],
)
async def test_each_event_is_checked_just_before_it_is_sent(  # noqa: PLR0917 (a table)
    line: Line,
    path: Path,
    missed: Missed,
    there: Found | None,
    known: dict[str, Known],
    expected: Tally,
) -> None:
    catalogue = FakeCatalogue({"a": {"v1": there} if there else {}})
    management = FakeManagement({"a": known})
    assert await publish(line, path, [missed], catalogue, management) == expected
    assert len(line.sent) == expected.accepted
    assert management.queries == [{"catchUp": "true", "$top": "1"}]


async def test_a_deleted_manifest_that_came_back_is_not_published(line: Line, path: Path) -> None:
    catalogue = FakeCatalogue({}, {B: False})
    management = FakeManagement({"a": {"v9": Known(B, THEN)}})
    assert await publish(line, path, [DELETE], catalogue, management) == Tally(changed=1)


async def test_a_batch_that_got_503_is_sent_again_byte_for_byte(line: Line, path: Path) -> None:
    line.refusals = [ServiceError("busy", status=503)] * 2
    tally = await publish(line, path, [PUSH], FakeCatalogue(THERE), FakeManagement())
    assert tally.accepted == 1
    assert len(line.sent) == 3
    assert len(set(line.sent)) == 1
    assert line.waits[1:] == [7.0, 7.0]


@pytest.mark.parametrize(
    ("refusals", "attempts"),
    [
        ([NotFoundError("no registry", status=404)], 1),
        ([ServiceError("busy", status=503)] * 10, 10),
    ],
)
async def test_a_refusal_ends_it_and_the_batch_stays_in_doubt(
    line: Line, path: Path, refusals: list[ServiceError], attempts: int
) -> None:
    line.refusals = list(refusals)
    with pytest.raises(ServiceError):
        await publish(line, path, [PUSH], FakeCatalogue(THERE), FakeManagement())
    assert len(line.sent) == attempts
    with ProgressFile(path, {}, 1) as file:
        assert file.earlier is not None
        assert (file.earlier.in_doubt, file.earlier.accepted) == (1, 0)


@pytest.mark.parametrize(
    ("rate", "sizes"), [(0, [50, 50, 20]), (1000, [50, 50, 20]), (80, [20] * 6), (1, [1] * 120)]
)
def test_a_low_rate_has_small_batches(rate: float, sizes: list[int]) -> None:
    assert [len(each) for each in batches([PUSH] * 120, rate)] == sizes


@pytest.mark.parametrize(
    ("missed", "words"),
    [
        ([], "nothing"),
        ([PUSH], "1 push"),
        ([PUSH, PUSH, DELETE], "2 pushes and 1 delete"),
        ([DELETE, DELETE], "2 deletes"),
    ],
)
def test_events_are_counted_in_words(missed: list[Missed], words: str) -> None:
    assert counted_events(missed) == words


def test_the_report_lists_a_part_and_counts_all() -> None:
    report = Report("myregistry", "https://registry.test")
    report.totals.missed = [PUSH] * 1500 + [Missed("push", "a", "v2", B, A, THEN)]
    document = report.document()
    assert document["missed"] == {"new": 1500, "moved": 1}
    assert len(document["events"]) == 1000
    assert report.examples()[-1] == "  and 1491 more"
