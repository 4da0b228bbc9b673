"""Azure Event Grid as a source: both schemas, batches, handshakes."""

import base64
import json
from typing import Any

import pytest

from portcall.producer.sources.fields import MAX_EVENTS
from portcall.producer.sources.handshakes import (
    VALIDATION_TYPE,
    eventgrid_validation,
    options_answer,
)
from portcall.producer.sources.kinds import eventgrid
from tests.unit.producer.samples import NOW
from tests.unit.producer.sources.requests import (
    DIGEST,
    MANIFEST,
    changed,
    reasons,
    request,
    taken,
    told,
)

REGISTRY = "/subscriptions/S/resourceGroups/G/providers/Microsoft.ContainerRegistry/registries/acme"
DATA: dict[str, Any] = {
    "id": "31c5",
    "timestamp": "2026-05-02T09:04:05.1Z",
    "action": "push",
    "target": {
        "mediaType": MANIFEST,
        "size": 739,
        "digest": DIGEST,
        "length": 739,
        "repository": "shop/cart",
        "tag": "2.0.1",
    },
    "request": {"id": "7c66", "host": "acme.azurecr.io", "method": "PUT", "useragent": "docker/27"},
}
DELETED: dict[str, Any] = {
    "id": "31c6",
    "timestamp": "2026-05-02T09:05:00Z",
    "action": "delete",
    "target": {"mediaType": MANIFEST, "digest": DIGEST, "repository": "shop/cart"},
    "request": {"id": "7c67", "host": "acme.azurecr.io", "method": "DELETE"},
}
CHART: dict[str, Any] = {
    "id": "31c7",
    "timestamp": "2026-05-02T09:06:00Z",
    "action": "chart_push",
    "target": {
        "mediaType": "application/vnd.acr.helm.chart",
        "size": 25265,
        "digest": DIGEST,
        "repository": "repo",
        "tag": "cart-1.0.0.tgz",
        "name": "cart",
        "version": "1.0.0",
    },
}


def own(kind: str, data: object, **changes: object) -> dict[str, Any]:
    """An event in Event Grid's schema."""
    return {
        "id": "831e",
        "topic": REGISTRY,
        "subject": "shop/cart:2.0.1",
        "eventType": f"Microsoft.ContainerRegistry.{kind}",
        "eventTime": "2026-05-02T09:04:06.1234567Z",
        "dataVersion": "1.0",
        "metadataVersion": "1",
        "data": data,
    } | changes


def cloud(kind: str, data: object, **changes: object) -> dict[str, Any]:
    """The same as a CloudEvent."""
    return {
        "specversion": "1.0",
        "id": "831e",
        "source": REGISTRY,
        "subject": "shop/cart:2.0.1",
        "type": f"Microsoft.ContainerRegistry.{kind}",
        "time": "2026-05-02T09:04:06.1234567Z",
        "data": data,
    } | changes


VALIDATION: dict[str, Any] = {
    "id": "2d17",
    "topic": REGISTRY,
    "subject": "",
    "data": {"validationCode": "512d38b6", "validationUrl": "https://rp.test:553/validate?id=512d"},
    "eventType": VALIDATION_TYPE,
    "eventTime": "2026-05-02T09:00:00Z",
    "metadataVersion": "1",
    "dataVersion": "1",
}
PUSHED = {
    "id": "31c5",
    "timestamp": "2026-05-02T09:04:05.1000000Z",
    "action": "push",
    "target.mediaType": MANIFEST,
    "target.size": 739,
    "target.digest": DIGEST,
    "target.length": 739,
    "target.repository": "shop/cart",
    "target.tag": "2.0.1",
    "request.id": "7c66",
    "request.host": "acme.azurecr.io",
    "request.method": "PUT",
    "request.useragent": "docker/27",
}


@pytest.mark.parametrize(
    "body",
    [
        [own("ImagePushed", DATA)],
        own("ImagePushed", DATA),
        cloud("ImagePushed", DATA),
        [cloud("ImagePushed", DATA)],
        cloud(
            "ImagePushed", None, data_base64=base64.b64encode(json.dumps(DATA).encode()).decode()
        ),
    ],
    ids=["own", "own alone", "cloud", "cloud batch", "cloud base64"],
)
def test_each_schema_gives_acrs_event(body: object) -> None:
    assert told(taken(eventgrid.read, body)) == [PUSHED]


def test_a_binary_cloud_event_has_its_attributes_in_headers() -> None:
    headers = {
        "Ce-SpecVersion": "1.0",
        "Ce-Id": "831e",
        "Ce-Source": REGISTRY,
        "Ce-Type": "Microsoft.ContainerRegistry.ImagePushed",
        "Ce-Subject": "shop%2Fcart:2.0.1",
    }
    assert told(taken(eventgrid.read, DATA, headers=headers)) == [PUSHED]


def test_charts_and_deletes() -> None:
    body = [
        own("ImageDeleted", DELETED),
        own("ChartPushed", CHART),
        cloud("ChartDeleted", CHART | {"action": "chart_delete"}),
    ]
    deleted, pushed, removed = told(taken(eventgrid.read, body))
    assert deleted["action"] == "delete"
    assert "target.size" not in deleted
    assert "target.tag" not in deleted
    assert (pushed["action"], pushed["target.name"], pushed["target.version"]) == (
        "chart_push",
        "cart",
        "1.0.0",
    )
    assert "request.id" not in pushed
    assert removed["action"] == "chart_delete"


def test_the_envelope_has_what_the_data_lacks() -> None:
    (payload,) = told(taken(eventgrid.read, own("ImagePushed", {"target": DATA["target"]})))
    assert (payload["id"], payload["timestamp"], payload["action"]) == (
        "831e",
        "2026-05-02T09:04:06.1234567Z",
        "push",
    )


def test_the_sender_knows_its_own_event_by_its_own_id() -> None:
    found = eventgrid._found(own("ImagePushed", DATA | {"actor": {"name": "ci"}}), "")
    assert (found.extras.source_id, found.extras.actor) == ("831e", "ci")


def test_a_batch_of_5000_is_taken_whole() -> None:
    batch = [own("ImagePushed", DATA | {"id": f"e-{n}"}) for n in range(5000)]
    events = taken(eventgrid.read, batch).events
    assert [event.id for event in events] == [f"e-{n}" for n in range(5000)]


def test_more_than_the_limit_is_counted() -> None:
    translation = taken(eventgrid.read, [{}] * (MAX_EVENTS + 1))
    assert reasons(translation) == {"other_type": MAX_EVENTS, "too_many_events": 1}


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (own("ImageScanned", DATA), "other_type"),
        (own("ImagePushed", DATA, eventType=7), "other_type"),
        (cloud("ImagePushed", DATA, type="Microsoft.Storage.BlobCreated"), "other_type"),
        (VALIDATION, "validation"),
        (own("ImagePushed", None), "bad_event"),
        (own("ImagePushed", "text"), "bad_event"),
        (cloud("ImagePushed", None, data_base64="%%%"), "bad_event"),
        (own("ImagePushed", {}), "bad_repository"),
        (own("ImagePushed", changed(DATA, {"target.repository": "A B"})), "bad_repository"),
        (own("ImageDeleted", changed(DELETED, {"target.digest": ...})), "repository_delete"),
        ("text", "bad_event"),
        ({}, "other_type"),
    ],
    ids=str,
)
def test_what_is_no_event_costs_no_other_one(item: object, reason: str) -> None:
    translation = taken(eventgrid.read, [own("ImagePushed", DATA), item])
    assert len(translation.events) == 1
    assert reasons(translation) == {reason: 1}


def test_an_event_without_any_time_has_that_of_its_arrival() -> None:
    item = own("ImagePushed", changed(DATA, {"timestamp": ...}), eventTime=None)
    assert told(taken(eventgrid.read, [item]))[0]["timestamp"] == NOW


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ([VALIDATION], {"aeg-event-type": "SubscriptionValidation"}),
        ([VALIDATION], {"Aeg-Event-Type": "SubscriptionValidation"}),
        ([VALIDATION], {}),
        (VALIDATION, {}),
        ([own("ImagePushed", DATA), VALIDATION], {}),
    ],
    ids=["as documented", "header in capitals", "no header", "alone", "in a batch"],
)
def test_a_validation_is_answered_with_its_code(body: object, headers: dict[str, str]) -> None:
    assert eventgrid_validation(request(body, headers=headers)) == (
        b'{"validationResponse":"512d38b6"}'
    )


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ([own("ImagePushed", DATA)], {}),
        ([VALIDATION], {"aeg-event-type": "Notification"}),
        ([changed(VALIDATION, {"data.validationCode": 7})], {}),
        ([changed(VALIDATION, {"data": None})], {}),
        ([own("ImagePushed", changed(DATA, {"request.useragent": VALIDATION_TYPE}))], {}),
        (b"Microsoft.EventGrid.SubscriptionValidationEvent", {}),
        (b"", {"aeg-event-type": "SubscriptionValidation"}),
    ],
    ids=["no validation", "notification", "odd code", "no data", "in a text", "no JSON", "empty"],
)
def test_nothing_else_is_taken_for_a_validation(body: object, headers: dict[str, str]) -> None:
    assert eventgrid_validation(request(body, headers=headers)) is None


def test_leave_to_send_cloud_events_is_given() -> None:
    asked = {
        "WebHook-Request-Origin": "eventgrid.azure.net",
        "WebHook-Request-Callback": "https://169.254.169.254/",
        "WebHook-Request-Rate": "120",
    }
    assert options_answer(asked) == {
        "Allow": "POST",
        "WebHook-Allowed-Origin": "eventgrid.azure.net",
        "WebHook-Allowed-Rate": "*",
    }


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://shop.test", "Access-Control-Request-Method": "POST"},
        {"WebHook-Request-Origin": ""},
        {"WebHook-Request-Origin": "a\r\nSet-Cookie: b"},
        {"WebHook-Request-Origin": "x" * 300},
        {"WebHook-Request-Origin": "*"},
    ],
    ids=["nothing", "a browser's preflight", "empty", "line break", "too long", "wildcard"],
)
def test_no_other_options_request_gets_leave(headers: dict[str, str]) -> None:
    assert options_answer(headers) is None
