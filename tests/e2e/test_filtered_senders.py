"""What one push makes of POSTs with each filter: real clients, and a real docker-registry.

The numbers are those of docs/events.md. The registry has ``includereferences``, which tells the
types of artifacts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from portcall.router.changes import pushed
from portcall.router.coalescing import is_child
from portcall.router.watching import is_watched
from portcall.schemas.events import Event
from portcall.schemas.extras import NONE
from portcall.schemas.filters import Filters, facts_of, held_back
from portcall.schemas.journal import manifest_of
from portcall.store.intake.told_tags import ToldTag
from tests.e2e.buildx_layout import as_buildx
from tests.e2e.test_senders import (
    WITH_REFERENCES,
    Push,
    Sender,
    cosign,
    notation,
    oras_attach,
    sending,
    sign_both,
    skopeo,
    skopeo_again,
    skopeo_all,
)
from tests.folders import short_folder

TAGGED = Filters(tagged_only=True)
NO_REFERRERS = Filters(no_referrers=True)
BOTH = Filters(tagged_only=True, no_referrers=True)
IMAGES = Filters(artifact_types=("image", "index"))
CHANGED = Filters(tagged_only=True, changed_only=True)
COALESCED = Filters(coalesce="1m")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name."""
    with short_folder() as made:
        yield made


async def _copy_all(sender: Sender, layout: Path, tag: str) -> None:
    to = f"docker://{sender.address}/team/built:{tag}"
    await sender.shell.run(
        "skopeo", "--insecure-policy", "copy", "--all", "--dest-tls-verify=false",
        f"oci:{layout}:v1", to,
    )  # fmt: skip


async def build_push(sender: Sender) -> None:
    layout = sender.folder / "built"
    as_buildx(layout, platforms=1)
    await _copy_all(sender, layout, "v1")


async def build_push_two(sender: Sender) -> None:
    """Two platforms and two tags; buildx pushes what is there already by its tag only."""
    layout = sender.folder / "built"
    as_buildx(layout)
    await _copy_all(sender, layout, "v1")
    await sender.shell.run(
        "skopeo", "--insecure-policy", "copy", "--multi-arch=index-only", "--dest-tls-verify=false",
        f"oci:{layout}:v1", f"docker://{sender.address}/team/built:latest",
    )  # fmt: skip


async def sign_again(sender: Sender) -> None:
    """Sign with notation what it has signed: deletes the index that it replaces."""
    await sender.shell.run(
        "notation", "sign", "--insecure-registry", f"{sender.address}/team/app:v1"
    )


async def sign_once(sender: Sender) -> None:
    await skopeo(sender)
    await notation(sender)


async def mirror(sender: Sender) -> None:
    """A nightly sync that copies what is there already."""
    await _copy_all(sender, sender.folder / "built", "v1")


@dataclass(frozen=True, slots=True)
class Case:
    """What is done, what was before, and the POSTs without and with each filter."""

    push: Push
    posts: int
    tagged: int
    no_referrers: int
    both: int
    images: int
    changed: int
    coalesced: int
    before: Push | None = None


CASES = {
    "skopeo": Case(skopeo, 1, 1, 1, 1, 1, 1, 1),
    "skopeo, again": Case(skopeo_again, 1, 1, 1, 1, 1, 0, 1, before=skopeo),
    "build and push": Case(build_push, 3, 1, 2, 1, 2, 1, 1),
    "build and push, 2 platforms, 2 tags": Case(build_push_two, 6, 2, 4, 2, 4, 2, 2),
    "nightly sync": Case(mirror, 3, 1, 2, 1, 2, 0, 1, before=build_push),
    "skopeo --all": Case(skopeo_all, 3, 1, 3, 1, 3, 1, 1),
    "skopeo --all, cosign sign -r": Case(sign_both, 9, 4, 3, 1, 6, 4, 4),
    "cosign sign": Case(cosign, 2, 1, 0, 0, 1, 1, 1, before=skopeo),
    "notation sign, again": Case(sign_again, 3, 1, 0, 0, 2, 1, 2, before=sign_once),
    "oras attach": Case(oras_attach, 2, 1, 1, 0, 1, 1, 1, before=skopeo),
}


def passing(events: Sequence[Event], filters: Filters, known: Sequence[Event] = ()) -> int:
    """How many of *events* a webhook with these filters gets, that was there for *known*."""
    rows = dict[tuple[str, str], ToldTag]()
    listed = children(known) | children(events) if filters.wait_ms else {}
    count = 0
    for number, event in enumerate([*known, *events]):
        sends = not held_back(filters, facts_of(event))
        if sends and filters.changed_only and is_watched(event):
            place = (event.repository, event.tag)
            step = pushed(rows.get(place), event, 1)
            sends = step.sends
            if step.after:
                rows[place] = step.after
        if sends and is_child(event):
            since_ms = event.accepted_ms - filters.wait_ms
            sends = listed.get((event.repository, manifest_of(event)), 0) < since_ms
        count += sends and number >= len(known)
    return count


def children(events: Sequence[Event]) -> dict[tuple[str, str], int]:
    """What the indexes among the events list, and when the last of these came."""
    return {
        (event.repository, child.digest): event.accepted_ms
        for event in events
        for child in (event.extras or NONE).children
    }


@pytest.mark.parametrize("name", CASES)
async def test_each_filter_lets_pass_what_the_page_says(name: str, folder: Path) -> None:
    case = CASES[name]
    async with sending(folder, WITH_REFERENCES) as sender:
        if case.before:
            await sender.heard(case.before(sender))
        known = list(sender.sink.events)
        await sender.heard(case.push(sender))
        events = sender.sink.events[len(known) :]
    found = [
        passing(events, filters, known)
        for filters in (Filters(), TAGGED, NO_REFERRERS, BOTH, IMAGES, CHANGED, COALESCED)
    ]
    said = [(facts_of(each), each.action) for each in events]
    wanted = [
        *(case.posts, case.tagged, case.no_referrers, case.both, case.images, case.changed),
        case.coalesced,
    ]
    assert found == wanted, said
