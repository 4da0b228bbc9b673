"""CloudEvents in their three forms."""

import base64
import json
from typing import Any

import pytest
from multidict import CIMultiDict

from portcall.producer.formats import cloudevents
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import Event
from tests.unit.producer.samples import DIGEST, NOW, acceptance

TARGET = {"repository": "team/app", "tag": "v1", "digest": DIGEST}
TYPE = "Microsoft.ContainerRegistry.ImagePushed"


def cloud(**changes: object) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "id": "ce-1",
        "source": "/subscriptions/s/registries/myregistry",
        "type": TYPE,
        "time": "2026-03-04T12:20:30+02:00",
        "data": {"target": TARGET},
    }
    return {name: value for name, value in (event | changes).items() if value is not None}


def structured(**changes: object) -> Event:
    body = json.dumps(cloud(**changes)).encode()
    (event,) = cloudevents.read_structured(body, acceptance()).events
    return event


def headers(**changes: str) -> CIMultiDict[str]:
    values = {
        "specversion": "1.0",
        "id": "ce-1",
        "source": "/registry",
        "type": TYPE,
        "time": "2026-03-04T10:20:30Z",
    }
    return CIMultiDict({f"Ce-{name}": value for name, value in (values | changes).items() if value})


def binary(sent: CIMultiDict[str], data: object) -> Event:
    body = json.dumps(data).encode()
    (event,) = cloudevents.read_binary(sent, body, acceptance()).events
    return event


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("Microsoft.ContainerRegistry.ImagePushed", "push"),
        ("Microsoft.ContainerRegistry.ImageDeleted", "delete"),
        ("Microsoft.ContainerRegistry.ChartPushed", "chart_push"),
        ("Microsoft.ContainerRegistry.ChartDeleted", "chart_delete"),
    ],
)
def test_type_says_the_action(kind: str, action: str) -> None:
    assert structured(type=kind).action == action
    assert structured(type=kind, data={"action": action, "target": TARGET}).action == action


def test_type_of_another_maker_needs_an_action_in_the_data() -> None:
    event = structured(type="org.example.pushed", data={"action": "quarantine", "target": TARGET})
    assert event.action == "quarantine"


def test_data_keep_their_own_id_and_timestamp() -> None:
    data = {"id": "own", "timestamp": "2026-01-01T00:00:00Z", "target": TARGET}
    event = structured(data=data)
    assert event.id == "own"
    assert json.loads(bytes(event.body))["timestamp"] == "2026-01-01T00:00:00.0000000Z"


def test_id_and_time_of_the_attributes_stand_in_for_missing_ones() -> None:
    event = structured()
    assert bytes(event.body).decode() == (
        '{"id":"ce-1","timestamp":"2026-03-04T10:20:30.0000000Z","action":"push",'
        f'"target":{{"digest":"{DIGEST}","repository":"team/app","tag":"v1"}}}}'
    )


def test_without_any_time_it_is_now() -> None:
    assert json.loads(bytes(structured(time=None).body))["timestamp"] == NOW


def test_data_in_base64_are_the_same() -> None:
    wrapped = base64.b64encode(json.dumps({"target": TARGET}).encode()).decode()
    assert structured(data=None, data_base64=wrapped) == structured()


def test_extensions_are_left_alone() -> None:
    assert structured(traceparent="00-1", subject="team/app:v1", dataschema=7) == structured()


def test_batch_keeps_the_order() -> None:
    body = json.dumps([cloud(id="a"), cloud(id="b")]).encode()
    events = cloudevents.read_batch(body, acceptance()).events
    assert [event.id for event in events] == ["a", "b"]
    assert cloudevents.read_batch(b"[]", acceptance()).events == []


def test_binary_has_its_attributes_in_headers() -> None:
    assert binary(headers(), {"target": TARGET}) == structured()


def test_binary_headers_are_percent_decoded() -> None:
    assert binary(headers(id="a%2Fb"), {"target": TARGET}).id == "a/b"


@pytest.mark.parametrize(
    ("sent", "data", "field"),
    [
        (headers(specversion=""), {"target": TARGET}, "ce-specversion"),
        (headers(specversion="0.3"), {"target": TARGET}, "ce-specversion"),
        (headers(id=""), {"target": TARGET}, "ce-id"),
        (headers(source=""), {"target": TARGET}, "ce-source"),
        (headers(type="\udcff"), {"target": TARGET}, "ce-type"),
        (headers(id="\udcff"), {"target": TARGET}, "ce-id"),
        (headers(time="now"), {"target": TARGET}, "ce-time"),
        (headers(), {"target": {}}, "target.repository"),
        (headers(), {"target": {"size": "x"}}, "target.size"),
        (headers(), {"action": "delete", "target": TARGET}, "action"),
        (headers(), [], ""),
    ],
)
def test_binary_names_the_header_or_the_field(
    sent: CIMultiDict[str], data: object, field: str
) -> None:
    with pytest.raises(InvalidValueError) as refusal:
        binary(sent, data)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("sent", "yes"),
    [
        ({"ce-specversion": "1.0"}, True),
        ({"CE-TYPE": "x"}, True),
        ({"Content-Type": "application/json", "Ceph-Id": "1"}, False),
        ({}, False),
    ],
)
def test_binary_mode_is_told_by_its_headers(*, sent: dict[str, str], yes: bool) -> None:
    assert cloudevents.is_binary(CIMultiDict(sent)) is yes
