import json

import pytest

from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import REG, FakeApi, arm_error

PATH = f"{REG}/testScope"
THIS = ("webhook", "test-scope", "-r", "myregistry")


def tried(event_id: str, *, matches: bool) -> dict[str, object]:
    misses = [] if matches else [{"predicate": "scope", "message": "the scope 'a:*' does not"}]
    return {
        "id": event_id,
        "action": "push",
        "repository": "team/app",
        "tag": "v1",
        "acceptedAt": "2026-11-22T10:20:30.0000000Z",
        "matches": matches,
        "misses": misses,
    }


ANSWER = {"matching": 1, "value": [tried("a", matches=True), tried("b", matches=False)]}


@pytest.mark.parametrize(
    ("options", "body"),
    [
        ((), {"scope": "", "last": 20}),
        (("--scope", "team/app:*"), {"scope": "team/app:*", "last": 20}),
        (
            ("--scopes", "team/**", "!team/test/**"),
            {"scope": "", "last": 20, "scopes": ["team/**", "!team/test/**"]},
        ),
        (
            ("--actions", "push", "Delete", "--last", "5"),
            {"scope": "", "last": 5, "actions": ["push", "delete"]},
        ),
    ],
)
def test_what_is_asked_is_what_was_typed(
    api: FakeApi, portcall: Run, options: tuple[str, ...], body: object
) -> None:
    api.on("POST", PATH, ANSWER)
    ended = portcall(*THIS, *options)
    assert (ended.code, json.loads(ended.out)) == (0, ANSWER)
    assert [each.body for each in api.changes] == [body]


def test_people_get_a_table_and_the_sum(api: FakeApi, portcall: Run) -> None:
    api.on("POST", PATH, ANSWER)
    ended = portcall(*THIS, "-o", "table")
    header, _, first, second = ended.out.splitlines()
    assert header.split() == ["MATCHES", "ACTION", "IMAGE", "ACCEPTED", "ID", "WHY", "NOT"]
    assert first.split() == ["yes", "push", "team/app:v1", "2026-11-22T10:20:30Z", "a"]
    assert second.split()[0] == "no"
    assert second.endswith("the scope 'a:*' does not")
    assert ended.err == "1 of the last 2 events match.\n"


def test_the_table_names_the_patterns_that_decide(api: FakeApi, portcall: Run) -> None:
    judged = [
        {"pattern": "team/*", "effect": "includes", "reason": "team/app:v1 matches"},
        {"pattern": "!x/*", "effect": "none", "reason": "the repository does not match"},
        {"pattern": "!**:v1", "effect": "excludes", "reason": "team/app:v1 matches"},
    ]
    answer = {"matching": 0, "value": [{**tried("a", matches=False), "patterns": judged}]}
    api.on("POST", PATH, answer)
    ended = portcall(*THIS, "--scopes", "team/*", "!x/*", "!**:v1", "-o", "table")
    header, _, line = ended.out.splitlines()
    assert header.split()[-4:] == ["ID", "BY", "WHY", "NOT"]
    assert "team/* !**:v1  the scope" in line


def test_a_delete_shows_the_tags_that_it_would_name(api: FakeApi, portcall: Run) -> None:
    gone = {**tried("a", matches=True), "action": "delete", "tag": "", "tags": ["v1", "latest"]}
    api.on("POST", PATH, {"matching": 1, "value": [gone]})
    ended = portcall(*THIS, "--filters", "tagsOnDelete", "-o", "table")
    assert "  team/app with v1, latest  " in ended.out


def test_deleted_tags_that_were_ignored_are_counted(api: FakeApi, portcall: Run) -> None:
    gone = {"action": "untag", "isIgnored": True}
    ignored = [{**tried(name, matches=name != "c"), **gone} for name in "abc"]
    api.on("POST", PATH, {"matching": 3, "value": [*ignored, tried("d", matches=True)]})
    ended = portcall(*THIS, "--actions", "untag", "-o", "table")
    first, second = ended.err.splitlines()
    assert first == "3 of the last 4 events match."
    assert second == "Deleted tags among them that no webhook asked for, so far: 2."


def test_a_registry_without_events_says_so(api: FakeApi, portcall: Run) -> None:
    api.on("POST", PATH, {"matching": 0, "value": []})
    ended = portcall(*THIS, "-o", "table")
    assert (ended.code, ended.out, ended.err) == (0, "", "The registry has no events yet.\n")


def test_a_bad_scope_is_told_in_the_servers_words(api: FakeApi, portcall: Run) -> None:
    api.on("POST", PATH, arm_error("InvalidRequestContent", "scope: 'X' is not"), status=400)
    ended = portcall(*THIS, "--scope", "X")
    assert ended.code == 1
    assert "scope: 'X' is not" in ended.err


@pytest.mark.parametrize("options", [("--last", "0"), ("--last", "501"), ("--actions", "pull")])
def test_wrong_usage_asks_nothing(api: FakeApi, portcall: Run, options: tuple[str, ...]) -> None:
    assert portcall(*THIS, *options).code == 2
    assert api.changes == []
