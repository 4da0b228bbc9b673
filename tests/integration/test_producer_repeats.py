"""The producer's answers to a repeated head are those to a head that was never seen."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

import portcall.producer.server
from portcall.producer.http.bodies import Bodies
from portcall.producer.http.intake_gate import IntakeGate
from portcall.producer.tracing import Tracing
from portcall.runtime.errors import BrokerError, RefusedError, UnconfirmedError
from portcall.runtime.http.clients import Throttle
from portcall.runtime.http.repeats import Repetition
from portcall.runtime.http.serving import _Protocol
from portcall.runtime.metrics import REGISTRY
from portcall.runtime.tracing.spans import Tracer
from portcall.schemas.journal import IgnoredNote
from portcall.store.access.principals import PrincipalRow, Role
from tests.integration.producing import TOKEN, FakeStore, Served, Sink, served

EVENTS, NOTIFICATIONS = "/registries/myregistry/events", "/registries/MyRegistry/notifications"
PUSH: dict[str, Any] = {"action": "push", "target": {"repository": "team/app", "tag": "v1"}}
NOTICE: dict[str, Any] = {
    "id": "e1",
    "timestamp": "2026-03-04T10:20:30.5Z",
    "action": "push",
    "target": {
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": "sha256:" + "5" * 64,
        "repository": "team/app",
        "tag": "v1",
    },
}
SIZE = 1_200
"""Of all bodies here, with spaces at the end: the size belongs to the head."""
READ_S = 5.0
ROBOT = "robot"


@dataclass
class Answer:
    """What came back.

    Attributes:
        status: The first line.
        headers: All but the date.
        body: The JSON.
    """

    status: str
    headers: dict[str, str]
    body: Any


def padded(body: bytes) -> bytes:
    return body.ljust(SIZE)


def of(value: object) -> bytes:
    return padded(json.dumps(value).encode())


class Line:
    """One connection of a client that always sends the same headers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(
        self, path: str, body: bytes, *, token: str = TOKEN, more: str = "", kind: str = "json"
    ) -> Answer:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{more}"
            f"Content-Type: application/{kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        async with asyncio.timeout(READ_S):
            status, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines if line)
            del headers["Date"]
            content = await self._reader.readexactly(int(headers["Content-Length"]))
        return Answer(status, headers, json.loads(content))


@asynccontextmanager
async def line(producer: Served) -> AsyncIterator[Line]:
    reader, writer = await asyncio.open_connection("127.0.0.1", producer.port)
    try:
        await asyncio.sleep(0.01)
        yield Line(reader, writer)
    finally:
        writer.close()


@pytest.fixture
def repeated(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies of requests that were not parsed."""
    bodies: list[bytes] = []
    repeat = _Protocol._repeat

    async def noted(self: _Protocol, repetition: Repetition, body: bytes) -> None:
        bodies.append(body)
        await repeat(self, repetition, body)

    monkeypatch.setattr(_Protocol, "_repeat", noted)
    return bodies


async def taught(producer: Served, path: str, *, kind: str = "json", token: str = TOKEN) -> None:
    """Let the producer see a head."""
    good = {"events": [NOTICE]} if path == NOTIFICATIONS else PUSH
    if kind == "cloudevents+json":
        good = {"specversion": "1.0", "id": "c", "source": "/r", "type": "x", "data": PUSH}
    async with line(producer) as client:
        for _ in range(2):
            assert "202" in (await client.send(path, of(good), kind=kind, token=token)).status


def cases() -> list[Any]:
    pull, bad = NOTICE | {"action": "pull"}, NOTICE | {"target": {"repository": 7}}
    attached = {"digest": "sha256:" + "7" * 64, "tag": "sha256-" + "8" * 64}
    return [
        pytest.param(EVENTS, of(PUSH), id="an event"),
        pytest.param(EVENTS, of([PUSH] * 5), id="several"),
        pytest.param(EVENTS, of(PUSH | {"target": PUSH["target"] | attached}), id="a referrer"),
        pytest.param(EVENTS, of([]), id="no event"),
        pytest.param(EVENTS, of(PUSH | {"action": "pull"}), id="another action"),
        pytest.param(EVENTS, of([PUSH, PUSH | {"target": {"repository": "A B"}}]), id="a bad one"),
        pytest.param(EVENTS, of(PUSH | {"target": {"repository": "a", "tag": "\0"}}), id="NUL"),
        pytest.param(EVENTS, padded(b"{"), id="no JSON"),
        pytest.param(EVENTS, padded(b""), id="nothing"),
        pytest.param(EVENTS, b"\xff" * SIZE, id="no UTF-8"),
        pytest.param(EVENTS, padded(b"[" * 600), id="deep"),
        pytest.param(NOTIFICATIONS, of({"events": [NOTICE]}), id="a notification"),
        pytest.param(NOTIFICATIONS, of({"events": [NOTICE, NOTICE]}), id="several notifications"),
        pytest.param(NOTIFICATIONS, of({"events": [pull]}), id="a pull"),
        pytest.param(NOTIFICATIONS, of({"events": [NOTICE, bad]}), id="an unreadable one"),
        pytest.param(NOTIFICATIONS, of({"events": 7}), id="no list"),
        pytest.param(NOTIFICATIONS, padded(b"nonsense"), id="nonsense"),
    ]


def facts(sink: Sink) -> list[tuple[str, str, str, bytes]]:
    """What does not depend on the time, and then the sink is empty."""
    made = re.compile(rb'"(id|timestamp)":"[^"]*"')
    found = [
        (each.registry, each.action, each.tag, made.sub(b"", bytes(each.body)))
        for each in sink.events
    ]
    sink.events.clear()
    return found


@pytest.mark.parametrize(("path", "body"), cases())
async def test_the_answers_and_the_events_are_the_same(
    repeated: list[bytes], path: str, body: bytes
) -> None:
    sink, notes = Sink(), Notes()
    async with served(sink.publish, note=notes.note) as producer:
        await taught(producer, path)
        facts(sink)
        notes.taken.clear()
        async with line(producer) as client:
            parsed = await client.send(path, body, more="X: 1\r\n")
        told = (facts(sink), notes.facts())
        assert repeated == []
        async with line(producer) as client:
            again = await client.send(path, body)
            assert repeated == [body]
            assert again == parsed
            assert (facts(sink), notes.facts()) == told
            assert "202" in (await client.send(path, body, more="X: 2\r\n")).status or told[0] == []


class Notes:
    """What would be noted of ignored notifications."""

    def __init__(self) -> None:
        self.taken: list[IgnoredNote] = []

    async def note(self, notes: Sequence[IgnoredNote], _patience_s: float) -> None:
        self.taken += notes

    def facts(self) -> list[tuple[str, str, str]]:
        found = [(each.registry, each.reason, each.place) for each in self.taken]
        self.taken.clear()
        return found


@pytest.mark.parametrize("kind", ["json", "cloudevents+json"])
async def test_every_type_is_read_as_its_own(repeated: list[bytes], kind: str) -> None:
    sink = Sink()
    async with served(sink.publish) as producer:
        await taught(producer, EVENTS, kind=kind)
        async with line(producer) as client:
            answer = await client.send(EVENTS, of({"specversion": "1.0"} | PUSH), kind=kind)
    assert len(repeated) == 1
    assert ("400" in answer.status) is (kind == "cloudevents+json")


async def test_events_with_their_facts_in_the_head_are_parsed(repeated: list[bytes]) -> None:
    async with served(Sink().publish) as producer, line(producer) as client:
        more = "ce-specversion: 1.0\r\nce-id: 1\r\nce-source: /r\r\nce-type: x\r\n"
        for _ in range(3):
            assert "202" in (await client.send(EVENTS, of(PUSH), more=more)).status
    assert repeated == []


@pytest.mark.parametrize("error", [RefusedError("full"), UnconfirmedError("lost"), LookupError()])
@pytest.mark.parametrize("path", [EVENTS, NOTIFICATIONS])
async def test_the_brokers_refusal_is_told_in_the_same_way(
    repeated: list[bytes], path: str, error: BrokerError
) -> None:
    sink, body = Sink(), of({"events": [NOTICE]}) if path == NOTIFICATIONS else of(PUSH)
    async with served(sink.publish) as producer:
        await taught(producer, path)
        sink.error = error
        async with line(producer) as client:
            parsed = await client.send(path, body, more="X: 1\r\n")
            again = await client.send(path, body)
            assert repeated == [body]
            assert again == parsed
            assert ("500" if isinstance(error, LookupError) else "503") in again.status
            sink.error = None
            assert "202" in (await client.send(path, body)).status
        assert len(sink.events) == 3
    refused = [each["event"] for each in producer.logs if each["event"] == "request.failed"]
    assert len(refused) == (2 if isinstance(error, LookupError) else 0)


class Holders:
    """One publisher, until its token is revoked."""

    def __init__(self) -> None:
        self.is_valid = self.is_fresh = True
        self.asked = 0

    async def holder(self, token: str) -> PrincipalRow | None:
        self.asked += 1
        return self.known(token)() if self.is_fresh else self._row(token)

    def known(self, token: str) -> Callable[[], PrincipalRow | None]:
        return lambda: self._row(token) if self.is_fresh else None

    def _row(self, token: str) -> PrincipalRow | None:
        if not self.is_valid or token != ROBOT:
            return None
        return PrincipalRow("i", "robot", Role.PUBLISHER, "myregistry", b"", 0, None, None, None)


async def test_now_and_then_one_is_parsed(
    repeated: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portcall.producer.server, "REPEATED_S", 0.2)
    holders = Holders()
    async with served(Sink().publish, holders=holders) as producer:
        await taught(producer, EVENTS, token=ROBOT)
        async with line(producer) as client:
            await client.send(EVENTS, of(PUSH), token=ROBOT)
            assert (len(repeated), holders.asked) == (1, 2)
            await asyncio.sleep(0.25)
            for _ in range(2):
                await client.send(EVENTS, of(PUSH), token=ROBOT)
            assert (len(repeated), holders.asked) == (2, 3)


async def test_a_revoked_token_is_refused(repeated: list[bytes]) -> None:
    holders, sink = Holders(), Sink()
    async with served(sink.publish, holders=holders) as producer:
        await taught(producer, EVENTS, token=ROBOT)
        async with line(producer) as client:
            assert "202" in (await client.send(EVENTS, of(PUSH), token=ROBOT)).status
            assert (len(repeated), holders.asked) == (1, 2)
            holders.is_fresh = False  # it must be asked: the request is parsed
            assert "202" in (await client.send(EVENTS, of(PUSH), token=ROBOT)).status
            assert (len(repeated), holders.asked) == (1, 3)
            holders.is_valid = False
            answer = await client.send(EVENTS, of(PUSH), token=ROBOT)
            assert "401" in answer.status
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert len(sink.events) == 4


async def test_a_deleted_registry_is_told(repeated: list[bytes]) -> None:
    store = FakeStore()
    async with served(Sink().publish, store=store) as producer:
        await taught(producer, EVENTS)
        store.is_deleted = True
        await producer.registries.refresh()
        async with line(producer) as client:
            assert "404" in (await client.send(EVENTS, of(PUSH))).status
    assert repeated == []


async def test_who_failed_too_often_waits_as_before(repeated: list[bytes]) -> None:
    throttle = Throttle(per_s=0.2)  # two failures at once, and one in five seconds
    async with served(Sink().publish, throttle=throttle) as producer:
        await taught(producer, EVENTS)
        statuses = []
        for _ in range(4):
            async with line(producer) as stranger:
                statuses.append((await stranger.send(EVENTS, b"x", token=ROBOT)).status)
        assert "429" in statuses[-1]
        async with line(producer) as client:  # its token was good, so it is heard all the same
            assert "202" in (await client.send(EVENTS, of(PUSH))).status
    assert repeated == []


async def test_a_stopped_intake_is_told(repeated: list[bytes]) -> None:
    stopped: list[int] = [0]
    gate = IntakeGate(lambda: stopped[0])
    async with served(Sink().publish, gate=gate) as producer:
        await taught(producer, EVENTS)
        stopped[0] = 1_772_619_630_000
        await gate.refresh()
        async with line(producer) as client:
            answer = await client.send(EVENTS, of(PUSH))
    assert "503" in answer.status
    assert "the intake has been stopped" in answer.body["error"]["message"]
    assert len(repeated) == 1


async def test_the_room_for_bodies_is_shared_and_given_back(repeated: list[bytes]) -> None:
    sink = Sink()
    async with served(sink.publish, bodies=Bodies(max_held_bytes=2 * SIZE)) as producer:
        await taught(producer, EVENTS)
        for _ in range(2):
            sink.gate.clear()
            async with line(producer) as one, line(producer) as two, line(producer) as three:
                asked = sink.asked
                tasks = [asyncio.create_task(each.send(EVENTS, of(PUSH))) for each in (one, two)]
                async with asyncio.timeout(READ_S):
                    while sink.asked < asked + 2:  # noqa: ASYNC110 (a sink has no event)
                        await asyncio.sleep(0.001)
                assert "503" in (await three.send(EVENTS, of(PUSH))).status
                sink.gate.set()
                assert ["202" in (await task).status for task in tasks] == [True, True]
    assert len(repeated) == 6


async def test_traced_requests_are_parsed(repeated: list[bytes]) -> None:
    """A trace begins in the head."""
    async with served(Sink().publish, tracing=Tracing(Tracer(lambda _span: None))) as producer:
        await taught(producer, EVENTS)
        await taught(producer, EVENTS)
    assert repeated == []


async def test_repeated_requests_are_counted(repeated: list[bytes]) -> None:
    def counted() -> float:
        labels = {"registry": "myregistry", "action": "push"}
        return REGISTRY.get_sample_value("portcall_producer_events_total", labels) or 0.0

    async with served(Sink().publish) as producer:
        await taught(producer, EVENTS)
        before = counted()
        async with line(producer) as client:
            await client.send(EVENTS, of([PUSH, PUSH]))
    assert counted() - before == 2
    assert len(repeated) == 1
