"""The producer's HTTP, over real sockets, with a fake where the broker does not matter."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import pytest
from aiohttp import ClientResponse
from yarl import URL

from portcall.producer.digests.digests import Glance
from portcall.producer.digests.keeper import DigestKeeper
from portcall.producer.formats.skimming import Skimmed, Skimmer
from portcall.producer.formats.turns import SKIMMED_AT_ONCE
from portcall.producer.http.bodies import MAX_BODY_BYTES, Bodies
from portcall.runtime.errors import BrokerError, RefusedError, UnconfirmedError, UnroutableError
from portcall.runtime.metrics import REGISTRY
from tests.integration.producing import AUTHORIZATION, Served, Sink, poll, served
from tests.unit.producer.samples import recorded

EVENTS = "/registries/myregistry/events"
NOTIFICATIONS = "/registries/myregistry/notifications"
V1 = "application/vnd.docker.distribution.events.v1+json"
V2 = "application/vnd.docker.distribution.events.v2+json"
JSON = {"Content-Type": "application/json"}
PUSH: dict[str, Any] = {"action": "push", "target": {"repository": "team/app", "tag": "v1"}}
PUSH_BYTES = json.dumps(PUSH).encode()
CLOUD = {"specversion": "1.0", "id": "ce-1", "source": "/r", "type": "x", "data": PUSH}


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
async def producer(sink: Sink) -> AsyncIterator[Served]:
    async with served(sink.publish) as producer:
        yield producer


async def error_of(answer: ClientResponse) -> dict[str, str]:
    """The error in an answer, which has nothing else."""
    assert answer.content_type == "application/json"
    body = await answer.json()
    assert list(body) == ["error"] and list(body["error"]) == ["code", "message"]
    error: dict[str, str] = body["error"]
    return error


@pytest.mark.parametrize(
    ("media_type", "accepted", "ignored"),
    [(V1, 1, 0), (V2, 1, 0), (f"{V1}; charset=utf-8", 1, 0), (V1.upper(), 1, 0)],
)
async def test_notifications_are_accepted(
    producer: Served, sink: Sink, media_type: str, accepted: int, ignored: int
) -> None:
    (body,) = recorded("push_by_digest")
    async with producer.client.post(
        NOTIFICATIONS, data=body, headers={"Content-Type": media_type}
    ) as answer:
        assert answer.status == 202
        assert await answer.json() == {"accepted": accepted, "ignored": ignored}
    assert [event.repository for event in sink.events] == ["team/app"]


async def test_a_whole_recorded_life_is_three_events(producer: Served, sink: Sink) -> None:
    totals = {"accepted": 0, "ignored": 0}
    for step in ("push_tag", "push_second_tag", "pull", "delete_manifest", "delete_blob"):
        for body in recorded(step):
            async with producer.client.post(
                NOTIFICATIONS, data=body, headers={"Content-Type": V1}
            ) as answer:
                assert answer.status == 202
                for name, count in (await answer.json()).items():
                    totals[name] += count
    assert [(event.action, event.tag) for event in sink.events] == [
        ("push", "v1"),
        ("push", "latest"),
        ("delete", ""),
    ]
    assert totals == {"accepted": 3, "ignored": 12}


async def test_ignored_notifications_do_not_need_the_broker(producer: Served, sink: Sink) -> None:
    sink.error = UnconfirmedError("away")
    for body in recorded("pull"):
        async with producer.client.post(
            NOTIFICATIONS, data=body, headers={"Content-Type": V1}
        ) as answer:
            assert (answer.status, await answer.json()) == (202, {"accepted": 0, "ignored": 1})


BODIES = {
    "one event": (JSON, PUSH_BYTES, 1),
    "an array": (JSON, json.dumps([PUSH, PUSH]).encode(), 2),
    "an empty array": (JSON, b"[]", 0),
    "a charset": ({"Content-Type": 'Application/JSON; charset="utf-8"'}, PUSH_BYTES, 1),
    "white space around": (JSON, b" \r\n" + PUSH_BYTES + b"\n", 1),
    "1 MiB": (JSON, PUSH_BYTES.ljust(MAX_BODY_BYTES), 1),
    "a structured CloudEvent": (
        {"Content-Type": "application/cloudevents+json; charset=utf-8"},
        json.dumps(CLOUD).encode(),
        1,
    ),
    "a batch of CloudEvents": (
        {"Content-Type": "application/cloudevents-batch+json"},
        json.dumps([CLOUD, CLOUD]).encode(),
        2,
    ),
    "a batch in upper case, with a charset": (
        {"Content-Type": "Application/CLOUDEVENTS-Batch+JSON; charset=UTF-8"},
        json.dumps([CLOUD, CLOUD]).encode(),
        2,
    ),
    "a binary CloudEvent": (
        JSON | {"ce-specversion": "1.0", "ce-id": "a", "ce-source": "/r", "ce-type": "x"},
        PUSH_BYTES,
        1,
    ),
    "an encoding that is none": (JSON | {"Content-Encoding": "identity"}, PUSH_BYTES, 1),
}


@pytest.mark.parametrize(("headers", "body", "count"), BODIES.values(), ids=BODIES)
async def test_events_are_accepted(
    producer: Served, sink: Sink, headers: dict[str, str], body: bytes, count: int
) -> None:
    async with producer.client.post(EVENTS, data=body, headers=headers) as answer:
        assert (answer.status, await answer.json()) == (202, {"accepted": count, "ignored": 0})
    assert len(sink.events) == count


async def test_the_registry_has_no_case(producer: Served, sink: Sink) -> None:
    async with producer.client.post("/registries/MYREGISTRY/events", json=PUSH) as answer:
        assert answer.status == 202
    assert sink.events[0].registry == "myregistry"


@pytest.mark.parametrize("path", ["/registries/myregist%72y/events", f"{EVENTS}?from=ci"])
async def test_a_path_that_is_written_in_another_way_is_found(
    producer: Served, sink: Sink, path: str
) -> None:
    """Usual paths take no router of the server, others do."""
    async with producer.client.post(URL(path, encoded=True), json=PUSH) as answer:
        assert (answer.status, (await answer.json())["accepted"]) == (202, 1)
    assert [event.registry for event in sink.events] == ["myregistry"]


@pytest.mark.parametrize("what", ["events", "notifications"])
async def test_another_method_is_refused_on_a_usual_path(producer: Served, what: str) -> None:
    async with producer.client.get(f"/registries/myregistry/{what}") as answer:
        assert answer.status == 405
        assert (await error_of(answer))["code"] == "MethodNotAllowed"
        assert answer.headers["Allow"] == "POST"


async def test_one_bad_event_of_an_array_refuses_all(producer: Served, sink: Sink) -> None:
    bad = PUSH | {"target": {"repository": "team/app", "tag": "no tag"}}
    async with producer.client.post(EVENTS, json=[PUSH, PUSH, PUSH, bad]) as answer:
        assert answer.status == 400
        error = await error_of(answer)
    assert error["code"] == "InvalidRequest"
    assert error["message"].startswith("[3].target.tag: 'no tag' is not a tag")
    assert sink.events == []


REFUSED: dict[str, tuple[str, str, dict[str, str], bytes, int, str]] = {
    "no such path": ("POST", "/events", JSON, PUSH_BYTES, 404, "NotFound"),
    "no such path below": ("POST", f"{EVENTS}/more", JSON, PUSH_BYTES, 404, "NotFound"),
    "a slash too many": ("POST", f"{EVENTS}/", JSON, PUSH_BYTES, 404, "NotFound"),
    "the root": ("GET", "/", {}, b"", 404, "NotFound"),
    "a path of two segments as one": (
        "POST", "/registries/my%2Fregistry/events", JSON, PUSH_BYTES, 404, "RegistryNotFound",
    ),
    "GET": ("GET", EVENTS, {}, b"", 405, "MethodNotAllowed"),
    "PUT": ("PUT", NOTIFICATIONS, {"Content-Type": V1}, b"{}", 405, "MethodNotAllowed"),
    "DELETE": ("DELETE", EVENTS, JSON, PUSH_BYTES, 405, "MethodNotAllowed"),
    "POST to /live": ("POST", "/live", {}, b"", 405, "MethodNotAllowed"),
    "an unknown registry": (
        "POST", "/registries/nobody1/events", JSON, PUSH_BYTES, 404, "RegistryNotFound",
    ),
    "a registry that can be none": (
        "POST", "/registries/%00%ff/notifications", JSON, PUSH_BYTES, 404, "RegistryNotFound",
    ),
    "no type": ("POST", EVENTS, {"Content-Type": ""}, PUSH_BYTES, 415, "UnsupportedMediaType"),
    "text": ("POST", EVENTS, {"Content-Type": "text/plain"}, PUSH_BYTES, 415, "UnsupportedMediaType"),
    "notifications as events": ("POST", EVENTS, {"Content-Type": V1}, b"{}", 415, "UnsupportedMediaType"),
    "two types at once": (
        "POST", EVENTS, {"Content-Type": "application/json, application/cloudevents+json"}, PUSH_BYTES, 415,
        "UnsupportedMediaType",
    ),
    "notifications in gzip": (
        "POST", NOTIFICATIONS, {"Content-Encoding": "gzip"}, gzip.compress(PUSH_BYTES), 415, "UnsupportedMediaType",
    ),
    "a type that is none": ("POST", EVENTS, {"Content-Type": ";;"}, PUSH_BYTES, 415, "UnsupportedMediaType"),
    "gzip": (
        "POST", EVENTS, JSON | {"Content-Encoding": "gzip"}, gzip.compress(PUSH_BYTES), 415, "UnsupportedMediaType",
    ),
    "a gzip bomb": (
        "POST", EVENTS, JSON | {"Content-Encoding": "gzip"}, gzip.compress(bytes(50_000_000)), 415,
        "UnsupportedMediaType",
    ),
    "1 MiB and a byte": (
        "POST", EVENTS, JSON, PUSH_BYTES.ljust(MAX_BODY_BYTES + 1), 413, "BodyTooLarge",
    ),
    "no body": ("POST", EVENTS, JSON, b"", 400, "InvalidRequest"),
    "no JSON": ("POST", EVENTS, JSON, b"\xff\xfe", 400, "InvalidRequest"),
    "depth": ("POST", EVENTS, JSON, b'{"x":' + b"[" * 500_000, 400, "InvalidRequest"),
    "no JSON at all": ("POST", NOTIFICATIONS, {"Content-Type": V1}, b"events", 400, "InvalidRequest"),
    "no body of notifications": ("POST", NOTIFICATIONS, {"Content-Type": V1}, b"", 400, "InvalidRequest"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status", "code"), REFUSED.values(), ids=REFUSED
)
async def test_bad_requests_are_refused_in_one_form(
    producer: Served,
    sink: Sink,
    *,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    status: int,
    code: str,
) -> None:
    async with producer.client.request(
        method,
        path,
        data=BytesIO(body) if body else None,
        headers=headers,
        skip_auto_headers=["Content-Type"],
    ) as answer:
        assert answer.status == status
        assert (await error_of(answer))["code"] == code
        if status == 405:
            assert answer.headers["Allow"] in ("POST", "GET, HEAD", "GET,HEAD")
    assert sink.events == []


async def test_a_wrong_path_is_told_the_right_ones(producer: Served) -> None:
    async with producer.client.post(f"{NOTIFICATIONS}/", data=b"{}") as answer:
        message = (await error_of(answer))["message"]
    assert "/registries/NAME/notifications" in message and "/registries/NAME/events" in message


async def test_a_wrong_type_is_told_the_right_ones(producer: Served) -> None:
    async with producer.client.post(EVENTS, data=b"{}", headers={"Content-Type": V1}) as answer:
        message = (await error_of(answer))["message"]
    assert "application/json" in message and "application/cloudevents+json" in message


TYPES = {
    "none": "",
    "JSON": "application/json",
    "JSON of something": "application/vnd.acme+json; charset=utf-8",
    "two": f"{V1}, application/json",
    "text": "text/plain",
    "none that is one": ";;",
}


@pytest.mark.parametrize("media_type", TYPES.values(), ids=TYPES)
async def test_notifications_are_taken_by_whatever_type_they_are_called(
    producer: Served, sink: Sink, media_type: str
) -> None:
    (body,) = recorded("push_by_digest")
    headers = {"Content-Type": media_type} if media_type else {}
    async with producer.client.post(
        NOTIFICATIONS, data=BytesIO(body), headers=headers, skip_auto_headers=["Content-Type"]
    ) as answer:
        assert (answer.status, await answer.json()) == (202, {"accepted": 1, "ignored": 0})


NO_EVENTS = {
    "an array": b"[]",
    "no envelope": PUSH_BYTES,
    "an event of nothing": b'{"events":[{}]}',
}


@pytest.mark.parametrize("body", NO_EVENTS.values(), ids=NO_EVENTS)
async def test_json_in_which_there_is_no_event_is_taken_and_counted(
    producer: Served, sink: Sink, body: bytes
) -> None:
    async with producer.client.post(NOTIFICATIONS, data=body) as answer:
        assert (answer.status, await answer.json()) == (202, {"accepted": 0, "ignored": 1})
    assert sink.events == []


async def test_one_bad_notification_is_logged_and_the_others_are_taken(
    producer: Served, sink: Sink
) -> None:
    bad = PUSH | {"id": "bad", "target": {"repository": "Upper/Case", "tag": "v1"}}
    for _ in range(50):
        async with producer.client.post(
            NOTIFICATIONS, json={"events": [PUSH, bad, PUSH]}
        ) as answer:
            assert (answer.status, await answer.json()) == (202, {"accepted": 2, "ignored": 1})
    assert len(sink.events) == 100
    (line,) = [line for line in producer.logs if line["event"] == "event.ignored"]
    assert (line["registry"], line["reason"]) == ("myregistry", "bad_repository")
    assert (line["event_id"], line["place"]) == ("bad", "events[1].target.repository")
    assert "'Upper/Case' is not a repository name" in line["problem"]


@pytest.mark.parametrize("path", [EVENTS, NOTIFICATIONS, "/registries/nobody1/events"])
@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer wrong-wrong-wrong", "Basic MDEyMzQ1Njc4OWFiY2RlZg==", "Bearer \xff"],
)
async def test_strangers_learn_nothing(
    producer: Served, sink: Sink, path: str, authorization: str
) -> None:
    headers = {"Authorization": authorization, "Content-Type": "text/plain"}
    async with producer.client.post(path, data=b"x", headers=headers) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert (await error_of(answer))["code"] == "Unauthorized"
    assert sink.events == []


@pytest.mark.parametrize(
    "error", [RefusedError("full"), UnconfirmedError("lost"), UnroutableError("no queue")]
)
async def test_without_the_brokers_confirm_it_is_503(
    producer: Served, sink: Sink, error: BrokerError
) -> None:
    sink.error = error
    async with producer.client.post(EVENTS, json=PUSH) as answer:
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) >= 1
        assert (await error_of(answer))["code"] == "ServiceUnavailable"
    sink.error = None
    async with producer.client.post(EVENTS, json=PUSH) as answer:
        assert answer.status == 202


async def test_a_fault_of_ours_is_500_in_the_same_form(producer: Served, sink: Sink) -> None:
    sink.error = LookupError("a bug")
    async with producer.client.post(EVENTS, json=PUSH) as answer:
        assert answer.status == 500
        error = await error_of(answer)
    assert error["code"] == "InternalError" and "a bug" not in error["message"]


async def test_one_line_is_logged_for_each_request_and_no_secret(producer: Served) -> None:
    async with producer.client.post(f"{EVENTS}?key=secret", json=[PUSH, PUSH]) as answer:
        assert answer.status == 202
    async with producer.client.post(EVENTS, json={}) as answer:
        assert answer.status == 400
    published, refused = producer.logs
    assert published.pop("duration_ms") >= 0
    assert published == {
        "event": "event.published",
        "log_level": "debug",
        "registry": "myregistry",
        "path": EVENTS,
        "accepted": 2,
        "ignored": 0,
    }
    assert (refused["event"], refused["code"]) == ("request.refused", "InvalidRequest")
    assert refused["reason"] == "action: is required"


async def test_metrics_count_what_came_in(producer: Served) -> None:
    def value(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, labels) or 0.0

    def counts() -> list[float]:
        return [
            value("portcall_producer_events_total", registry="myregistry", action="push"),
            value("portcall_producer_ignored_total", registry="myregistry", reason="blob_push"),
            value("portcall_producer_ignored_total", registry="myregistry", reason="bad_event"),
            value(
                "portcall_producer_refused_requests_total",
                registry="myregistry",
                code="InvalidRequest",
            ),
        ]

    before = counts()
    for body in (*recorded("push_tag"), b'{"events":[7]}', b"events"):
        async with producer.client.post(
            NOTIFICATIONS, data=body, headers={"Content-Type": V1}
        ) as answer:
            assert answer.status in (202, 400)
    assert [new - old for new, old in zip(counts(), before, strict=True)] == [1, 2, 1, 1]


async def test_live_and_ready(sink: Sink) -> None:
    problems: dict[str, str | None] = {"broker": None}
    async with served(sink.publish, checks={"broker": lambda: problems["broker"]}) as producer:
        async with producer.client.get("/live") as answer:
            assert answer.status == 200
        async with producer.client.get("/ready") as answer:
            assert answer.status == 200
        problems["broker"] = "no connection"
        async with producer.client.get("/ready") as answer:
            assert answer.status == 503
            assert (await answer.json())["problems"] == {"broker": "no connection"}


async def test_requests_over_the_room_are_503_until_others_have_ended(sink: Sink) -> None:
    sink.gate.clear()
    async with served(sink.publish, bodies=Bodies(max_held_bytes=len(PUSH_BYTES))) as producer:
        first = asyncio.create_task(producer.client.post(EVENTS, data=PUSH_BYTES, headers=JSON))
        await poll(sink.is_asked)
        async with producer.client.post(EVENTS, data=PUSH_BYTES, headers=JSON) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
        sink.gate.set()
        assert (await first).status == 202
        async with producer.client.post(EVENTS, data=PUSH_BYTES, headers=JSON) as answer:
            assert answer.status == 202


def large(size: int) -> bytes:
    """An envelope of about that size with one push."""
    target = {
        "repository": "team/app",
        "tag": "v1",
        "references": [{"urls": ["<" * 100]}] * (size // 100),
    }
    return json.dumps({"events": [{"action": "push", "target": target}]}).encode()


async def in_chunks(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 100_000):
        yield body[at : at + 100_000]


@pytest.mark.parametrize("mib", [1, 7, 45])
async def test_a_large_notification_is_taken_in_the_room_of_a_body_that_just_fits(
    sink: Sink, mib: int
) -> None:
    body = large(mib * MAX_BODY_BYTES)
    assert len(body) > mib * MAX_BODY_BYTES
    async with served(sink.publish, bodies=Bodies(max_held_bytes=MAX_BODY_BYTES)) as producer:
        for data in (BytesIO(body), in_chunks(body)):
            async with producer.client.post(NOTIFICATIONS, data=data) as answer:
                assert (answer.status, await answer.json()) == (202, {"accepted": 1, "ignored": 0})
    assert [event.tag for event in sink.events] == ["v1", "v1"]


async def test_a_notification_larger_than_any_is_left_unread_behind_its_first_events(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portcall.producer.http.bodies.MAX_SKIMMED_BYTES", 3 * MAX_BODY_BYTES)
    good, endless = json.dumps(PUSH).encode(), large(9 * MAX_BODY_BYTES)
    body = b'{"events":[' + good + b"," + endless + b"]}"
    async with served(sink.publish) as producer:
        async with producer.client.post(NOTIFICATIONS, data=BytesIO(body)) as answer:
            assert (answer.status, await answer.json()) == (202, {"accepted": 1, "ignored": 1})
            assert answer.headers["Connection"] == "close"
        async with producer.client.post(NOTIFICATIONS, data=b'{"events":[]}') as answer:
            assert answer.status == 202


async def test_a_large_body_that_is_no_json_is_refused(producer: Served) -> None:
    body = BytesIO(b"x" * (2 * MAX_BODY_BYTES))
    async with producer.client.post(NOTIFICATIONS, data=body) as answer:
        assert (answer.status, (await error_of(answer))["code"]) == (400, "InvalidRequest")


async def test_a_body_is_skimmed_once_though_the_store_is_asked_in_between(
    producer: Served, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished: list[Skimmer] = []
    fed: list[int] = []
    finish, feed = Skimmer.finish, Skimmer.feed

    def noted_finish(skimmer: Skimmer) -> Skimmed:
        finished.append(skimmer)
        return finish(skimmer)

    def noted_feed(skimmer: Skimmer, piece: bytes) -> None:
        fed.append(len(piece))
        feed(skimmer, piece)

    monkeypatch.setattr(Skimmer, "finish", noted_finish)
    monkeypatch.setattr(Skimmer, "feed", noted_feed)
    recalls: list[bool] = []
    recall = DigestKeeper.recall

    async def recalled(keeper: DigestKeeper, glance: Glance) -> bool:
        recalls.append(await recall(keeper, glance))
        return recalls[-1]

    monkeypatch.setattr(DigestKeeper, "recall", recalled)
    target = {"repository": "team/app", "digest": f"sha256:{'a' * 64}"}
    events: list[object] = [*[{}] * 100_000, {"action": "delete", "target": target}]
    body = json.dumps({"events": events[::-1]}).encode()
    async with producer.client.post(NOTIFICATIONS, data=body) as answer:
        assert answer.status == 202
    assert len(sink.events) == 1
    assert recalls == [True] and len(finished) == 1
    assert sum(fed) == len(body) and max(fed) <= SKIMMED_AT_ONCE


async def test_many_large_notifications_at_once_are_each_taken_or_put_off(sink: Sink) -> None:
    body = large(2 * MAX_BODY_BYTES)
    async with served(sink.publish, bodies=Bodies(max_held_bytes=2 * MAX_BODY_BYTES)) as producer:

        async def post() -> int:
            async with producer.client.post(NOTIFICATIONS, data=BytesIO(body)) as answer:
                return answer.status

        statuses = await asyncio.gather(*(post() for _ in range(8)))
        assert set(statuses) <= {202, 503} and 202 in statuses
        assert await post() == 202
    assert len(sink.events) == statuses.count(202) + 1


async def test_a_request_in_flight_is_answered_when_the_server_stops(sink: Sink) -> None:
    sink.gate.clear()
    async with served(sink.publish) as producer:
        request = asyncio.create_task(producer.client.post(EVENTS, json=PUSH))
        await poll(sink.is_asked)
        reader, writer = await asyncio.open_connection("127.0.0.1", producer.port)
        stopping = asyncio.create_task(producer.runner.cleanup())
        assert await reader.read() == b""  # an idle connection is closed
        writer.close()
        assert not stopping.done() and not request.done()
        sink.gate.set()
        assert (await request).status == 202
        await stopping
    assert len(sink.events) == 1


async def test_parallel_requests_are_each_accepted(producer: Served, sink: Sink) -> None:
    async def post(number: int) -> int:
        event = PUSH | {"id": f"e{number}"}
        async with producer.client.post(EVENTS, json=event, headers=AUTHORIZATION) as answer:
            return answer.status

    assert set(await asyncio.gather(*(post(number) for number in range(200)))) == {202}
    assert {event.id for event in sink.events} == {f"e{number}" for number in range(200)}
