"""Repeats: equal events within a short time are one; what differs, or comes later, is not."""

import asyncio
import contextlib
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.producer.http.errors import UnavailableError
from portcall.producer.sources import repeats
from portcall.producer.sources.adapter import SourceRequest
from portcall.producer.sources.repeats import Repeats
from portcall.producer.sources.table import adapter_of
from portcall.schemas.options.table import REPEATS_S
from portcall.schemas.sources import DEFAULT_PROOFS, Source, SourceKind
from tests.unit.producer.sources.requests import DIGEST, HEX

OTHER, OTHER_HEX = f"sha256:{'ab' * 32}", "ab" * 32
QUAY: dict[str, Any] = {
    "repository": "acme/cart",
    "docker_url": "quay.test/acme/cart",
    "updated_tags": ["1"],
}
HUB: dict[str, Any] = {
    "push_data": {"pushed_at": 1_777_712_645, "pusher": "octo", "tag": "1"},
    "repository": {"repo_name": "acme/cart", "namespace": "acme", "name": "cart"},
}


def artifactory(sha256: str = HEX, tag: str = "1", event_type: str = "pushed") -> dict[str, Any]:
    return {
        "domain": "docker",
        "event_type": event_type,
        "data": {"repo_key": "local", "image_name": "cart", "tag": tag, "sha256": sha256},
    }


def harness(digest: str = DIGEST, trigger: str = "artifact_created") -> dict[str, Any]:
    artifact = {"name": "cart", "url": "pkg.test/acc/prod/cart:1", "tag": "1", "digest": digest}
    described = {"type": "DOCKER", "name": "cart", "version": "1", "artifact": artifact}
    return {"trigger": trigger, "registry": {"name": "prod"}, "artifact_info": described}


def nexus(action: str, milliseconds: int) -> dict[str, Any]:
    component = {"id": "0a", "format": "docker", "name": "team/cart", "version": "1"}
    return {
        "timestamp": f"2026-05-02T09:04:05.{milliseconds:03}+0000",
        "repositoryName": "docker-hosted",
        "action": action,
        "component": component,
    }


def harbor(event_id: str, time: str = "2026-05-02T09:04:05Z") -> dict[str, Any]:
    described = {"name": "cart", "namespace": "shop", "repo_full_name": "shop/cart"}
    pushed = {"digest": DIGEST, "tag": "1", "resource_url": "hub.test/shop/cart:1"}
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "/projects/7/webhook/policies/2",
        "type": "harbor.artifact.pushed",
        "time": time,
        "data": {"resources": [pushed], "repository": described},
    }


def alibaba(digest: str = DIGEST) -> dict[str, Any]:
    return {
        "push_data": {"digest": digest, "pushed_at": "2026-05-02 17:04:05", "tag": "1"},
        "repository": {"repo_full_name": "acme/cart", "namespace": "acme", "name": "cart"},
    }


class Intake:
    """The part of an intake that repeats go through."""

    def __init__(self, kind: SourceKind, **options: str) -> None:
        self.source = Source("myregistry", "here", kind, DEFAULT_PROOFS[kind], ("x",), options)
        self.repeats = Repeats()
        self.at_ms = 1_777_712_640_000
        self.numbers = iter(range(1_000_000))
        self.ids: list[str] = []
        self.ignored: Counter[str] = Counter()
        self.gate: asyncio.Event | None = None
        self.fails = False

    async def send(self, *bodies: object, headers: dict[str, str] | None = None) -> list[int]:
        """How many events of each body are accepted."""
        return [await self.one(body, headers) for body in bodies]

    async def one(self, body: object, headers: dict[str, str] | None = None) -> int:
        made: set[str] = set()

        def new_id() -> str:
            made.add(f"made-{next(self.numbers)}")
            return f"made-{next(self.numbers) - 1}"

        read = adapter_of(self.source.kind)
        assert read is not None
        request = SourceRequest(headers or {}, json.dumps(body).encode(), {}, self.source.options)
        translation: Translation = read(request, Acceptance("myregistry", self.at_ms, new_id))
        async with self.repeats.without(self.source, translation, made, self.at_ms):
            if self.gate is not None:
                await self.gate.wait()
            if self.fails:
                raise OSError("the broker is away")
        for event in translation.events:
            assert json.loads(bytes(event.body))["id"] == event.id
        self.ids += [event.id for event in translation.events]
        self.ignored += translation.ignored
        return len(translation.events)


SAME: list[Any] = [
    pytest.param(SourceKind.DOCKERHUB, [HUB] * 6, id="Docker Hub: six for one push"),
    pytest.param(SourceKind.QUAY, [QUAY] * 3, id="Quay"),
    pytest.param(SourceKind.ARTIFACTORY, [artifactory()] * 3, id="Artifactory"),
    pytest.param(SourceKind.HARNESS, [harness()] * 3, id="Harness"),
    pytest.param(SourceKind.ALIBABA, [alibaba()] * 3, id="Alibaba"),
    pytest.param(SourceKind.NEXUS, [nexus("CREATED", 1), nexus("UPDATED", 9)], id="Nexus: two"),
    pytest.param(SourceKind.HARBOR, [harbor("1"), harbor("2")], id="Harbor: two policies"),
]


@pytest.mark.parametrize(("kind", "bodies"), SAME)
async def test_equal_events_are_accepted_once_in_their_time(
    kind: SourceKind, bodies: list[Any]
) -> None:
    intake = Intake(kind)
    assert await intake.send(*bodies) == [1] + [0] * (len(bodies) - 1)
    assert intake.ignored == {repeats.REASON: len(bodies) - 1}
    intake.at_ms += REPEATS_S[kind] * 1000 - 1
    assert await intake.one(bodies[0]) == 0
    intake.at_ms += 1
    assert await intake.one(bodies[0]) == 1


@pytest.mark.parametrize(("kind", "bodies"), SAME)
async def test_it_can_be_switched_off_and_made_longer(kind: SourceKind, bodies: list[Any]) -> None:
    assert sum(await Intake(kind, repeats="0").send(*bodies)) == len(bodies)
    longer = Intake(kind, repeats="600")
    assert await longer.one(bodies[0]) == 1
    longer.at_ms += 599_000
    assert await longer.one(bodies[0]) == 0


DIFFERENT: list[Any] = [
    pytest.param(
        SourceKind.ARTIFACTORY,
        [artifactory(), artifactory(OTHER_HEX), artifactory()],
        id="a tag that moves away and back",
    ),
    pytest.param(
        SourceKind.HARNESS,
        [harness(), harness(trigger="artifact_deleted")] * 2,
        id="push, delete, push, delete",
    ),
    pytest.param(
        SourceKind.ARTIFACTORY, [artifactory(tag="1"), artifactory(tag="2")], id="another tag"
    ),
    pytest.param(
        SourceKind.QUAY, [QUAY, QUAY | {"repository": "acme/web"}], id="another repository"
    ),
    pytest.param(SourceKind.HARNESS, [harness("")] * 2, id="Harness, without a digest"),
    pytest.param(SourceKind.ARTIFACTORY, [artifactory("")] * 2, id="Artifactory, without a digest"),
    pytest.param(
        SourceKind.DOCKERHUB,
        [HUB, HUB | {"push_data": HUB["push_data"] | {"pushed_at": 1_777_712_646}}],
        id="a second later",
    ),
    pytest.param(
        SourceKind.HARBOR, [harbor("1"), harbor("1", "2026-05-02T09:04:06Z")], id="Harbor, later"
    ),
]


@pytest.mark.parametrize(("kind", "bodies"), DIFFERENT)
async def test_what_differs_is_accepted_each_time(kind: SourceKind, bodies: list[Any]) -> None:
    intake = Intake(kind)
    assert await intake.send(*bodies) == [1] * len(bodies)
    if kind is not SourceKind.HARBOR:
        assert len(set(intake.ids)) == len(bodies)


async def test_two_platforms_and_their_index_are_repeated_together() -> None:
    several = [artifactory(HEX, f"sha256:{HEX}"), artifactory(OTHER_HEX, f"sha256:{OTHER_HEX}")]
    index = artifactory("cd" * 32, "1")
    intake = Intake(SourceKind.ARTIFACTORY)
    assert await intake.send(*several, index, *several, index) == [1, 1, 1, 0, 0, 0]


async def test_one_request_with_a_tag_twice_is_one_event() -> None:
    intake = Intake(SourceKind.QUAY)
    assert await intake.one(QUAY | {"updated_tags": ["1", "2", "1"]}) == 2
    assert await intake.one(QUAY | {"updated_tags": ["2", "3"]}) == 1


async def test_each_source_has_its_own() -> None:
    intake = Intake(SourceKind.QUAY)
    assert await intake.one(QUAY) == 1
    other = Intake(SourceKind.QUAY)
    other.source = Source("other", "here", SourceKind.QUAY, other.source.proof, ("x",), {})
    other.repeats = intake.repeats
    assert await other.one(QUAY) == 1


async def test_two_producers_give_equal_events_one_id() -> None:
    one, two = Intake(SourceKind.QUAY), Intake(SourceKind.QUAY)
    await one.send(QUAY | {"updated_tags": ["1", "2"]})
    two.at_ms += 1
    await two.send(QUAY, QUAY | {"updated_tags": ["2"]})
    assert one.ids == two.ids
    one.at_ms += REPEATS_S[SourceKind.QUAY] * 1000
    await one.send(QUAY)
    assert len(set(one.ids)) == 3


async def test_two_producers_give_equal_events_one_id_whatever_they_got_before() -> None:
    one, two = Intake(SourceKind.QUAY), Intake(SourceKind.QUAY)
    span_ms = REPEATS_S[SourceKind.QUAY] * 1000
    await one.send(*(QUAY | {"updated_tags": [tag]} for tag in ("1", "2", "1")))
    one.at_ms += span_ms
    two.at_ms += span_ms
    assert await one.send(QUAY) == await two.send(QUAY) == [1]
    assert one.ids[-1] == two.ids[-1]


async def test_the_senders_own_id_stays() -> None:
    intake = Intake(SourceKind.NEXUS)
    await intake.one(nexus("CREATED", 1), {"X-Nexus-Webhook-Delivery": "their-own"})
    assert intake.ids == ["their-own"]


async def test_a_repeat_is_answered_after_the_first_is_confirmed() -> None:
    intake = Intake(SourceKind.QUAY)
    intake.gate = asyncio.Event()
    first = asyncio.create_task(intake.one(QUAY))
    await asyncio.sleep(0)
    second = asyncio.create_task(intake.one(QUAY))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not second.done()
    intake.gate.set()
    assert [await first, await second] == [1, 0]


async def test_a_repeat_fails_with_the_first_and_is_then_accepted() -> None:
    intake = Intake(SourceKind.QUAY)
    intake.gate, intake.fails = asyncio.Event(), True
    first = asyncio.create_task(intake.one(QUAY))
    await asyncio.sleep(0)
    intake.fails = False
    second = asyncio.create_task(intake.one(QUAY))
    await asyncio.sleep(0)
    intake.fails = True
    intake.gate.set()
    with pytest.raises(OSError, match="broker"):
        await first
    with pytest.raises((UnavailableError, OSError)):
        await second
    intake.fails = False
    assert await intake.one(QUAY) == 1
    assert await intake.one(QUAY) == 0


async def test_requests_that_wait_for_each_other_do_not_block() -> None:
    intake = Intake(SourceKind.QUAY)
    intake.gate = asyncio.Event()
    tasks = [
        asyncio.create_task(intake.one(QUAY | {"updated_tags": tags}))
        for tags in (["1", "2"], ["2", "3"], ["3", "1"])
    ]
    await asyncio.sleep(0)
    intake.gate.set()
    async with asyncio.timeout(5):
        assert sum(await asyncio.gather(*tasks)) == 3


async def test_a_request_that_is_cancelled_leaves_nothing() -> None:
    intake = Intake(SourceKind.QUAY)
    intake.gate = asyncio.Event()
    first = asyncio.create_task(intake.one(QUAY))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    intake.gate.set()
    assert await intake.one(QUAY) == 1


async def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MAX_THINGS", 50)
    intake = Intake(SourceKind.QUAY)
    for number in range(200):
        intake.fails = number % 2 == 0
        with contextlib.suppress(OSError):
            await intake.one(QUAY | {"repository": f"acme/{number}"})
    kept = intake.repeats._repositories
    things = sum(len(each.seen) for each in kept.values())
    assert things == intake.repeats._count
    assert things + len(kept) <= 52
    assert await intake.one(QUAY | {"repository": "acme/199"}) == 0
    assert await intake.one(QUAY | {"repository": "acme/1"}) == 1


async def test_the_tags_of_one_repository_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "MAX_THINGS", 50)
    intake = Intake(SourceKind.QUAY)
    assert await intake.one(QUAY | {"updated_tags": [str(number) for number in range(190)]}) == 190
    assert sum(len(each.seen) for each in intake.repeats._repositories.values()) <= 50
    assert await intake.one(QUAY | {"updated_tags": ["189"]}) == 0
    assert await intake.one(QUAY | {"updated_tags": ["0"]}) == 1
    assert len(set(intake.ids)) == 191


async def test_a_clock_that_is_set_back_makes_no_repeats() -> None:
    intake = Intake(SourceKind.QUAY)
    assert await intake.one(QUAY) == 1
    intake.at_ms -= 3_600_000
    assert await intake.send(QUAY, QUAY) == [1, 0]
    assert len(set(intake.ids)) == 2


async def test_a_shorter_time_holds_at_once() -> None:
    intake = Intake(SourceKind.QUAY, repeats="600")
    assert await intake.one(QUAY) == 1
    intake.at_ms += 5_000
    intake.source = replace(intake.source, options={"repeats": "5"})
    assert await intake.one(QUAY) == 1


async def test_other_kinds_are_not_touched() -> None:
    event = {
        "id": "1",
        "action": "push",
        "target": {"repository": "shop/cart", "tag": "1", "digest": DIGEST},
    }
    assert await Intake(SourceKind.ACR).send(event, event) == [1, 1]
    assert await Intake(SourceKind.ACR, repeats="5").send(event, event) == [1, 0]


async def test_many_events_leave_turns_to_other_requests() -> None:
    intake = Intake(SourceKind.QUAY)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.create_task(count())
    many = QUAY | {"updated_tags": [str(number) for number in range(3_000)]}
    assert await intake.one(many) == 3_000
    assert turns >= 5
    counting.cancel()
    assert await intake.one(many) == 0
