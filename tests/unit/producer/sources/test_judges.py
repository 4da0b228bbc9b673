"""The official packages read the same bodies as the adapter, and find the same in them."""

import json
from typing import Any

import pytest
from azure.eventgrid import EventGridEvent, SystemEventNames
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from portcall.producer.formats.cloudevents import ACTIONS
from portcall.producer.sources.handshakes import VALIDATION_TYPE
from portcall.producer.sources.kinds import eventgrid
from tests.unit.producer.sources.requests import taken, told
from tests.unit.producer.sources.test_eventgrid import CHART, DATA, DELETED, cloud, own

KINDS: dict[str, Any] = {
    "ImagePushed": DATA,
    "ImageDeleted": DELETED,
    "ChartPushed": CHART,
    "ChartDeleted": CHART | {"action": "chart_delete"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_azures_package_reads_the_same_event(kind: str) -> None:
    sent = own(kind, KINDS[kind])
    judged = EventGridEvent.from_json(json.dumps(sent))
    (payload,) = told(taken(eventgrid.read, [sent]))
    assert judged.event_type == sent["eventType"]
    assert judged.data["target"]["repository"] == payload["target.repository"]
    assert judged.data["action"] == payload["action"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_cloudevents_package_reads_the_same_event(kind: str) -> None:
    body = json.dumps(cloud(kind, KINDS[kind])).encode()
    judged = JSONFormat().read(CloudEvent, body)
    (payload,) = told(taken(eventgrid.read, body))
    data: Any = judged.get_data()
    assert judged.get_type() == f"Microsoft.ContainerRegistry.{kind}"
    assert data["target"]["repository"] == payload["target.repository"]
    assert data["action"] == payload["action"]


def test_the_types_are_azures() -> None:
    theirs = {str(name.value) for name in SystemEventNames}
    registry = {name for name in theirs if name.startswith("Microsoft.ContainerRegistry.")}
    assert set(ACTIONS) == registry
    assert VALIDATION_TYPE in theirs
