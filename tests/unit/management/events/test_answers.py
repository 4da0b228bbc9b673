"""Records in ACR's words: golden shapes, pages, and what stands in for an answer that never came."""

import json
from dataclasses import replace
from urllib.parse import urlsplit

import msgspec
import pytest

from portcall.management.events.answers import ShownRecord, acr_event, stored, streamed
from portcall.management.events.routes import sse
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.events import Event, ping_event
from portcall.schemas.extras import Extras
from portcall.schemas.frames import decode_raw_records, encode_records
from portcall.schemas.records import Answer, Detail, Failure, Outcome, Record, Sent
from tests.unit.management.api import VERSION, Json, ManagementApi

EVENT_ID = "826b111c-0000-4000-8000-000000000000"
PING = ping_event(registry="alpha", event_id=EVENT_ID, now_ms=0, now="2021-12-30T21:06:39.5160873Z")
SENT = Sent(
    uri="http://www.microsoft.com/",
    headers={
        "key": "value",
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": "104",
    },
)
FORBIDDEN = Answer(
    status=403,
    reason="Forbidden",
    headers={"Content-Type": "text/html", "Content-Length": "196063"},
    content="<!DOCTYPE html>",
)
STARTED_MS = 1_640_898_399_516


def seen(detail: Detail, outcome: Outcome = Outcome.RETRIED, attempt: int = 1) -> ShownRecord:
    return ShownRecord(
        event_id=EVENT_ID,
        body=bytes(PING.body),
        webhook_id=7,
        attempt=attempt,
        outcome=outcome,
        started_ms=STARTED_MS,
        duration_us=12_345,
        detail=detail,
    )


def shown(seen: ShownRecord) -> Json:
    return json.loads(msgspec.json.encode(acr_event(seen)))


def test_extras_are_told_apart_from_acrs_fields() -> None:
    extras = Extras(
        kind="zot",
        source="main",
        source_id="5f0d",
        actor="ci",
        artifact_type="index",
        platforms=("linux/amd64", "linux/arm64"),
        backfilled=True,
    )
    plain = shown(seen(Detail()))
    told = shown(replace(seen(Detail()), extras=extras))
    assert told["portcall"].pop("extras") == {
        "kind": "zot",
        "source": "main",
        "sourceId": "5f0d",
        "actor": "ci",
        "artifactType": "index",
        "platforms": ["linux/amd64", "linux/arm64"],
        "backfilled": True,
    }
    assert told == plain


def test_a_follower_gets_the_extras() -> None:
    event = msgspec.structs.replace(PING, extras=Extras(actor="ci"))
    record = Record(0, 7, 1, Outcome.DELIVERED, 200, STARTED_MS, 1, Detail())
    frame = decode_raw_records(encode_records("f", [event], [record]))
    (followed,) = streamed(frame, {7})
    assert shown(followed)["portcall"]["extras"] == {"actor": "ci"}


def test_a_record_is_shown_as_the_real_service_shows_it() -> None:
    detail = Detail(
        sent=SENT,
        answer=FORBIDDEN,
        failure=Failure.STATUS,
        message="the endpoint answered 403 Forbidden",
        next_attempt_ms=STARTED_MS + 1000,
    )
    event = shown(seen(detail))
    extras = event.pop("portcall")
    assert event == {
        "id": EVENT_ID,
        "eventRequestMessage": {
            "content": {
                "id": EVENT_ID,
                "timestamp": "2021-12-30T21:06:39.5160873Z",
                "action": "ping",
            },
            "headers": {
                "key": "value",
                "Content-Type": "application/json; charset=utf-8",
                "Content-Length": "104",
            },
            "method": "POST",
            "requestUri": "http://www.microsoft.com/",
            "version": "1.1",
        },
        "eventResponseMessage": {
            "content": "<!DOCTYPE html>",
            "headers": {"Content-Type": "text/html", "Content-Length": "196063"},
            "reasonPhrase": "Forbidden",
            "statusCode": "403",
            "version": "1.1",
        },
    }
    assert extras == {
        "deliveryId": delivery_id(EVENT_ID, 7),
        "attempt": 1,
        "outcome": "retried",
        "failure": "status",
        "startedAt": "2021-12-30T21:06:39.5160000Z",
        "durationMs": 12.345,
        "message": "the endpoint answered 403 Forbidden",
        "nextAttemptAt": "2021-12-30T21:06:40.5160000Z",
    }


@pytest.mark.parametrize(
    ("sent", "content"),
    [
        (msgspec.structs.replace(SENT, content='{"text":"pushed"}'), {"text": "pushed"}),
        (msgspec.structs.replace(SENT, json=msgspec.Raw(b'{"text":"pushed"}')), {"text": "pushed"}),
        (msgspec.structs.replace(SENT, json=msgspec.Raw(b'{"text":"\xff"}')), {"text": "\ufffd"}),
        (msgspec.structs.replace(SENT, content="a text, no JSON"), "a text, no JSON"),
        (msgspec.structs.replace(SENT, content="[" * 5_000), "[" * 5_000),
        (msgspec.structs.replace(SENT, method="OPTIONS"), ""),
    ],
    ids=["json of earlier versions", "json", "garbled", "text", "deep", "handshake"],
)
def test_a_record_shows_the_body_that_was_sent(sent: Sent, content: Json) -> None:
    event = shown(seen(Detail(sent=sent)))
    request = event["eventRequestMessage"]
    assert request["content"] == content
    assert event["portcall"]["event"]["action"] == "ping"
    assert request["method"] == sent.method


def test_a_garbled_event_hides_no_record() -> None:
    garbled = replace(
        seen(Detail(sent=msgspec.structs.replace(SENT, content="sent"))), body=b'{"x":"\xff"}'
    )
    event = shown(garbled)
    assert event["eventRequestMessage"]["content"] == "sent"
    assert "event" not in event["portcall"]


@pytest.mark.parametrize(
    ("detail", "outcome", "content"),
    [
        (
            Detail(sent=SENT, failure=Failure.TIMEOUT, message="no answer within 15 s"),
            Outcome.RETRIED,
            "no answer within 15 s",
        ),
        (Detail(sent=SENT, failure=Failure.REFUSED), Outcome.GIVEN_UP, "connection_refused"),
        (Detail(message="the webhook was deleted"), Outcome.CANCELLED, "the webhook was deleted"),
        (Detail(), Outcome.CANCELLED, "cancelled"),
    ],
    ids=["in words", "failure alone", "cancelled", "nothing known"],
)
def test_without_an_answer_the_response_says_why_and_has_no_status(
    detail: Detail, outcome: Outcome, content: str
) -> None:
    event = shown(seen(detail, outcome))
    assert event["eventResponseMessage"] == {"content": content}
    assert event["portcall"]["outcome"] == outcome.value
    assert "nextAttemptAt" not in event["portcall"]


def test_a_delivery_that_ended_without_an_attempt_has_a_request_of_its_content() -> None:
    event = shown(seen(Detail(message="x"), Outcome.CANCELLED, attempt=3))
    assert set(event["eventRequestMessage"]) == {"content"}
    assert event["portcall"]["attempt"] == 3


def test_the_stream_gives_the_records_of_the_webhooks_that_are_wanted() -> None:
    records = [
        Record(
            event=0,
            webhook_id=webhook_id,
            attempt=1,
            outcome=Outcome.DELIVERED,
            status=200,
            started_ms=STARTED_MS,
            duration_us=12_345,
            detail=Detail(sent=SENT),
        )
        for webhook_id in (7, 8, 7)
    ]
    frame = decode_raw_records(encode_records("f1", [PING], records))
    assert list(streamed(frame, {7: None})) == [
        seen(Detail(sent=SENT), Outcome.DELIVERED),
        seen(Detail(sent=SENT), Outcome.DELIVERED),
    ]


def test_a_body_with_line_breaks_is_one_server_sent_event() -> None:
    pretty = b'{\r\n "id": "x\\ny"\n}'
    event = Event(id="x", registry="alpha", action="push", accepted_ms=0, body=msgspec.Raw(pretty))
    record = ShownRecord("x", bytes(event.body), 7, 1, Outcome.DELIVERED, 0, 0, Detail())
    line = sse(msgspec.json.encode(acr_event(record)))
    assert line.startswith(b"data: ") and line.endswith(b"\n\n")
    assert line[:-2].count(b"\n") == 0 and line.count(b"\r") == 0
    assert json.loads(line[6:])["eventRequestMessage"]["content"] == {"id": "x\ny"}


# -- listEvents


def remember(api: ManagementApi, webhook_id: int, count: int) -> None:
    records = [
        Record(
            event=0,
            webhook_id=webhook_id,
            attempt=attempt,
            outcome=Outcome.RETRIED,
            status=500,
            started_ms=STARTED_MS + attempt,
            duration_us=1,
            detail=Detail(sent=SENT),
        )
        for attempt in range(1, count + 1)
    ]
    frame = decode_raw_records(encode_records(f"frame{webhook_id}", [PING], records))
    eventlog = api.store.eventlog
    eventlog.append("portcall.log", eventlog.position("portcall.log"), [(webhook_id, frame)])


async def webhook_id(api: ManagementApi, name: str) -> int:
    return int((await api.put_webhook(name)).json["properties"]["portcall"]["id"])


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_events_are_listed_newest_first_in_pages(api: ManagementApi, method: str) -> None:
    remember(api, await webhook_id(api, "webhook01"), 5)
    remember(api, await webhook_id(api, "webhook02"), 1)
    path, query = f"{api.webhook('webhook01')}/listEvents", f"{VERSION}&$top=2"
    pages = []
    while path:
        answer = await api.request(method, path, query=query)
        assert answer.status == 200
        pages.append([event["portcall"]["attempt"] for event in answer.json["value"]])
        url = urlsplit(answer.json.get("nextLink", ""))
        method, path, query = "GET", url.path, url.query
    assert pages == [[5, 4], [3, 2], [1]]


async def test_a_page_has_a_hundred_events_by_default(api: ManagementApi) -> None:
    remember(api, await webhook_id(api, "webhook01"), 101)
    answer = await api.request("POST", f"{api.webhook('webhook01')}/listEvents")
    assert len(answer.json["value"]) == 100 and "nextLink" in answer.json
    assert answer.json["value"][0]["eventRequestMessage"]["content"]["action"] == "ping"


async def test_a_webhook_without_events_has_an_empty_list(api: ManagementApi) -> None:
    await api.put_webhook()
    answer = await api.request("POST", f"{api.webhook('webhook01')}/listEvents")
    assert answer.json == {"value": []}


async def test_a_stored_record_is_shown_like_one_of_the_stream(api: ManagementApi) -> None:
    number = await webhook_id(api, "webhook01")
    remember(api, number, 1)
    (record,) = api.store.eventlog.page(number, before=None, limit=10)
    answer = await api.request("POST", f"{api.webhook('webhook01')}/listEvents")
    assert answer.json["value"] == [shown(stored(record))]
    assert answer.json["value"][0]["portcall"]["deliveryId"] == record.delivery_id
