"""Explaining an event: every webhook of the registry, and where each delivery is."""

import msgspec
import pytest

from portcall.management.explain.shapes import Explanation, ScopeTried
from portcall.runtime.clock import now_ms
from portcall.schemas.children import Child
from portcall.schemas.deletes import DeletedTag
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.events import Event, ping_event
from portcall.schemas.extras import Extras
from portcall.schemas.filters import COALESCE, COALESCING
from portcall.schemas.journal import IgnoredNote, accepted, routed
from portcall.schemas.records import Detail, Outcome, RawRecord, RecordOf
from portcall.store.engine import Store
from tests.unit.management.api import (
    GUEST_TOKEN,
    VERSION,
    Answer,
    Json,
    ManagementApi,
    webhook_body,
)
from tests.unit.store.contract.eventlog import append
from tests.unit.store.contract.notes import bad, note, pulled, take, untagged
from tests.unit.store.samples import frame

NOW = now_ms()


def event(
    event_id: str = "e-1",
    *,
    action: str = "push",
    repository: str = "team/app",
    tag: str = "v1",
    at_ms: int = NOW,
) -> Event:
    return Event(event_id, "alpha", action, at_ms, msgspec.Raw(b"{}"), repository, tag)


def record(
    webhook_id: int,
    outcome: Outcome = Outcome.DELIVERED,
    *,
    attempt: int = 1,
    status: int = 200,
    next_ms: int = 0,
) -> RawRecord:
    detail = msgspec.json.encode(Detail(next_attempt_ms=next_ms))
    return RecordOf(0, webhook_id, attempt, outcome, status, NOW, 1_000, msgspec.Raw(detail))


@pytest.fixture
async def hooks(api: ManagementApi) -> dict[str, int]:
    """Webhooks that differ in what they want; their ids by their names."""
    wanted: dict[str, Json] = {
        "everything": {"actions": ["push", "delete"]},
        "deletes": {"actions": ["delete"]},
        "others": {"scope": "other:*"},
        "globs": {"portcall": {"scopes": ["team/*", "!team/app:v*"]}},
        "disabled": {"status": "disabled"},
    }
    ids = {}
    for name, properties in wanted.items():
        answer = await api.put_webhook(name, **properties)
        ids[name] = int(answer.json["properties"]["portcall"]["id"])
    return ids


async def explain(api: ManagementApi, event_id: str = "e-1") -> Answer:
    path = f"{api.registry()}/explainEvent"
    return await api.request("GET", path, query=f"{VERSION}&eventId={event_id}", token=GUEST_TOKEN)


async def told(api: ManagementApi, event_id: str = "e-1") -> dict[str, Json]:
    """What is said of each webhook, by its name."""
    answer = await explain(api, event_id)
    assert answer.status == 200, answer.text
    msgspec.json.decode(answer.text, type=Explanation)
    return {each["name"]: each for each in answer.json["webhooks"]}


EXTRAS = Extras(kind="harbor", source="main", actor="ci", platforms=("linux/arm64",))


async def test_the_extras_of_an_event_are_told(
    api: ManagementApi, store: Store, hooks: dict[str, int]
) -> None:
    event_ = msgspec.structs.replace(event(), extras=EXTRAS)
    append(store, frame([record(hooks["everything"])], [event_]))
    answer = await explain(api)
    msgspec.json.decode(answer.text, type=Explanation)
    assert answer.json["extras"] == {
        "kind": "harbor",
        "source": "main",
        "actor": "ci",
        "platforms": ["linux/arm64"],
    }


@pytest.mark.parametrize("first", ["accepted", "routed"])
async def test_an_event_that_no_webhook_matches_tells_its_extras_too(
    api: ManagementApi, store: Store, hooks: dict[str, int], first: str
) -> None:
    assert hooks
    event_ = msgspec.structs.replace(event(repository="nobody/wants"), extras=EXTRAS)
    notes = [accepted(event_), routed(event_, [])]
    for each in notes if first == "accepted" else reversed(notes):
        note(store, each)
    answer = await explain(api)
    assert answer.json["extras"]["actor"] == "ci"
    assert answer.json["extras"]["platforms"] == ["linux/arm64"]


async def test_an_event_without_extras_tells_none(
    api: ManagementApi, store: Store, hooks: dict[str, int]
) -> None:
    append(store, frame([record(hooks["everything"])], [event()]))
    assert "extras" not in (await explain(api)).json


@pytest.mark.parametrize("first", ["the delete", "the tags"])
async def test_a_delete_tells_its_tags_whichever_came_first(
    api: ManagementApi, store: Store, hooks: dict[str, int], first: str
) -> None:
    """Docker distribution tells of the manifest first, GitLab of the tags."""
    deleted = msgspec.structs.replace(
        event(action="delete", tag=""), body=msgspec.Raw(b'{"request":{"id":"r-1"}}')
    )
    tags = [
        msgspec.structs.replace(untagged(tag, NOW), registry="alpha") for tag in ("v1", "latest")
    ]
    if first == "the tags":
        take(store, ignored=tags)
    append(store, frame([record(hooks["deletes"])], [deleted]))
    if first == "the delete":
        assert "extras" not in (await explain(api)).json
        take(store, ignored=tags)
    assert (await explain(api)).json["extras"] == {"tags": ["v1", "latest"]}
    path = f"{api.registry()}/webhooks/deletes/listEvents"
    listed = (await api.request("POST", path)).json["value"]
    assert [each["portcall"]["extras"] for each in listed] == [{"tags": ["v1", "latest"]}]


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("push", b'{"request":{"id":"r-1"}}'),
        ("delete", b"{}"),
        ("delete", b'{"request":{}}'),
        ("delete", b'{"request":{"id":"r-2"}}'),
        ("delete", b'{"request":7}'),
    ],
    ids=["a push", "no request", "no id", "another request", "an odd request"],
)
async def test_no_other_event_gets_the_tags(
    api: ManagementApi, store: Store, hooks: dict[str, int], action: str, body: bytes
) -> None:
    take(store, ignored=[msgspec.structs.replace(untagged("v1", NOW), registry="alpha")])
    other = msgspec.structs.replace(event(action=action), body=msgspec.Raw(body))
    append(store, frame([record(hooks["everything"])], [other]))
    assert "extras" not in (await explain(api)).json


async def test_every_webhook_is_told_with_the_predicate_that_keeps_it_out(
    api: ManagementApi, store: Store, hooks: dict[str, int]
) -> None:
    note(store, accepted(event()), routed(event(), [hooks["everything"]]))
    found = await told(api)
    missed = {name: [miss["predicate"] for miss in each["misses"]] for name, each in found.items()}
    assert missed == {
        "everything": [],
        "deletes": ["action"],
        "others": ["scope"],
        "globs": ["scopes"],
        "disabled": ["status"],
    }
    assert [name for name, each in found.items() if each["matches"]] == ["everything"]
    where = {name: each["delivery"]["whereabouts"] for name, each in found.items()}
    assert where == {
        "everything": "queued",
        "deletes": "none",
        "others": "none",
        "globs": "none",
        "disabled": "none",
    }
    assert api.caught_up == 0


async def test_an_event_that_matches_nothing_is_explained(
    api: ManagementApi, store: Store, hooks: dict[str, int]
) -> None:
    about = event(action="chart_push")
    note(store, accepted(about), routed(about, []))
    found = await told(api)
    assert {name: each["delivery"]["whereabouts"] for name, each in found.items()} == dict.fromkeys(
        hooks, "none"
    )


async def test_a_delivery_is_where_its_records_say(
    api: ManagementApi, store: Store, hooks: dict[str, int]
) -> None:
    soon = now_ms() + 9_000
    webhook_id = hooks["everything"]
    steps: list[tuple[RawRecord, str]] = [
        (record(webhook_id, Outcome.RETRIED, status=503, next_ms=soon), "waiting"),
        (record(webhook_id, Outcome.RETRIED, attempt=2, status=503, next_ms=5), "due"),
        (record(webhook_id, Outcome.GIVEN_UP, attempt=3, status=503), "given_up"),
        (record(webhook_id, attempt=4), "delivered"),
        (record(webhook_id, Outcome.CANCELLED, attempt=5, status=0), "cancelled"),
        (record(webhook_id, Outcome.REFUSED, attempt=6, status=400), "refused"),
    ]
    delivery: Json = {}
    for number, (each, expected) in enumerate(steps):
        append(store, frame([each], [event()]))
        delivery = (await told(api))["everything"]["delivery"]
        assert delivery["whereabouts"] == expected
        assert delivery["deliveryId"] == delivery_id("e-1", webhook_id)
        assert [made["attempt"] for made in delivery["attempts"]] == list(range(1, number + 2))
        assert ("rung" in delivery) == (expected == "waiting")
        assert ("nextAttemptAt" in delivery) == (expected in ("waiting", "due"))
    assert delivery["attempts"][0]["reason"].startswith("503. Attempt 2 at ")


async def test_what_matches_and_was_not_routed_is_unknown(
    api: ManagementApi, store: Store, hooks: dict[str, int]
) -> None:
    note(store, accepted(event()))
    answer = await explain(api)
    assert answer.json["isRouted"] is False
    assert (await told(api))["everything"]["delivery"]["whereabouts"] == "unknown"
    assert hooks


async def test_deliveries_of_deleted_webhooks_are_told(
    api: ManagementApi, store: Store, hooks: dict[str, int]
) -> None:
    append(store, frame([record(hooks["everything"])], [event()]))
    await api.request("DELETE", api.webhook("everything"))
    found = (await told(api))[""]
    assert found["delivery"]["whereabouts"] == "delivered"
    assert found["misses"] == [{"predicate": "status", "message": "the webhook was deleted"}]


async def test_a_ping_concerns_whom_it_was_sent_to(
    api: ManagementApi, store: Store, hooks: dict[str, int]
) -> None:
    ping = ping_event(registry="alpha", event_id="p-1", now_ms=NOW, now="2026-01-01T00:00:00Z")
    append(store, frame([record(hooks["disabled"])], [ping]))
    assert list(await told(api, "p-1")) == ["disabled"]


async def test_of_events_with_one_id_the_newest_is_explained(
    api: ManagementApi, store: Store, hooks: dict[str, int]
) -> None:
    append(store, frame([record(hooks["everything"])], [event(at_ms=NOW - 5)]))
    newer = event(action="delete")
    note(store, accepted(newer), routed(newer, [hooks["everything"], hooks["deletes"]]))
    answer = await explain(api)
    assert answer.json["action"] == "delete"
    found = await told(api)
    assert found["everything"]["delivery"]["whereabouts"] == "queued"
    assert found["deletes"]["delivery"]["whereabouts"] == "queued"


async def test_an_unknown_event_is_waited_for_and_then_not_found(api: ManagementApi) -> None:
    answer = await explain(api)
    assert (answer.status, answer.error["code"]) == (404, "EventNotFound")
    assert "e-1" in answer.error["message"]
    assert api.caught_up == 1


@pytest.mark.parametrize("query", ["", "&eventId=", "&eventId=a%20b", f"&eventId={'x' * 129}"])
async def test_what_is_no_event_id_is_refused(api: ManagementApi, query: str) -> None:
    path = f"{api.registry()}/explainEvent"
    answer = await api.request("GET", path, query=f"{VERSION}{query}")
    assert (answer.status, answer.error["target"]) == (400, "eventId")


async def tried(api: ManagementApi, body: object) -> Answer:
    return await api.request("POST", f"{api.registry()}/testScope", body, token=GUEST_TOKEN)


@pytest.fixture
def events(store: Store) -> None:
    """Three events, of which the last one is a delete."""
    note(
        store,
        accepted(event("a", tag="v1", at_ms=NOW)),
        accepted(event("b", repository="team/web", tag="v2", at_ms=NOW + 1)),
        accepted(event("c", action="delete", tag="", at_ms=NOW + 2)),
    )


@pytest.mark.usefixtures("events")
@pytest.mark.parametrize(
    ("body", "matching"),
    [
        pytest.param(None, ["c", "b", "a"], id="nothing at all"),
        pytest.param({}, ["c", "b", "a"], id="everything"),
        pytest.param({"scope": "team/app:*"}, ["c", "a"], id="repository"),
        pytest.param({"scope": "team/app:v1"}, ["a"], id="tag"),
        pytest.param({"scope": "team/app"}, [], id="latest"),
        pytest.param({"actions": ["delete"]}, ["c"], id="action"),
        pytest.param({"scope": "team/web:*", "actions": ["Push"]}, ["b"], id="both"),
        pytest.param({"last": 1}, ["c"], id="the last one"),
        pytest.param({"scopes": ["team/*:v[0-9]*"]}, ["b", "a"], id="patterns"),
        pytest.param({"scopes": ["!**:v2"]}, ["c", "a"], id="an exclusion"),
        pytest.param({"scopes": []}, ["c", "b", "a"], id="no patterns"),
        pytest.param({"scopes": None}, ["c", "b", "a"], id="null patterns"),
        pytest.param({"scope": "team/app:*", "scopes": ["**:v*"]}, ["a"], id="scope and patterns"),
    ],
)
async def test_a_scope_is_tried_on_the_last_events(
    api: ManagementApi, body: object, matching: list[str]
) -> None:
    answer = await tried(api, body)
    assert answer.status == 200, answer.text
    msgspec.json.decode(answer.text, type=ScopeTried)
    shown = answer.json["value"]
    assert [each["id"] for each in shown if each["matches"]] == matching
    assert answer.json["matching"] == len(matching)
    assert all(bool(each["misses"]) != each["matches"] for each in shown)
    assert [each["id"] for each in shown] == ["c", "b", "a"][: len(shown)]


@pytest.mark.usefixtures("events")
async def test_each_pattern_has_its_reason_for_each_event(api: ManagementApi) -> None:
    answer = await tried(api, {"scopes": ["team/w*", "!**:v2"]})
    found = {
        each["id"]: [(one["effect"], one["reason"]) for one in each["patterns"]]
        for each in answer.json["value"]
    }
    no_app = ("none", "the repository team/app does not match team/w*")
    assert found == {
        "c": [no_app, ("none", "there is no tag to match v2")],
        "b": [("includes", "team/web:v2 matches"), ("excludes", "team/web:v2 matches")],
        "a": [no_app, ("none", "the tag v1 does not match v2")],
    }
    plain = await tried(api, {})
    assert all("patterns" not in each for each in plain.json["value"])


@pytest.mark.parametrize(
    ("body", "target"),
    [
        ({"scope": "No Scope"}, "scope"),
        ({"scopes": ["team/*", "team//x"]}, "scopes[1]"),
        ({"scopes": "team/*"}, "scopes"),
        ({"scopes": [5]}, "scopes[0]"),
        ({"scope": 5}, "scope"),
        ({"actions": ["pull"]}, "actions[0]"),
        ({"actions": []}, "actions"),
        ({"last": 0}, "last"),
        ({"last": 501}, "last"),
        ({"last": "5"}, "last"),
        ({"lost": 5}, "lost"),
    ],
)
async def test_a_bad_scope_test_names_the_field(
    api: ManagementApi, body: object, target: str
) -> None:
    answer = await tried(api, body)
    assert (answer.status, answer.error["target"]) == (400, target), answer.text


async def test_what_became_no_event_says_why(api: ManagementApi) -> None:
    take(api.store, ignored=[bad("x", NOW, registry="alpha", repository="Up/Per")])
    answer = await explain(api, "x")
    told = msgspec.convert(answer.json, Explanation)
    assert (told.repository, told.is_routed, told.webhooks) == ("Up/Per", False, [])
    assert answer.json["ignored"] == {
        "reason": "bad_tag",
        "place": "events[0].target.tag",
        "message": "events[0].target.tag: is not a tag",
    }


async def test_a_pull_says_that_it_is_no_registry_event(api: ManagementApi) -> None:
    note_of_a_pull = msgspec.structs.replace(pulled("p", NOW), registry="alpha")
    take(api.store, ignored=[note_of_a_pull])
    told = (await explain(api, "p")).json["ignored"]
    assert told == {"reason": "pull", "place": "", "message": "a pull is not a registry event"}


async def test_an_event_that_was_taken_once_is_explained_as_one(api: ManagementApi) -> None:
    take(api.store, ignored=[bad("e-1", NOW, registry="alpha")])
    note(api.store, accepted(event()))
    assert "ignored" not in (await explain(api)).json


SIGNATURE = f"sha256-{'ab' * 32}.sig"


@pytest.mark.parametrize(
    ("filters", "matching"),
    [
        ({"taggedOnly": True}, ["e", "d", "b", "a"]),
        ({"noReferrers": True}, ["e", "d", "c", "a"]),
        ({"artifactTypes": ["signature"]}, ["b"]),
        ({"taggedOnly": True, "noReferrers": True, "changedOnly": True}, ["e", "a"]),
        (None, ["e", "d", "c", "b", "a"]),
    ],
)
async def test_filters_are_tried_on_the_last_events(
    api: ManagementApi, filters: Json, matching: list[str]
) -> None:
    def push(name: str, digest: str, at_ms: int, tag: str = "v1") -> Event:
        body = msgspec.json.encode({"target": {"digest": f"sha256:{digest}"}})
        pushed = event(name, tag=tag, at_ms=at_ms)
        return msgspec.structs.replace(pushed, body=msgspec.Raw(body))

    events = [
        push("a", "1", NOW),
        push("b", "2", NOW + 1, SIGNATURE),
        push("c", "3", NOW + 2, ""),
        push("d", "1", NOW + 3),
        push("e", "4", NOW + 4),
    ]
    note(api.store, *map(accepted, events))
    answer = await tried(api, {"filters": filters})
    assert answer.status == 200, answer.text
    shown = answer.json["value"]
    assert [each["id"] for each in shown if each["matches"]] == matching
    predicates = {miss["predicate"] for each in shown for miss in each["misses"]}
    assert predicates <= {"filter"}


def ignored_tag(tag: str, at_ms: int, **more: str) -> IgnoredNote:
    return untagged(tag, at_ms, **{"registry": "alpha"} | more)


@pytest.mark.usefixtures("events")
@pytest.mark.parametrize(
    ("body", "shown", "matching"),
    [
        pytest.param({}, ["c", "b", "a"], ["c", "b", "a"], id="any action"),
        pytest.param({"actions": ["push"]}, ["c", "b", "a"], ["b", "a"], id="pushes"),
        pytest.param(
            {"actions": ["Untag"]},
            ["of-v2", "c", "b", "of-v1", "of-x", "a"],
            ["of-v2", "of-v1", "of-x"],
            id="deleted tags",
        ),
        pytest.param(
            {"actions": ["untag", "delete"], "last": 2}, ["of-v2", "c"], ["of-v2", "c"], id="few"
        ),
        pytest.param(
            {"actions": ["untag"], "scope": "team/app:v1"},
            ["of-v2", "c", "b", "of-v1", "of-x", "a"],
            ["of-v1"],
            id="scope",
        ),
        pytest.param(
            {"actions": ["untag"], "filters": {"artifactTypes": ["image"]}},
            ["of-v2", "c", "b", "of-v1", "of-x", "a"],
            [],
            id="filters",
        ),
    ],
)
async def test_deleted_tags_that_were_ignored_are_tried_where_they_are_asked_for(
    api: ManagementApi, body: object, shown: list[str], matching: list[str]
) -> None:
    notes = [
        ignored_tag("x", NOW, repository="team/web"),
        ignored_tag("v1", NOW),
        ignored_tag("v2", NOW + 3),
        ignored_tag("v3", NOW, registry="other"),
        msgspec.structs.replace(pulled("p", NOW + 4), registry="alpha"),
        bad("bad", NOW + 5, registry="alpha"),
    ]
    take(api.store, ignored=notes)
    answer = await tried(api, body)
    msgspec.json.decode(answer.text, type=ScopeTried)
    value = answer.json["value"]
    assert sorted(each["id"] for each in value) == sorted(shown)
    assert sorted(each["id"] for each in value if each["matches"]) == sorted(matching)
    assert answer.json["matching"] == len(matching)
    assert [each["acceptedAt"] for each in value] == sorted(
        (each["acceptedAt"] for each in value), reverse=True
    )
    assert {each["id"] for each in value if each.get("isIgnored")} == {
        each for each in shown if each.startswith("of-")
    }
    assert {each["action"] for each in value if each.get("isIgnored")} <= {"untag"}


async def test_a_deleted_tag_that_is_an_event_as_well_is_tried_once(api: ManagementApi) -> None:
    note(api.store, accepted(event("of-v1", action="untag")))
    take(api.store, ignored=[ignored_tag("v1", NOW + 1)])
    answer = await tried(api, {"actions": ["untag"]})
    (found,) = answer.json["value"]
    assert (found["id"], found["matches"], "isIgnored" in found) == ("of-v1", True, False)


@pytest.mark.parametrize(
    "between",
    [
        pytest.param({"action": "delete", "tag": ""}, id="its manifest was deleted"),
        pytest.param({"action": "untag"}, id="it was untagged"),
    ],
)
async def test_a_push_after_its_tag_was_deleted_is_a_change(
    api: ManagementApi, between: dict[str, str]
) -> None:
    body = msgspec.Raw(msgspec.json.encode({"target": {"digest": "sha256:1"}}))
    events = [
        event("a", at_ms=NOW),
        event("b", at_ms=NOW + 1, **between),
        event("c", at_ms=NOW + 2),
        event("d", at_ms=NOW + 3),
    ]
    note(api.store, *(accepted(msgspec.structs.replace(each, body=body)) for each in events))
    answer = await tried(api, {"actions": ["push"], "filters": {"changedOnly": True}})
    assert [each["id"] for each in answer.json["value"] if each["matches"]] == ["c", "a"]


@pytest.mark.parametrize(
    ("filters", "matching"),
    [
        ({"coalesce": "5s"}, ["late", "lone", "index"]),
        ({"coalesce": "10s"}, ["lone", "index"]),
        ({"coalesce": True, "artifactTypes": ["image"]}, ["late", "lone", "child"]),
        ({"coalesce": True, "taggedOnly": True}, ["index"]),
    ],
    ids=["5s", "10s", "no index", "tagged"],
)
@pytest.mark.parametrize("is_recorded", [False, True], ids=["noted", "recorded"])
async def test_a_dry_run_knows_what_an_index_lists(
    api: ManagementApi, filters: Json, matching: list[str], *, is_recorded: bool
) -> None:
    def push(name: str, digest: str, at_ms: int, tag: str = "", *lists: str) -> Event:
        pushed = event(name, tag=tag, at_ms=at_ms)
        return msgspec.structs.replace(
            pushed,
            body=msgspec.Raw(msgspec.json.encode({"target": {"digest": f"sha256:{digest}"}})),
            extras=Extras(
                artifact_type="index" if lists else "image",
                children=tuple(Child(f"sha256:{each}") for each in lists),
            ),
        )

    index = push("index", "f", NOW + 2, "v1", "a", "c")
    events = [
        push("child", "a", NOW), index, push("lone", "b", NOW + 3), push("late", "c", NOW + 8_002),
    ]  # fmt: skip
    note(api.store, *map(accepted, events))
    if is_recorded:
        append(api.store, frame([record(7)], [index]))
    else:
        note(api.store, routed(index, []))
    shown = (await tried(api, {"filters": filters})).json["value"]
    assert [each["id"] for each in shown if each["matches"]] == matching
    said = {miss["message"] for each in shown if each["id"] == "child" for miss in each["misses"]}
    assert said <= {
        "coalesce: the push of an index that lists it tells of it",
        "taggedOnly: the event has no tag",
    }


async def test_a_push_that_waits_for_its_index_is_told_so(
    api: ManagementApi, store: Store, hooks: dict[str, int]
) -> None:
    made = await api.put_webhook("coalesced", portcall={"filters": {"coalesce": "60s"}})
    assert made.json["properties"]["portcall"]["filters"] == {"coalesce": "1m"}
    mine = int(made.json["properties"]["portcall"]["id"])
    bare, gone = event(tag=""), 9_999
    waits = {COALESCING: [mine, gone]}
    note(store, accepted(bare), routed(bare, [hooks["everything"]], waits))
    found = await told(api)
    assert found["coalesced"]["delivery"]["whereabouts"] == "coalescing"
    assert found["coalesced"]["misses"] == []
    assert found[""]["delivery"]["whereabouts"] == "coalescing"
    assert found["everything"]["delivery"]["whereabouts"] == "queued"
    note(store, routed(bare, [gone], {COALESCE: [mine]}))
    found = await told(api)
    assert found["coalesced"]["delivery"]["whereabouts"] == "filtered"
    (miss,) = found["coalesced"]["misses"]
    assert miss["message"] == "coalesce: the push of an index that lists it tells of it"
    assert found[""]["delivery"]["whereabouts"] == "queued"


async def test_a_delete_that_waits_for_its_tags_is_told_so(
    api: ManagementApi, store: Store, hooks: dict[str, int]
) -> None:
    made = await api.put_webhook("named", portcall={"filters": {"tagsOnDelete": True}})
    assert made.json["properties"]["portcall"]["filters"] == {"tagsOnDelete": True}
    mine = int(made.json["properties"]["portcall"]["id"])
    gone = event(action="delete", tag="")
    note(store, accepted(gone), routed(gone, [], {COALESCING: [mine]}))
    found = await told(api)
    assert found["named"]["delivery"]["whereabouts"] == "naming"
    note(store, routed(gone, [mine]))
    assert (await told(api))["named"]["delivery"]["whereabouts"] == "queued"
    (shown,) = (await tried(api, {"filters": {"tagsOnDelete": True}})).json["value"]
    assert shown["matches"]  # it holds nothing back


@pytest.mark.parametrize(
    ("is_recorded", "known", "tags"),
    [
        (True, ["v1", "latest"], ["v1", "latest"]),
        (True, [], ["v2"]),
        (False, ["v1", "latest"], ["v2"]),
    ],
    ids=["as the registry told", "as pushes named it", "sent to no webhook"],
)
async def test_a_dry_run_names_the_tags_of_a_delete(
    api: ManagementApi, store: Store, *, is_recorded: bool, known: list[str], tags: list[str]
) -> None:
    def about(made: Event, **more: Json) -> Event:
        body = {"target": {"digest": "sha256:aa", "repository": made.repository}, **more}
        return msgspec.structs.replace(made, body=msgspec.Raw(msgspec.json.encode(body)))

    pushed = about(event("pushed", tag="v2", at_ms=NOW - 1))
    gone = about(event("gone", action="delete", tag=""), request={"id": "r1"})
    note(store, accepted(pushed), accepted(gone), routed(gone, []))
    if is_recorded:
        append(store, frame([record(7)], [gone]))
    place = (gone.registry, "r1", gone.repository)
    if known:
        store.deleted_tags.tell([DeletedTag(*place, each, NOW) for each in known])
    deleted, push = (await tried(api, {"filters": {"tagsOnDelete": True}})).json["value"]
    assert (deleted["tags"], "tags" in push) == (tags, False)
    (deleted, _) = (await tried(api, {})).json["value"]
    assert "tags" not in deleted, "a webhook without the filter would not get them"
    body = {"scope": "other:*", "filters": {"tagsOnDelete": True}}
    (deleted, _) = (await tried(api, body)).json["value"]
    assert (deleted["matches"], "tags" in deleted) == (False, False)


@pytest.mark.parametrize(
    ("filters", "target"),
    [
        ({"tagsOnDelete": "1m"}, "filters.tagsOnDelete"),
        ({"coalesce": "2h"}, "filters.coalesce"),
        ({"tagged": True}, "filters.tagged"),
        ({"taggedOnly": "yes"}, "filters.taggedOnly"),
        ({"artifactTypes": ["image", "jar"]}, "filters.artifactTypes[1]"),
        ([], "filters"),
    ],
)
async def test_a_bad_filter_is_named(api: ManagementApi, filters: Json, target: str) -> None:
    answer = await tried(api, {"filters": filters})
    assert (answer.status, answer.error["target"]) == (400, target), answer.text
    body = webhook_body(portcall={"filters": filters})
    put = await api.request("PUT", api.webhook("filtered"), body)
    assert put.status == 400
    assert f"portcall.{target}" in put.text


async def test_the_filter_that_held_an_event_back_is_named(
    api: ManagementApi, store: Store, hooks: dict[str, int]
) -> None:
    made = await api.put_webhook("tagged", portcall={"filters": {"taggedOnly": True}})
    assert made.json["properties"]["portcall"]["filters"] == {"taggedOnly": True}
    tagged = int(made.json["properties"]["portcall"]["id"])
    bare, gone = event(tag=""), 9_999
    held = {"taggedOnly": [tagged], "changedOnly": [hooks["others"]], "noReferrers": [gone]}
    note(store, accepted(bare), routed(bare, [hooks["everything"]], held))
    found = await told(api)
    assert found["tagged"]["delivery"]["whereabouts"] == "filtered"
    assert found["tagged"]["misses"] == [
        {"predicate": "filter", "message": "taggedOnly: the event has no tag"}
    ]
    assert found["everything"]["delivery"]["whereabouts"] == "queued"
    assert [each["predicate"] for each in found["others"]["misses"]] == ["scope", "filter"]
    assert found[""]["delivery"]["whereabouts"] == "filtered"


async def test_before_it_is_routed_a_webhooks_filters_say_what_will_become_of_it(
    api: ManagementApi, store: Store, hooks: dict[str, int]
) -> None:
    await api.put_webhook("tagged", portcall={"filters": {"taggedOnly": True}})
    note(store, accepted(event(tag="")))
    (miss,) = (await told(api))["tagged"]["misses"]
    assert miss["predicate"] == "filter"


async def test_an_event_is_explained_by_the_webhook_id_of_its_post(
    api: ManagementApi, store: Store, hooks: dict[str, int]
) -> None:
    webhook_id = hooks["everything"]
    append(store, frame([record(webhook_id)], [event()]))
    answer = await explain(api, delivery_id("e-1", webhook_id))
    assert (answer.status, answer.json["id"]) == (200, "e-1")
    unknown = await explain(api, delivery_id("e-2", webhook_id))
    assert (unknown.status, unknown.json["error"]["code"]) == (404, "DeliveryNotFound")
    assert "no delivery with the webhook-id 'msg_" in unknown.text
