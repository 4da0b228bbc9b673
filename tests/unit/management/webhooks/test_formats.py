"""A webhook's format over the API: set, shown, kept, exported, refused and tried."""

import json
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from portcall.deliverer.post.request import Template
from portcall.management.explain.format_tests import SEARCHED
from portcall.runtime.clock import now_ms
from portcall.schemas.children import Child
from portcall.schemas.deletes import DeletedTag
from portcall.schemas.events import Event
from portcall.schemas.extras import Extras
from portcall.schemas.formats.table import FORMATS
from portcall.schemas.journal import accepted
from portcall.store.engine import Store
from tests.unit.deliverer.samples import webhook as hook
from tests.unit.management.api import VERSION, ManagementApi, webhook_body
from tests.unit.schemas.formats.samples import event
from tests.unit.store.contract.eventlog import append
from tests.unit.store.contract.notes import note
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
        (
            {"name": "template", "template": '"{{ tag }"'},
            "format.template",
            "has {{ without }} in the template, at character 1: '{{ tag }'",
        ),
        ({"name": "template", "template": '"{{ tga }}"'}, "format.template", "did you mean tag?"),
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


TELLING = {
    "name": "template",
    "template": '{"children":"{{ payload.portcall.children }}","tags":"{{ tags }}"}',
}
CHILD = Child("sha256:" + "aa" * 32, "linux/amd64")


def sent(store: Store, *events: Event) -> None:
    note(store, *map(accepted, events))
    append(store, frame([record(7, of=place) for place in range(len(events))], list(events)))


def at(name: str, made: Event, ms: int = 0, extras: Extras | None = None) -> Event:
    now = now_ms() + ms
    return structs.replace(made, id=name, registry="alpha", accepted_ms=now, extras=extras)


@pytest.mark.parametrize(
    ("filters", "told"),
    [
        (None, [{"children": None, "tags": []}, {"children": None, "tags": []}]),
        (
            {"coalesce": "1m"},
            [
                {"children": None, "tags": []},
                {"children": [{"digest": CHILD.digest, "platform": "linux/amd64"}], "tags": []},
            ],
        ),
        (
            {"tagsOnDelete": True},
            [{"children": None, "tags": ["v1", "latest"]}, {"children": None, "tags": []}],
        ),
    ],
    ids=["none", "coalesce", "tagsOnDelete"],
)
@pytest.mark.parametrize("last", [0, 5])
async def test_a_format_is_tried_with_what_filters_add(
    api: ManagementApi, store: Store, filters: Json, told: list[Json], last: int
) -> None:
    pushed = at("pushed", event(), extras=Extras(artifact_type="index", children=(CHILD,)))
    gone = at("gone", event("delete", tag=None), 1)
    sent(store, pushed, gone)
    store.deleted_tags.tell(
        [DeletedTag("alpha", "r1", gone.repository, each, 1) for each in ("v1", "latest")]
    )
    found = await tried(api, format=TELLING, filters=filters, last=last)
    bodies = [json.loads(each["body"]) for each in found]
    if last:
        assert bodies == told
    else:
        assert any(each["children"] for each in bodies) == any(each["children"] for each in told)
        assert any(each["tags"] for each in bodies) == any(each["tags"] for each in told)
        assert len(bodies) == (2 if filters == {"tagsOnDelete": True} else 1)


async def test_filters_add_to_acrs_own_format(api: ManagementApi) -> None:
    (one,) = await tried(api, filters={"coalesce": "1m"})
    assert len(json.loads(one["body"])["portcall"]["children"]) == 2
    (one,) = await tried(api)
    assert "portcall" not in json.loads(one["body"])


async def test_it_is_read_back_until_there_are_enough_events(
    api: ManagementApi, store: Store
) -> None:
    sent(store, *(at(f"old{each}", event(), each - 9_000) for each in range(3)))
    untagged = at("untagged", event(tag=None), -5_000)
    sent(store, untagged)
    note(store, *(accepted(at(f"new{each}", event(), each - 1_000)) for each in range(120)))
    found = await tried(api, format="slack", last=3)
    assert [each["id"] for each in found] == ["untagged", "old2", "old1"]
    found = await tried(api, format="slack", last=2, filters={"taggedOnly": True})
    assert [each["id"] for each in found] == ["old2", "old1"]
    (one,) = await tried(api, filters={"artifactTypes": ["helm"]})
    assert one["isExample"], "none is a chart"
    note(store, *(accepted(at(f"newer{each}", event(), each)) for each in range(SEARCHED)))
    (one,) = await tried(api, format="slack")
    assert one["isExample"], "the rest are too far back"


@pytest.mark.parametrize("name", ["acr", *(each for each in FORMATS if each != "template")])
async def test_the_headers_of_each_post_are_those_of_the_deliverer(
    api: ManagementApi, name: str
) -> None:
    (one,) = await tried(api, format=name)
    stored = None if name == "acr" else {"name": name}
    made = Template.of(replace(hook(), id=1, name="webhook", format=stored, headers={}))
    sent_lines = dict(line.split(": ") for line in made.head.decode().splitlines()[2:])
    assert one["commonHeaders"] == sent_lines
    assert one["contentType"] == sent_lines["Content-Type"]


async def test_consent_and_ids_are_among_the_headers_of_each_post(api: ManagementApi) -> None:
    wanted = {"name": "cloudevents", "origin": "hooks.example.com"}
    (one,) = await tried(api, format=wanted)
    assert one["commonHeaders"]["WebHook-Request-Origin"] == "hooks.example.com"
    (one,) = await tried(api, format="ghcr")
    assert one["commonHeaders"]["X-GitHub-Hook-ID"] == "1"
    assert one["commonHeaders"]["User-Agent"].startswith("GitHub-Hookshot/1.0 (Portcall/")


async def test_trying_refuses_what_a_webhook_refuses(api: ManagementApi) -> None:
    answer = await api.request("POST", f"{api.registry()}/testFormat", {"format": "slak"})
    assert (answer.status, answer.error["target"]) == (400, "format.name")
    answer = await api.request("POST", f"{api.registry()}/testFormat", {"last": 51})
    assert (answer.status, answer.error["target"]) == (400, "last")
    body = {"format": {"name": "template", "template": '"{{ join(tag) }}"'}}
    answer = await api.request("POST", f"{api.registry()}/testFormat", body)
    assert (answer.status, answer.error["target"]) == (400, "format.template")
    assert "calls join() with 1 argument; it takes 2" in answer.error["message"]
    body = {"filters": {"taggedOnly": "yes"}}
    answer = await api.request("POST", f"{api.registry()}/testFormat", body)
    assert (answer.status, answer.error["target"]) == (400, "filters.taggedOnly")
