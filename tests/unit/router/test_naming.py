"""A delete waits for its tags: what is sent, when, with which tags, and what is noted."""

import msgspec
import pytest

from portcall.router import outbox as outboxes
from portcall.router.naming import LATE_MS, WAIT_MS
from portcall.router.outbox import AGAIN_MS
from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from portcall.schemas.filters import COALESCING, Filters
from portcall.schemas.topology import COALESCE_KEY, DELIVER, wait_rung
from portcall.store.errors import StoreUnavailableError
from tests.unit.router.worlds import MINE, OTHER, PLAIN, World

DIGEST = "sha256:" + "a" * 64


def naming(filters: Filters | None = None) -> World:
    """A router where *MINE* asks for tags, and *PLAIN* does not."""
    return World.of_two(filters or Filters(tags_on_delete=True))


def sent(world: World) -> list[tuple[str, int, tuple[str, ...]]]:
    """Event, webhook and tags of what went to deliverers, since the last return."""
    return [
        (event.id, one.webhook_id, (event.extras or Extras()).tags)
        for each in world.publisher.published
        if each.key != COALESCE_KEY
        for one in each.frame.deliveries
        for event in (each.frame.events[one.event],)
    ]


def waiting(world: World) -> list[tuple[str, list[str]]]:
    """The rung and the events of each waiting frame."""
    return [(each.exchange, [event.id for event in each.frame.events]) for each in world.waiting]


def event(
    name: str,
    action: str = "delete",
    *,
    tag: str = "",
    digest: str = "",
    request: str = "r1",
    registry: str = "registry",
    extras: Extras | None = None,
) -> Event:
    told = {"repository": "app", "digest": digest, "tag": tag}
    target = {key: value for key, value in told.items() if value}
    body = {"id": name, "target": target, "request": {"id": request}}
    raw = msgspec.Raw(msgspec.json.encode(body))
    return Event(name, registry, action, 500_000, raw, "app", tag, extras)


def gone(name: str = "gone", *, request: str = "r1", extras: Extras | None = None) -> Event:
    return event(name, digest=DIGEST, request=request, extras=extras)


def untag(tag: str, *, request: str = "r1", registry: str = "registry") -> Event:
    return event(f"untag-{tag}", "untag", tag=tag, request=request, registry=registry)


async def test_a_delete_waits_and_names_the_tags_that_were_told_after_it() -> None:
    world = naming()
    world.holder.index.remove(PLAIN)
    await world.route(gone())
    assert sent(world) == []
    assert waiting(world) == [(wait_rung(AGAIN_MS), ["gone"])]
    await world.route(untag("v1"))
    await world.route(untag("v2"))
    await world.come_back(after_ms=WAIT_MS)
    assert sent(world) == [("gone", MINE, ("v1", "v2"))]
    assert world.publisher.published[-1].exchange == DELIVER
    assert world.publisher.routed[-1] == ("gone", [MINE])


async def test_a_delete_whose_tags_were_told_before_it_names_them() -> None:
    world = naming()
    world.holder.index.remove(PLAIN)
    await world.route(untag("v1"), gone())
    await world.come_back(after_ms=WAIT_MS)
    assert sent(world) == [("gone", MINE, ("v1",))]


async def test_other_webhooks_are_sent_a_delete_at_once_and_as_it_is() -> None:
    world = naming()
    await world.route(gone())
    assert sent(world) == [("gone", PLAIN, ())]
    (note,) = [note for frame in world.publisher.noted for note in frame.notes]
    assert note.held == {COALESCING: [MINE]}
    assert world.publisher.routed == [("gone", [PLAIN, MINE])]  # its delivery is expected
    await world.come_back(after_ms=WAIT_MS)
    assert sent(world) == [("gone", MINE, ())]


async def test_a_delete_of_which_no_tag_is_told_names_the_known_tags_of_the_digest() -> None:
    world = naming()
    world.tags.remembered[DIGEST] = ["v1"]
    await world.route(gone(), untag("other", request="r2"))
    await world.come_back(after_ms=WAIT_MS)
    assert sent(world) == [("gone", MINE, ("v1",))]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(event("e", "push", digest=DIGEST), id="a push"),
        pytest.param(event("e", tag="v1"), id="the delete of a tag"),
        pytest.param(event("e", tag="v1", digest=DIGEST), id="a delete that has a tag"),
        pytest.param(event("e"), id="the delete of a repository"),
        pytest.param(event("e", "chart_delete", digest=DIGEST), id="the delete of a chart"),
        pytest.param(gone("e", extras=Extras(tags=("v1",))), id="a delete whose tags are told"),
    ],
)
async def test_what_does_not_wait(other: Event) -> None:
    world = naming()
    await world.route(other)
    assert waiting(world) == []
    assert [each[:2] for each in sent(world)] == [("e", PLAIN), ("e", MINE)]


async def test_a_delete_that_a_filter_holds_back_does_not_wait() -> None:
    world = naming(Filters(tags_on_delete=True, tagged_only=True))
    await world.route(gone())
    assert waiting(world) == []
    assert sent(world) == [("gone", PLAIN, ())]


async def test_with_coalesce_as_well_deletes_wait_for_tags_and_pushes_for_their_index() -> None:
    world = naming(Filters(tags_on_delete=True, coalesce="10s"))
    world.holder.index.remove(PLAIN)
    await world.route(event("child", "push", digest=DIGEST), gone(), untag("v1"))
    assert waiting(world) == [(wait_rung(10_000), ["child"]), (wait_rung(AGAIN_MS), ["gone"])]
    await world.come_back(after_ms=WAIT_MS)
    assert sent(world) == [("gone", MINE, ("v1",))]
    assert [each[1] for each in waiting(world)] == [["child"]]


async def test_deleted_tags_of_a_registry_without_the_filter_are_not_stored() -> None:
    world = naming()
    await world.route(untag("v1", registry="other"), untag("v2"))
    assert [each.tag for each in world.tags.told] == ["v2"]
    world.holder.index.remove(MINE)
    await world.route(untag("v3"), gone())
    assert [each.tag for each in world.tags.told] == ["v2"]
    assert (waiting(world), world.tags.asked) == ([], 0)


async def test_a_deleted_tag_that_a_source_makes_a_delete_of_counts_as_told() -> None:
    world = naming()
    world.holder.index.remove(PLAIN)
    await world.route(gone(), event("tag", tag="v1"))
    await world.come_back(after_ms=WAIT_MS)
    assert ("gone", MINE, ("v1",)) in sent(world)


async def test_a_deleted_tag_is_stored_before_its_frame_is_acknowledged() -> None:
    world = naming()
    world.tags.errors = [StoreUnavailableError("away"), StoreUnavailableError("away")]
    await world.route(untag("v1"))
    assert (world.paused, [each.tag for each in world.tags.told]) == (2, ["v1"])


async def test_a_delete_that_may_have_been_sent_is_sent_by_way_of_a_rung() -> None:
    world = naming()
    await world.route(gone(), redeliveries=1)
    await world.come_back(after_ms=WAIT_MS)
    assert world.publisher.published[-1].exchange == wait_rung(AGAIN_MS)
    await world.route(gone("second"))
    await world.come_back(after_ms=WAIT_MS, redeliveries=1)
    assert world.publisher.published[-1].exchange == wait_rung(AGAIN_MS)


async def test_a_wait_that_ends_late_is_repeated_once() -> None:
    world = naming()
    await world.route(gone())
    await world.come_back(after_ms=WAIT_MS + LATE_MS + 1)
    assert (sent(world), waiting(world)) == ([], [(wait_rung(AGAIN_MS), ["gone"])])
    await world.come_back(after_ms=WAIT_MS + LATE_MS + 1)
    assert (sent(world), waiting(world)) == ([("gone", MINE, ())], [])


async def test_a_wait_that_ends_late_is_repeated_also_if_some_tags_are_known() -> None:
    world = naming()
    await world.route(gone(), untag("v1"))
    await world.come_back(after_ms=WAIT_MS + LATE_MS + 1)
    assert sent(world) == []
    await world.route(untag("v2"))
    await world.come_back(after_ms=WAIT_MS)
    assert ("gone", MINE, ("v1", "v2")) in sent(world)
    await world.route(gone("on time", request="r2"))
    await world.come_back(after_ms=WAIT_MS + LATE_MS)
    assert sent(world) == [("on time", MINE, ())]


async def test_after_the_store_was_away_a_delete_waits_once_more() -> None:
    world = naming()
    await world.route(gone())
    world.tags.errors = [StoreUnavailableError("away")] * 3
    await world.come_back(after_ms=WAIT_MS)
    assert (sent(world), world.paused) == ([], 3)
    await world.route(untag("v1"))
    await world.come_back(after_ms=WAIT_MS)
    assert ("gone", MINE, ("v1",)) in sent(world)


async def test_many_webhooks_wait_in_several_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outboxes, "MAX_HELD", 2)
    world = naming()
    for webhook_id in range(OTHER, OTHER + 3):
        world.put(webhook_id, Filters(tags_on_delete=True))
    await world.route(gone(), gone("second", request="r2"), untag("v1"))
    assert [names for _, names in waiting(world)] == [
        ["gone"], ["gone"], ["second"], ["second"],
    ]  # fmt: skip
    await world.come_back(after_ms=WAIT_MS)
    wanted = [
        (name, each, tags)
        for name, tags in (("gone", ("v1",)), ("second", ()))
        for each in (MINE, 3, 4, 5)
    ]
    assert sorted(sent(world)) == wanted
