"""A webhook's format over the API: set, shown, kept, exported, refused and tried."""

from typing import Any

import pytest
from msgspec import structs

from portcall.runtime.clock import now_ms
from portcall.schemas.formats.table import FORMATS
from portcall.schemas.journal import accepted
from portcall.store.engine import Store
from tests.unit.management.api import VERSION, ManagementApi, webhook_body
from tests.unit.schemas.formats.samples import event
from tests.unit.store.contract.eventlog import append
from tests.unit.store.contract.journal import note
from tests.unit.store.samples import frame, record

Json = Any
BINARY = {"name": "cloudevents", "mode": "binary"}


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("slack", {"name": "slack"}),
        ({"name": "slack"}, {"name": "slack"}),
        (BINARY, BINARY),
        ({"name": "cloudevents", "mode": None}, {"name": "cloudevents"}),
        ("acr", None),
        ({"name": "acr"}, None),
        (None, None),
    ],
    ids=str,
)
async def test_a_format_is_set_shown_kept_and_exported(
    api: ManagementApi, sent: Json, shown: Json
) -> None:
    await api.put_webhook(portcall={"format": "teams"})
    answer = await api.put_webhook(portcall={"format": sent})
    assert answer.json["properties"]["portcall"].get("format") == shown
    kept = await api.put_webhook(portcall={"probe": True})
    assert kept.json["properties"]["portcall"].get("format") == shown
    row = api.store.webhooks.get("alpha", "webhook01")
    assert row is not None and row.format == shown
    assert row.webhook().format == shown
    exported = await api.request(
        "GET", f"{api.registry()}/webhooks", query=f"{VERSION}&$expand=callbackConfig"
    )
    (item,) = exported.json["value"]
    again = {"value": [{"name": "webhook02", "properties": item["properties"]}]}
    assert (await api.request("POST", f"{api.registry()}/importWebhooks", again)).status == 200
    copied = api.store.webhooks.get("alpha", "webhook02")
    assert copied is not None and copied.format == shown
    body = {"properties": {"portcall": {"format": "harbor"}}}
    patched = await api.request("PATCH", api.webhook("webhook01"), body)
    assert patched.json["properties"]["portcall"]["format"] == {"name": "harbor"}


@pytest.mark.parametrize(
    ("sent", "target", "says"),
    [
        ("slak", "format.name", "did you mean slack"),
        ({}, "format.name", "is required"),
        (1, "format", "must be the name of a format"),
        (["slack"], "format", "must be the name of a format"),
        ({"name": "slack", "mode": "x"}, "format.mode", "takes no settings"),
        ({"name": "cloudevents", "mode": 1}, "format.mode", "must be a text"),
        ({"name": "template"}, "format.template", "is required by the format template"),
        ({"name": "template", "template": "{"}, "format.template", "must be JSON"),
    ],
    ids=str,
)
async def test_a_wrong_format_is_refused_by_its_field(
    api: ManagementApi, sent: Json, target: str, says: str
) -> None:
    body = webhook_body(portcall={"format": sent})
    answer = await api.request("PUT", api.webhook("webhook01"), body)
    assert (answer.status, answer.error["target"]) == (400, f"properties.portcall.{target}")
    assert says in answer.error["message"]


async def tried(api: ManagementApi, **body: Json) -> Json:
    answer = await api.request("POST", f"{api.registry()}/testFormat", body)
    assert answer.status == 200, answer.text
    return answer.json["value"]


@pytest.mark.parametrize("name", ["acr", *(each for each in FORMATS if each != "template")])
async def test_a_format_is_tried_on_an_example(api: ManagementApi, name: str) -> None:
    (one,) = await tried(api, format=name)
    assert one["isExample"]
    assert one["body"]
    assert "reason" not in one


async def test_a_format_is_tried_on_what_was_sent(api: ManagementApi, store: Store) -> None:
    pushed = structs.replace(event(), registry="alpha", accepted_ms=now_ms())
    gone = structs.replace(event("delete"), id="e2", registry="alpha", accepted_ms=now_ms())
    note(store, accepted(pushed))
    note(store, accepted(gone))
    append(store, frame([record(7), record(7, of=1)], [pushed, gone]))
    second, first = await tried(api, format="quay", last=5)
    assert (first["id"], first["isExample"]) == ("e1", False)
    assert '"updated_tags":["2.0.1"]' in first["body"]
    assert (second["id"], second["body"]) == ("e2", "")
    assert second["reason"] == "the format of Quay has no delete events"
    (one,) = await tried(api, format="quay", last=0)
    assert one["isExample"]


async def test_trying_refuses_what_a_webhook_refuses(api: ManagementApi) -> None:
    answer = await api.request("POST", f"{api.registry()}/testFormat", {"format": "slak"})
    assert (answer.status, answer.error["target"]) == (400, "format.name")
    answer = await api.request("POST", f"{api.registry()}/testFormat", {"last": 51})
    assert (answer.status, answer.error["target"]) == (400, "last")
