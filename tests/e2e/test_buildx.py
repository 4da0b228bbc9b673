"""What a real ``docker buildx build --push`` makes of POSTs with each filter, attestations included.

The numbers are those of docs/events.md, and of the stand-ins in `test_filtered_senders`, which run
where there is no engine.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from portcall.schemas.filters import Filters, facts_of
from tests.e2e.docker_engine import Engine, docker_engine
from tests.e2e.test_filtered_senders import (
    BOTH,
    CASES,
    CHANGED,
    COALESCED,
    IMAGES,
    NO_REFERRERS,
    TAGGED,
    Case,
    passing,
)
from tests.e2e.test_senders import WITH_REFERENCES, Sender, sending
from tests.folders import short_folder

DOCKERFILE = """FROM scratch
ARG TARGETARCH
COPY file /file
LABEL architecture=$TARGETARCH
"""
ONE, TWO = CASES["build and push"], CASES["build and push, 2 platforms, 2 tags"]
AGAIN = Case(TWO.push, 2, 1, 1, 1, 1, 1, 1)
"""The image is there already. The attestation is another one, as it has the time of the build, and so
is the index."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: that of a socket has a limit."""
    with short_folder() as made:
        yield made


async def build(engine: Engine, sender: Sender, *options: str, tags: tuple[str, ...]) -> None:
    """Build and push with buildx's own defaults, so with a provenance attestation."""
    context = sender.folder / "context"
    context.mkdir(exist_ok=True)
    (context / "Dockerfile").write_text(DOCKERFILE)
    (context / "file").write_text(str(sender.folder))
    names = [word for tag in tags for word in ("--tag", f"{sender.address}/team/built:{tag}")]
    await engine.docker("buildx", "build", "--push", *options, *names, str(context))


def check(case: Case, sender: Sender, known: int) -> None:
    before, events = sender.sink.events[:known], sender.sink.events[known:]
    found = [
        passing(events, filters, before)
        for filters in (Filters(), TAGGED, NO_REFERRERS, BOTH, IMAGES, CHANGED, COALESCED)
    ]
    wanted = [
        *(case.posts, case.tagged, case.no_referrers, case.both, case.images, case.changed),
        case.coalesced,
    ]
    assert found == wanted, [(facts_of(each), each.action) for each in events]


async def test_each_filter_lets_pass_what_the_page_says_of_buildx(folder: Path) -> None:
    async with docker_engine(folder / "engine") as engine:
        async with sending(_made(folder / "one"), WITH_REFERENCES) as sender:
            await sender.heard(build(engine, sender, tags=("v1",)))
            check(ONE, sender, 0)
            known = len(sender.sink.events)
            await sender.heard(build(engine, sender, tags=("v1",)))
            check(AGAIN, sender, known)
        async with sending(_made(folder / "two"), WITH_REFERENCES) as sender:
            both = ("--platform", "linux/amd64,linux/arm64")
            await sender.heard(build(engine, sender, *both, tags=("v1", "latest")))
            check(TWO, sender, 0)


async def test_without_provenance_one_platform_is_one_event(folder: Path) -> None:
    async with (
        docker_engine(folder / "engine") as engine,
        sending(_made(folder / "one"), WITH_REFERENCES) as sender,
    ):
        await sender.heard(build(engine, sender, "--provenance=mode=max", tags=("v1",)))
        check(ONE, sender, 0)
        known = len(sender.sink.events)
        await sender.heard(build(engine, sender, "--provenance=false", tags=("v2",)))
        events = sender.sink.events[known:]
    assert [each.tag for each in events] == ["v2"]  # without an attestation there is one event


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
