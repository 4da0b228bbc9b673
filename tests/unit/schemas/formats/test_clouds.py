"""CloudEvents and Event Grid's schema, as the libraries of their receivers read them."""

import json

import pytest
from azure.eventgrid import EventGridEvent, SystemEventNames
from cloudevents.core.bindings.http import HTTPMessage, from_http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from msgspec import Raw, structs

from portcall.producer.formats.cloudevents import ACTIONS
from portcall.schemas.events import Action
from portcall.schemas.formats.cloudevents import AZURE_TYPES, PING_TYPE, escaped, type_of
from portcall.schemas.formats.eventgrid import validation
from tests.unit.schemas.formats.samples import (
    DIGEST,
    HOST,
    TIME,
    document,
    event,
    form,
    ping,
    rendered,
)


def read(mode: str, of: object = None, **options: str) -> CloudEvent:
    chosen = form("cloudevents", mode=mode, **options)
    sent = rendered("cloudevents", of, mode=mode, **options)  # type: ignore[arg-type]  # an Event
    headers = {"content-type": chosen.content_type, **dict(sent.headers)}
    found = from_http(HTTPMessage(headers=headers, body=sent.body), JSONFormat(), CloudEvent)
    assert isinstance(found, CloudEvent)
    return found


@pytest.mark.parametrize("mode", ["structured", "binary"])
def test_the_library_of_cloudevents_reads_both_modes(mode: str) -> None:
    pushed = event()
    found = read(mode, pushed)
    assert (found.get_id(), found.get_type()) == ("e1", "Microsoft.ContainerRegistry.ImagePushed")
    assert (found.get_source(), found.get_subject()) == (f"https://{HOST}", "shop/cart:2.0.1")
    assert found.get_datacontenttype() == "application/json"
    data = found.get_data()
    read_data = data if isinstance(data, dict) else json.loads(data or b"null")
    assert read_data == json.loads(bytes(pushed.body))


@pytest.mark.parametrize(
    ("of", "options", "kind", "subject"),
    [
        (event(tag=None), {}, "Microsoft.ContainerRegistry.ImagePushed", f"shop/cart@{DIGEST}"),
        (event("delete", tag=None), {}, "Microsoft.ContainerRegistry.ImageDeleted", "shop/cart"),
        (event(digest=None, tag=None), {}, "Microsoft.ContainerRegistry.ImagePushed", "shop/cart"),
        (
            event("chart_push", tag=None, name="web", version="1.2.3"),
            {},
            "Microsoft.ContainerRegistry.ChartPushed",
            "shop/cart:1.2.3",
        ),
        (event("quarantine"), {}, "portcall.image.quarantined", "shop/cart:2.0.1"),
        (event("untag", digest=None), {}, "portcall.image.untagged", "shop/cart:2.0.1"),
        (event(), {"types": "image"}, "portcall.image.pushed", "shop/cart:2.0.1"),
        (ping(), {}, "portcall.ping", None),
    ],
    ids=["digest", "delete", "bare", "chart", "quarantine", "untag", "image", "ping"],
)
def test_types_and_subjects(
    of: object, options: dict[str, str], kind: str, subject: str | None
) -> None:
    found = read("structured", of, **options)
    assert (found.get_type(), found.get_subject()) == (kind, subject)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("types", ["azure", "image"])
def test_only_a_ping_has_the_type_of_a_ping(action: Action, types: str) -> None:
    assert type_of(action.value, types) != PING_TYPE


def test_what_is_sent_is_what_is_read_of_event_grid() -> None:
    assert {kind: action for action, kind in AZURE_TYPES.items()} == ACTIONS


def test_the_source_can_be_set_and_a_ping_names_the_registry() -> None:
    assert document("cloudevents", source="urn:acme:reg")["source"] == "urn:acme:reg"
    assert document("cloudevents", ping())["source"] == "https://myregistry"
    assert document("cloudevents", event(host="a b\u202ec"))["source"] == "https://myregistry"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain:1.0", "plain:1.0"),
        ('a "b"%', "a%20%22b%22%25"),
        ('a"b%3A%', "a%22b%253A%25"),
        ("gr\u00fcn\r\n", "gr%C3%BCn%0D%0A"),
        ("\u20ac", "%E2%82%AC"),
    ],
    ids=["plain", "marks", "marks-and-no-space", "line-break", "euro"],
)
def test_header_values_are_percent_encoded(text: str, written: str) -> None:
    assert escaped(text) == written


def test_the_origin_is_sent_with_each_delivery() -> None:
    chosen = form("cloudevents", origin="hooks.acme.test")
    headers = chosen.format.headers(chosen.options, 7, "hook7")
    assert headers == {"WebHook-Request-Origin": "hooks.acme.test"}
    plain = form("cloudevents")
    assert plain.format.headers(plain.options, 7, "hook7") == {}


def test_the_library_of_event_grid_reads_its_schema() -> None:
    (one,) = document("eventgrid", topic="/subscriptions/s")
    found = EventGridEvent.from_json(json.dumps(one))
    assert found.event_type == SystemEventNames.ContainerRegistryImagePushedEventName
    assert (found.subject, found.topic) == ("shop/cart:2.0.1", "/subscriptions/s")
    assert found.data["target"]["digest"] == DIGEST
    assert rendered("eventgrid").headers == {"aeg-event-type": "Notification"}


def test_event_grid_has_a_topic_and_a_ping_of_ours() -> None:
    (one,) = document("eventgrid", ping())
    assert one["topic"] == "/providers/Microsoft.ContainerRegistry/registries/myregistry"
    assert (one["subject"], one["eventType"]) == ("ping", "portcall.ping")
    chosen = form("eventgrid")
    headers = chosen.format.headers(chosen.options, 7, "hook7")
    assert headers["aeg-subscription-name"] == "HOOK7"


def test_the_library_of_event_grid_reads_the_validation_event() -> None:
    asked = validation(registry="r", options={}, event_id="i", code="c1", time=TIME)
    (one,) = json.loads(asked.body)
    found = EventGridEvent.from_json(json.dumps(one))
    assert found.event_type == SystemEventNames.EventGridSubscriptionValidationEventName
    assert found.data == {"validationCode": "c1"}
    assert asked.headers == {"aeg-event-type": "SubscriptionValidation"}


def test_an_event_without_a_time_has_no_attribute_time() -> None:
    pushed = event()
    body = json.loads(bytes(pushed.body)) | {"timestamp": ""}
    timeless = structs.replace(pushed, body=Raw(json.dumps(body).encode()))
    assert "time" not in json.loads(rendered("cloudevents", timeless).body)
    assert json.loads(rendered("cloudevents", pushed).body)["time"] == TIME
