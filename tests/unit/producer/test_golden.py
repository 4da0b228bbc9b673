"""Golden tests: the bytes that consumers get are those of the documented payloads."""

import json

import msgspec
import pytest

from portcall.producer.formats import published
from portcall.schemas.events import ping_event
from tests.unit.producer.samples import NOW, NOW_MS, acceptance

HEX = "80f0d5c8786bb9e621a45ece0db56d11cdc624ad20da9fe62e9d25490f331d7d"

PUSH = (
    '{"id":"0b6f3a52-6a2e-4a56-9d0f-5b8f6d1f7a01","timestamp":"2026-03-04T10:20:30.1234567Z","action":"push",'
    '"target":{"mediaType":"application/vnd.docker.distribution.manifest.v2+json","size":739,'
    f'"digest":"sha256:{HEX}","length":739,"repository":"team/app","tag":"v1"}},'
    '"request":{"id":"7d2f0a52-0000-4a56-9d0f-5b8f6d1f7a01","host":"myregistry.azurecr.io","method":"PUT","useragent":"docker/27.0 go/go1.22"}}'
)
PUSH_BY_DIGEST = (
    '{"id":"0b6f3a52-6a2e-4a56-9d0f-5b8f6d1f7a02","timestamp":"2026-03-04T10:20:30.1234567Z","action":"push",'
    '"target":{"mediaType":"application/vnd.oci.image.index.v1+json","size":739,'
    f'"digest":"sha256:{HEX}","length":739,"repository":"team/app"}},'
    '"request":{"id":"7d2f","host":"myregistry.azurecr.io","method":"PUT"}}'
)
DELETE = (
    '{"id":"0b6f3a52-6a2e-4a56-9d0f-5b8f6d1f7a03","timestamp":"2026-03-04T10:21:00.0000000Z","action":"delete",'
    '"target":{"mediaType":"application/vnd.docker.distribution.manifest.v2+json",'
    f'"digest":"sha256:{HEX}","repository":"team/app"}},'
    '"request":{"id":"7d2f","host":"myregistry.azurecr.io","method":"DELETE","useragent":"curl/8"}}'
)
CHART_PUSH = (
    '{"id":"0b6f3a52-6a2e-4a56-9d0f-5b8f6d1f7a04","timestamp":"2026-03-04T10:22:00.0000000Z","action":"chart_push",'
    f'"target":{{"mediaType":"application/vnd.acr.helm.chart","size":2411,"digest":"sha256:{HEX}",'
    '"repository":"repo","tag":"mychart-1.2.0.tgz","name":"mychart","version":"1.2.0"}}'
)
CHART_DELETE = (
    '{"id":"0b6f3a52-6a2e-4a56-9d0f-5b8f6d1f7a05","timestamp":"2026-03-04T10:22:00.0000000Z","action":"chart_delete",'
    f'"target":{{"mediaType":"application/vnd.acr.helm.chart","size":25265,"digest":"sha256:{HEX}",'
    '"repository":"repo","tag":"wordpress-5.4.0.tgz","name":"wordpress","version":"5.4.0.tgz"}}'
)
QUARANTINE = (
    '{"id":"0b6f3a52-6a2e-4a56-9d0f-5b8f6d1f7a06","timestamp":"2026-03-04T10:23:00.0000000Z","action":"quarantine",'
    f'"target":{{"size":1791,"digest":"sha256:{HEX}","length":1791,"repository":"helloworld","tag":"1"}},'
    '"request":{"id":"7d2f","host":"myregistry.azurecr.io","method":"PUT"}}'
)
DOCUMENTED = {
    "push": PUSH,
    "push by digest": PUSH_BY_DIGEST,
    "delete": DELETE,
    "chart_push": CHART_PUSH,
    "chart_delete": CHART_DELETE,
    "quarantine": QUARANTINE,
}


def shuffled(value: object) -> object:
    """The same JSON with every object's fields the other way round, and a field nobody knows."""
    if not isinstance(value, dict):
        return value
    turned = {name: shuffled(field) for name, field in reversed(value.items())}
    return {"x-unknown": [1, {"deep": None}], **turned}


def body_of(sent: str) -> str:
    (event,) = published.read(sent.encode(), acceptance()).events
    return bytes(event.body).decode()


@pytest.mark.parametrize("documented", DOCUMENTED.values(), ids=DOCUMENTED)
def test_documented_payload_comes_out_byte_for_byte(documented: str) -> None:
    assert body_of(documented) == documented


@pytest.mark.parametrize("documented", DOCUMENTED.values(), ids=DOCUMENTED)
def test_field_order_spaces_and_unknown_fields_of_the_publisher_do_not_show(
    documented: str,
) -> None:
    sent = json.dumps(shuffled(json.loads(documented)), indent=3)
    assert body_of(sent) == documented


@pytest.mark.parametrize("documented", DOCUMENTED.values(), ids=DOCUMENTED)
def test_event_carries_what_the_router_needs(documented: str) -> None:
    (event,) = published.read(documented.encode(), acceptance()).events
    payload = json.loads(documented)
    assert (event.id, event.action) == (payload["id"], payload["action"])
    assert event.repository == payload["target"]["repository"]
    assert event.tag == payload["target"].get("tag", "")
    assert (event.registry, event.accepted_ms) == ("myregistry", NOW_MS)


def test_id_and_timestamp_are_made_where_the_publisher_gives_none() -> None:
    sent = '[{"action":"push","target":{"repository":"a"}},{"action":"push","target":{"repository":"b"},"id":null}]'
    events = published.read(sent.encode(), acceptance()).events
    assert [bytes(event.body).decode() for event in events] == [
        f'{{"id":"new-1","timestamp":"{NOW}","action":"push","target":{{"repository":"a"}}}}',
        f'{{"id":"new-2","timestamp":"{NOW}","action":"push","target":{{"repository":"b"}}}}',
    ]


def test_empty_tag_of_a_push_by_digest_is_no_tag_and_left_out() -> None:
    sent = f'{{"id":"a","timestamp":"{NOW}","action":"push","target":{{"repository":"team/app","tag":""}}}}'
    (event,) = published.read(sent.encode(), acceptance()).events
    assert bytes(event.body).decode() == sent.replace(',"tag":""', "")
    assert event.tag == ""


def test_text_beyond_ascii_stays_utf8() -> None:
    sent = f'{{"id":"a","timestamp":"{NOW}","action":"push","target":{{"repository":"a","name":"Zoë 🚢"}}}}'
    assert body_of(sent) == sent


def test_ping_has_three_fields_and_104_bytes() -> None:
    event = ping_event(
        registry="myregistry",
        event_id="826b111c-9c14-4e9b-9e9d-6b0e0f0e0a52",
        now_ms=NOW_MS,
        now="2021-12-30T21:06:39.5160873Z",
    )
    assert bytes(event.body) == (
        b'{"id":"826b111c-9c14-4e9b-9e9d-6b0e0f0e0a52",'
        b'"timestamp":"2021-12-30T21:06:39.5160873Z","action":"ping"}'
    )
    assert len(bytes(event.body)) == 104
    assert (event.action, event.repository, event.tag) == ("ping", "", "")
    assert msgspec.json.decode(msgspec.json.encode(event), type=type(event)) == event
