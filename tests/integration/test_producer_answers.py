"""How each sender is answered: in time, with its status, and whatever a pusher has chosen."""

import asyncio
import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest
from aiohttp import ClientSession

from portcall.producer.digests.keeper import DigestKeeper
from portcall.runtime.errors import BrokerError
from portcall.schemas.extras import NONE
from portcall.schemas.sources import NOTIFIERS, Proof, Source, SourceKind
from portcall.store.intake.digests import KnownDigest
from tests.integration.kinds_of_sources import BODIES, GENERIC, distribution, quay
from tests.integration.producing import Served, Sink, served

SECRET = "a-long-secret-of-the-path"  # noqa: S105
DIGEST = f"sha256:{'1f2e' * 16}"
GOOD = ("shop/cart", "2.0.1", DIGEST)
CHOSEN: list[Any] = [
    pytest.param(("shop/cart", "", ""), id="neither tag nor digest"),
    pytest.param(("shop/cart", "!" * 500, DIGEST), id="a tag that cannot be one"),
    pytest.param(("shop/cart", "latest\u0000", DIGEST), id="NUL"),
    pytest.param(("shop/cart", "\ud800", DIGEST), id="half a pair"),
    pytest.param(("../../ETC", "1", DIGEST), id="a repository that cannot be one"),
    pytest.param(("s/" * 2_000, "1", DIGEST), id="a long repository"),
    pytest.param(("", "1", DIGEST), id="no repository"),
    pytest.param(("shop/cart", "1", "no digest"), id="no digest"),
    pytest.param(("shop/cart", "1", "sha256:" + "f" * 5_000), id="a long digest"),
    pytest.param(("shop/cart", "<script>{{7*7}}", "${jndi:ldap://x}"), id="markup"),
]


def source(kind: SourceKind, **options: str) -> Source:
    given = (GENERIC if kind is SourceKind.GENERIC else {}) | options
    return Source("myregistry", kind.value, kind, Proof.PATH, (SECRET,), given)


ALL = [source(kind) for kind in SourceKind]


async def send(
    at: Served, kind: SourceKind, body: object, headers: Mapping[str, str]
) -> tuple[int, Mapping[str, str], Any]:
    path = f"/registries/myregistry/sources/{kind.value}/{SECRET}"
    async with (
        ClientSession(at.url, headers={"Content-Type": "application/json"}) as client,
        client.post(path, data=json.dumps(body).encode(), headers=headers) as answer,
    ):
        return answer.status, answer.headers, await answer.json()


class HangingTable:
    """A store that does not answer until the test ends."""

    def __init__(self) -> None:
        self.ends = threading.Event()

    def keep(self, _seen: Iterable[KnownDigest]) -> None:
        self.ends.wait(20)

    def find(self, _names: Sequence[bytes]) -> Mapping[bytes, KnownDigest]:
        self.ends.wait(20)
        return {}


@pytest.mark.parametrize("kind", list(SourceKind))
async def test_each_kind_is_answered_within_a_second_though_the_store_hangs(
    kind: SourceKind,
) -> None:
    table, sink = HangingTable(), Sink()
    try:
        async with served(sink.publish, keeper=DigestKeeper(table), sources=ALL) as at:
            for facts in (GOOD, ("shop/cart", "!" * 500, DIGEST)):
                began = time.monotonic()
                status, _, _ = await send(at, kind, *BODIES[kind](*facts))
                assert time.monotonic() - began < 1
                assert status == (202 if kind in NOTIFIERS else 200)
            if kind in NOTIFIERS:
                body, headers = distribution(*GOOD)
                body["events"][0] |= {"action": "delete", "id": "2"}
                began = time.monotonic()
                status, _, told = await send(at, kind, body, headers)
                assert time.monotonic() - began < 1
                assert (status, told["accepted"]) == (202, 1)
            table.ends.set()
    finally:
        table.ends.set()
    assert sink.events[0].repository == "shop/cart"


@pytest.mark.parametrize("kind", list(SourceKind))
async def test_without_the_broker_each_kind_is_told_to_come_again(kind: SourceKind) -> None:
    sink = Sink(error=BrokerError("away"))
    async with served(sink.publish, sources=ALL) as at:
        status, headers, told = await send(at, kind, *BODIES[kind](*GOOD))
        assert (status, headers["Retry-After"]) == (503, "2")
        assert told["error"]["code"] == "ServiceUnavailable"
        sink.error = None
        status, _, told = await send(at, kind, *BODIES[kind](*GOOD))
        assert (status, told["accepted"]) == (202 if kind in NOTIFIERS else 200, 1)


@pytest.mark.parametrize("facts", CHOSEN)
async def test_nothing_that_a_pusher_chooses_is_refused_or_holds_up_the_next(
    facts: tuple[str, str, str],
) -> None:
    sink = Sink()
    async with served(sink.publish, sources=ALL) as at:
        for kind in SourceKind:
            status, _, told = await send(at, kind, *BODIES[kind](*facts))
            assert status in (200, 202), (kind, told)
            status, _, told = await send(at, kind, *BODIES[kind](*GOOD))
            assert (status, told["accepted"]) == (202 if kind in NOTIFIERS else 200, 1), kind


async def test_every_kind_is_in_the_table() -> None:
    assert set(BODIES) == set(SourceKind)


@pytest.mark.parametrize("rate", ["120", "*", None])
async def test_event_grid_may_ask_before_it_sends(rate: str | None) -> None:
    async with served(Sink().publish, sources=ALL) as at:
        origin = {"WebHook-Request-Origin": "eventgrid.azure.net"}
        asked = origin | ({"WebHook-Request-Rate": rate} if rate else {})
        path = f"/registries/myregistry/sources/eventgrid/{SECRET}"
        async with ClientSession(at.url) as client:
            async with client.options(path, headers=asked) as answer:
                assert answer.status == 200
                assert answer.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"
                assert answer.headers["WebHook-Allowed-Rate"] == "*"
                assert answer.headers["Allow"] == "POST"
            preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
            async with client.options(path, headers=preflight) as answer:
                assert answer.status == 405
                assert not any("Allow-" in name or "Allowed" in name for name in answer.headers)


async def test_a_validation_is_answered_without_the_broker() -> None:
    """It may come in the middle of an outage, and Event Grid asks only once."""
    validation = {
        "id": "1",
        "topic": "t",
        "subject": "",
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "data": {"validationCode": "512d38b6", "validationUrl": "https://169.254.169.254/"},
    }
    async with served(Sink(error=BrokerError("away")).publish, sources=ALL) as at:
        headers = {"aeg-event-type": "SubscriptionValidation"}
        status, _, told = await send(at, SourceKind.EVENTGRID, [validation], headers)
    assert (status, told) == (200, {"validationResponse": "512d38b6"})


async def test_six_equal_posts_at_once_are_one_event() -> None:
    sink = Sink()
    sink.gate.clear()
    async with served(sink.publish, sources=ALL) as at:
        sending = [asyncio.create_task(send(at, SourceKind.QUAY, *quay(*GOOD))) for _ in range(6)]
        await asyncio.sleep(0.2)
        assert not any(each.done() for each in sending)
        sink.gate.set()
        answers = await asyncio.gather(*sending)
    assert [status for status, _, _ in answers] == [200] * 6
    assert sorted(told["accepted"] for _, _, told in answers) == [0] * 5 + [1]
    assert len(sink.events) == 1


async def test_a_repeat_of_what_the_broker_refused_is_told_to_come_again() -> None:
    sink = Sink(error=BrokerError("away"))
    sink.gate.clear()
    async with served(sink.publish, sources=ALL) as at:
        sending = [asyncio.create_task(send(at, SourceKind.QUAY, *quay(*GOOD))) for _ in range(3)]
        await asyncio.sleep(0.2)
        sink.gate.set()
        assert {status for status, _, _ in await asyncio.gather(*sending)} == {503}
        sink.error = None
        status, _, told = await send(at, SourceKind.QUAY, *quay(*GOOD))
    assert (status, told["accepted"]) == (200, 1)


async def test_a_source_tells_of_the_delete_of_a_referrer() -> None:
    """One producer for pushes and deletes; `test_producer_sightings` has two with a store."""
    sink = Sink()
    async with served(sink.publish, sources=ALL) as at:
        for tag in (f"sha256-{'ab' * 32}", "v1"):
            push, headers = BODIES[SourceKind.ZOT]("shop/cart", tag, f"sha256:{tag[:2] * 32}")
            gone = push | {"reference": push["digest"]}
            deleting = headers | {"ce-type": "zotregistry.image.deleted"}
            assert (await send(at, SourceKind.ZOT, push, headers))[0] == 200
            assert (await send(at, SourceKind.ZOT, gone, deleting))[0] == 200
    told = [(each.action, (each.extras or NONE).referrer) for each in sink.events]
    assert told == [("push", False), ("delete", True), ("push", False), ("delete", False)]
