"""What is going on, as `portcall top`, `explain` and `webhook test-scope` tell it of a real one."""

import json
from typing import Any

from tests.installation import Client, Document, Installation, new_name, push_event
from tests.sink import Sink, eventually


async def told(installation: Installation, *arguments: str) -> Any:  # noqa: ANN401 (whatever a command prints)
    code, out, err = await installation.portcall(*arguments)
    assert code == 0, err
    return json.loads(out)


async def test_an_event_is_explained_and_counted(
    pipeline: Installation, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    good = await client.new_webhook(registry, f"{sink.url}/good")
    bad = await client.new_webhook(registry, f"{sink.url}/bad")
    other = await client.new_webhook(registry, f"{sink.url}/other", scope="other:*")
    sink.always("/bad", 503)
    event = push_event("team/app", "v1", id=new_name("event"))
    await client.publish(registry, [event])
    explanation: dict[str, Document] = {}

    async def is_attempted() -> bool:
        nonlocal explanation
        found = await told(pipeline, "explain", event["id"], "-r", registry)
        explanation = {each["name"]: each for each in found["webhooks"]}
        return all(explanation[name]["delivery"]["attempts"] for name in (good, bad))

    await eventually(is_attempted, within_s=20, what="both webhooks have an attempt")
    assert explanation[good]["delivery"]["whereabouts"] == "delivered"
    refused = explanation[bad]["delivery"]
    assert refused["whereabouts"] in {"waiting", "due", "given_up"}  # the schedule is short here
    assert "503" in refused["attempts"][0]["reason"]
    assert explanation[other]["delivery"]["whereabouts"] == "none"
    assert [each["predicate"] for each in explanation[other]["misses"]] == ["scope"]

    overview: Document = {}

    async def is_counted() -> bool:
        nonlocal overview
        overview = await told(pipeline, "top", "-r", registry, "-o", "json")
        total = overview["traffic"]["total"]
        return bool(total["attempts"] >= 2 and total["events"] == 1)

    await eventually(is_counted, within_s=20, what="the attempts and the event are counted")
    rows = {each["name"]: each for each in overview["webhooks"]}
    assert rows[good]["total"]["successRate"] == 1
    assert rows[bad]["total"]["successRate"] == 0
    assert rows[other]["last"] is None
    assert overview["now"].get("problem") is None
    assert overview["now"]["lag"]["frames"] is not None


async def test_an_event_that_matches_nothing_is_found_at_once(
    pipeline: Installation, client: Client, sink: Sink
) -> None:
    registry = await client.new_registry()
    hook = await client.new_webhook(registry, f"{sink.url}/hook", actions=("delete",))
    event = push_event("team/app", "v1", id=new_name("event"))
    await client.publish(registry, [event])
    found = await told(pipeline, "explain", event["id"], "-r", registry)
    (webhook,) = found["webhooks"]
    assert (webhook["name"], webhook["matches"]) == (hook, False)
    assert [each["predicate"] for each in webhook["misses"]] == ["action"]
    tried = await told(pipeline, "webhook", "test-scope", "-r", registry, "--scope", "team/app:*")
    assert [each["id"] for each in tried["value"] if each["matches"]] == [event["id"]]


async def test_an_event_that_nobody_published_ends_with_3(
    pipeline: Installation, client: Client
) -> None:
    registry = await client.new_registry()
    code, out, err = await pipeline.portcall("explain", "no-such-event", "-r", registry)
    assert (code, out) == (3, "")
    assert "no-such-event" in err
