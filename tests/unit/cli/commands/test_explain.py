import json
from typing import Any

import pytest
from rich.console import Console

from portcall.cli.commands.explain import tree
from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import REG, FakeApi, arm_error

PATH = f"{REG}/explainEvent"


def webhook(name: str, where: str, **delivery: object) -> dict[str, Any]:
    misses = [{"predicate": "action", "message": "the webhook wants delete; the event is push"}]
    return {
        "id": "42",
        "name": name,
        "matches": where != "none",
        "misses": misses if where == "none" else [],
        "delivery": {"deliveryId": "msg_1", "whereabouts": where, "attempts": [], **delivery},
    }


ATTEMPT = {
    "attempt": 1,
    "outcome": "retried",
    "status": 503,
    "startedAt": "2026-11-22T10:20:30.1234567Z",
    "durationMs": 12.4,
    "reason": "503. Attempt 2 at 10:21:30 UTC",
}


def explanation(*webhooks: dict[str, Any], **more: object) -> dict[str, Any]:
    return {
        "id": "e-1",
        "registry": "myregistry",
        "action": "push",
        "repository": "team/app",
        "tag": "v1",
        "acceptedAt": "2026-11-22T10:20:29.0000000Z",
        "isRouted": True,
        "webhooks": list(webhooks),
        **more,
    }


def printed(document: dict[str, Any]) -> str:
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(tree(document))
    return capture.get()


def test_machines_get_the_answer_as_it_is(api: FakeApi, portcall: Run) -> None:
    api.on("GET", PATH, explanation(webhook("ci01hook", "delivered")))
    ended = portcall("explain", "e-1", "-r", "myregistry")
    assert (ended.code, json.loads(ended.out)) == (0, explanation(webhook("ci01hook", "delivered")))
    assert api.asked[-1].query == {"eventId": "e-1"}


def test_people_get_a_tree(api: FakeApi, portcall: Run) -> None:
    waiting = webhook(
        "ci01hook",
        "waiting",
        rung="1m",
        nextAttemptAt="2026-11-22T10:21:30.0000000Z",
        attempts=[ATTEMPT],
    )
    api.on("GET", PATH, explanation(waiting, webhook("delhook", "none")))
    ended = portcall("explain", "e-1", "-r", "myregistry", "-o", "table")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert lines[0] == "e-1  push team/app:v1  accepted 2026-11-22T10:20:29Z"
    assert lines[1].endswith("ci01hook  waiting, next attempt at 2026-11-22T10:21:30Z")
    assert lines[2].endswith(
        "attempt 1  2026-11-22T10:20:30Z  12 ms  503. Attempt 2 at 10:21:30 UTC"
    )
    assert lines[3].endswith("delhook  does not match")
    assert lines[4].endswith("action: the webhook wants delete; the event is push")


def test_the_delivery_of_a_webhook_id_is_marked(api: FakeApi, portcall: Run) -> None:
    other = webhook("delhook", "delivered", deliveryId="msg_2")
    api.on("GET", PATH, explanation(webhook("ci01hook", "delivered"), other))
    ended = portcall("explain", "msg_2", "-r", "myregistry", "-o", "table")
    marked = [line for line in ended.out.splitlines() if "(this webhook-id)" in line]
    assert ["delhook" in line for line in marked] == [True]


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("unknown", "not routed yet"),
        ("queued", "waiting for its first attempt"),
        ("due", "its next attempt is due"),
        ("delivered", "delivered"),
        ("given_up", "given up after 1 attempt"),
        ("refused", "refused by the receiver after 1 attempt"),
        ("filtered", "held back by a filter"),
        ("coalescing", "waits for the push of an index that lists it"),
        ("cancelled", "cancelled"),
        ("of a later version", "of a later version"),
    ],
)
def test_each_place_has_its_words(where: str, words: str) -> None:
    assert words in printed(explanation(webhook("ci01hook", where, attempts=[ATTEMPT])))


def test_an_event_that_is_not_routed_and_a_deleted_webhook_are_said() -> None:
    told = printed(explanation(webhook("", "queued"), isRouted=False))
    assert "not routed yet, or the router's note has not arrived" in told
    assert "(deleted, 42)" in told
    assert "the registry has no webhook" in printed(explanation())


def test_what_an_endpoint_says_does_not_steer_the_terminal() -> None:
    nasty = {**ATTEMPT, "reason": "answered 500 \x1b[2J [red]x[/red]"}
    told = printed(explanation(webhook("ci01hook", "due", attempts=[nasty])))
    assert "\x1b" not in told
    assert "[red]x[/red]" in told


def test_what_the_source_tells_is_said_in_one_line() -> None:
    extras = {
        "actor": "ci\x1b[31m",
        "artifactType": "index",
        "platforms": ["linux/amd64", "linux/arm64"],
        "tags": ["v1", "latest"],
        "source": "main",
        "kind": "harbor",
        "backfilled": True,
    }
    told = printed(explanation(webhook("ci01hook", "delivered"), extras=extras))
    assert "index; for linux/amd64, linux/arm64; with the tags v1, latest;" in told
    assert "from the source main (harbor); found by a comparison later" in told
    assert "by ci" in told
    assert "\x1b" not in told


def test_an_unknown_event_ends_with_3(api: FakeApi, portcall: Run) -> None:
    api.on("GET", PATH, arm_error("EventNotFound", "eventId: no event 'e-1'"), status=404)
    ended = portcall("explain", "e-1", "-r", "myregistry")
    assert (ended.code, ended.out) == (3, "")
    assert "no event 'e-1'" in ended.err


def test_a_registry_is_needed(portcall: Run) -> None:
    assert portcall("explain", "e-1").code == 2


LONG = "events[0].target.repository: 'Up/Per' is not a repository name; " + "write less " * 20
IGNORED = {"reason": "bad_repository", "place": "events[0].target.repository", "message": LONG}


def test_what_became_no_event_is_told_with_the_reason() -> None:
    told = " ".join(printed(explanation(ignored=IGNORED, isRouted=False)).split())
    assert "push team/app:v1 came 2026-11-22T10:20:29Z ignored, because events[0].target" in told
    assert "no webhook" not in told and "routed" not in told


def test_a_long_reason_is_not_cut_where_there_is_no_terminal(api: FakeApi, portcall: Run) -> None:
    api.on("GET", PATH, explanation(ignored=IGNORED))
    ended = portcall("explain", "e-1", "-r", "myregistry", "-o", "table")
    assert (ended.code, ended.out.count("write less")) == (0, 20)
