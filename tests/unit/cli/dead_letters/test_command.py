"""`portcall dead-letters`."""

import io
import json
from pathlib import Path

import pytest

from portcall.cli.dead_letters.removal import AT_ONCE, PATH
from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import FakeApi

ID = "0123456789abcdef" * 2
LETTER = {
    "id": ID,
    "kind": "deliveries",
    "reason": "it timed out",
    "takenFrom": "",
    "exchange": "portcall.dead",
    "routingKey": "",
    "size": 700,
    "itemCount": 3,
    "items": [
        {
            "eventId": "e1", "registry": "myregistry", "action": "push", "repository": "team/app",
            "tag": "v1", "acceptedAt": "2026-03-04T10:20:30.0000000Z", "webhookId": "7",
            "webhook": "ci01hook", "webhookStatus": "enabled", "attempt": 4,
        }
    ],
}  # fmt: skip
UNREADABLE = {
    **LETTER, "id": "f" * 32, "kind": "unreadable", "reason": "", "exchange": "", "items": [],
    "itemCount": 0, "problem": "not a frame: \x1b[31mred",
}  # fmt: skip
COUNTS = {"letters": 2, "items": 3, "kinds": {}, "webhooks": [], "reasons": [{"reason": "it timed out", "letters": 2}]}  # fmt: skip
NO_COUNTS = {**COUNTS, "letters": 0, "items": 0, "reasons": []}
PAGE = {"queue": "dead", "waiting": 2, "complete": True, "counts": COUNTS, "value": [LETTER, UNREADABLE]}  # fmt: skip


def resent(removed: int, waiting: int, *, complete: bool = True, **left: int) -> dict[str, object]:
    return {
        "waiting": waiting, "removed": removed, "complete": complete, "sent": removed,
        "alreadyDelivered": 0, "alreadyPending": 0,
        "left": {"disabled": 0, "deleted": 0, "unreadable": 0} | left,
    }  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_list_shows_letters_and_why(api: FakeApi, portcall: Run) -> None:
    api.on("GET", PATH, PAGE)
    ended = portcall("dead-letters", "list", "-r", "myregistry", "-n", "ci01hook", "-o", "table")
    assert ended.code == 0
    for part in (ID, "team/app:v1 (+2)", "ci01hook", "it timed out", "not a frame"):
        assert part in ended.out
    assert "\x1b" not in ended.out
    assert "2 letters in portcall.dead." in ended.err
    assert api.asked[-1].query["registry"] == "myregistry"
    assert json.loads(portcall("dead-letters", "list", "-o", "json").out) == PAGE


def test_list_says_how_many_there_are_in_all(api: FakeApi, portcall: Run) -> None:
    api.on("GET", PATH, {**PAGE, "waiting": 56})
    ended = portcall("dead-letters", "list", "-r", "myregistry", "-o", "table")
    assert "2 letters of 56 in portcall.dead." in ended.err


def test_show_shows_everything(api: FakeApi, portcall: Run) -> None:
    whole = {
        **LETTER,
        "queue": "dead",
        "copies": 1,
        "headers": {"a": "b"},
        "text": "{}",
        "body": "",
    }
    api.on("GET", f"{PATH}/{ID}", whole)
    ended = portcall("dead-letters", "show", ID.upper(), "-o", "table")
    assert "push myregistry team/app v1 e1 for ci01hook (enabled), attempt 4" in ended.out
    assert json.loads(portcall("dead-letters", "show", ID, "-o", "json").out) == whole


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        pytest.param((ID,), {"ids": [ID]}, id="ids"),
        pytest.param(("--all",), {"all": True}, id="all"),
        pytest.param(("-r", "myregistry"), {"registry": "myregistry"}, id="a registry"),
        pytest.param(
            ("-r", "myregistry", "-n", "ci01hook", "--reason", "timed"),
            {"registry": "myregistry", "webhook": "ci01hook", "reason": "timed"},
            id="a filter",
        ),
    ],
)
@pytest.mark.parametrize("action", ["resend", "purge"])
def test_what_is_meant_is_asked_for(
    action: str,
    arguments: tuple[str, ...],
    body: dict[str, object],
    api: FakeApi,
    portcall: Run,
) -> None:
    api.on("POST", f"{PATH}/{action}", resent(1, 0))
    ended = portcall("dead-letters", action, *arguments, "--yes", "-q", "unrouted")
    assert ended.code == 0, ended.err
    assert api.changes[0].body == {"queue": "unrouted", **body, "limit": AT_ONCE}


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--all", ID),
        ("--all", "-r", "myregistry"),
        ("--reason", "x", ID),
        ("-n", "ci01hook"),
        ("-r", "myregistry", "-n", ""),
        ("-r", "", "--reason", "x"),
        ("-r", "myregistry", "--reason", " "),
        ("-r", "", "--all"),
        ("",),
        ("not/an/id",),
        ("--all", "--queue", "events"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("action", ["resend", "purge"])
def test_what_cannot_be_meant_is_wrong_usage(
    action: str, arguments: tuple[str, ...], api: FakeApi, portcall: Run
) -> None:
    ended = portcall("dead-letters", action, *arguments, "--yes")
    assert (ended.code, ended.out) == (2, "")
    assert api.changes == []


@pytest.mark.parametrize("action", ["resend", "purge"])
def test_without_a_terminal_it_must_be_said_with_yes(
    action: str, api: FakeApi, portcall: Run
) -> None:
    api.on("GET", PATH, PAGE)
    ended = portcall("dead-letters", action, "--all")
    assert ended.code == 2
    assert "--yes" in ended.err and "2 letters" in ended.err
    assert api.changes == []


@pytest.mark.parametrize(("typed", "code"), [("y", 0), ("n", 1), ("", 1)])
def test_on_a_terminal_it_is_asked_for_with_the_count(
    typed: str, code: int, api: FakeApi, portcall: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.on("GET", PATH, PAGE)
    api.on("POST", f"{PATH}/purge", resent(2, 0))
    monkeypatch.setattr("sys.stdin", Terminal(f"{typed}\n"))
    ended = portcall("dead-letters", "purge", "--all")
    assert ended.code == code
    assert "Purge 2 letters?" in ended.err
    assert len(api.changes) == (1 if code == 0 else 0)


@pytest.mark.parametrize("action", ["resend", "purge"])
@pytest.mark.parametrize("arguments", [("--all",), ("--reason", "timed")], ids=" ".join)
def test_where_there_is_none_nothing_is_asked_for(
    action: str, arguments: tuple[str, ...], api: FakeApi, portcall: Run
) -> None:
    api.on("GET", PATH, {**PAGE, "counts": NO_COUNTS, "value": []})
    ended = portcall("dead-letters", action, *arguments)
    assert (ended.code, ended.out) == (0, "")
    assert "There is none." in ended.err
    assert api.changes == []


@pytest.mark.parametrize(("typed", "code", "posts"), [("y", 0, 1), ("n", 1, 0)])
def test_none_of_those_that_were_looked_at_is_asked_about(
    *,
    typed: str,
    code: int,
    posts: int,
    api: FakeApi,
    portcall: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api.on("GET", PATH, {**PAGE, "counts": NO_COUNTS, "value": [], "complete": False})
    api.on("POST", f"{PATH}/purge", resent(2, 0))
    monkeypatch.setattr("sys.stdin", Terminal(f"{typed}\n"))
    ended = portcall("dead-letters", "purge", "--all")
    assert (ended.code, len(api.changes)) == (code, posts)
    assert "more letters than could be read" in ended.err and "not read?" in ended.err


@pytest.mark.parametrize("action", ["resend", "purge"])
@pytest.mark.parametrize(
    ("shown", "taken", "limits"),
    [
        pytest.param(3, [3], [3], id="few"),
        pytest.param(1_200, [500, 500, 200], [500, 500, 200], id="several requests"),
        pytest.param(1_200, [500, 100, 100], [500, 500], id="some stay"),
        pytest.param(1_000, [500, 0], [500, 500], id="none is left"),
    ],
)
def test_no_more_is_taken_than_was_shown(
    *,
    action: str,
    shown: int,
    taken: list[int],
    limits: list[int],
    api: FakeApi,
    portcall: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What arrives meanwhile is never meant: the queue has 700 more after each request."""
    api.on("GET", PATH, {**PAGE, "counts": {**COUNTS, "letters": shown}})
    for number in taken:
        api.on("POST", f"{PATH}/{action}", resent(number, 700, complete=number < 500))
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    ended = portcall("dead-letters", action, "--all", "-o", "json")
    assert ended.code == 0, ended.err
    assert [each.body["limit"] for each in api.changes] == limits
    assert json.loads(ended.out)["removed"] == sum(taken[: len(limits)])


@pytest.mark.parametrize("action", ["resend", "purge"])
def test_with_yes_what_waited_at_first_is_meant(action: str, api: FakeApi, portcall: Run) -> None:
    """Letters that fail at once come back: they are not sent again and again."""
    api.on("POST", f"{PATH}/{action}", resent(500, 700, complete=False))
    ended = portcall("dead-letters", action, "--all", "--yes")
    assert ended.code == 0, ended.err
    assert [each.body["limit"] for each in api.changes] == [500, 500, 200]


@pytest.mark.parametrize("action", ["resend", "purge"])
@pytest.mark.parametrize(
    ("answer", "ids", "code", "says"),
    [
        pytest.param(resent(0, 5), (ID,), 3, "1 of 1 letter not found", id="not there"),
        pytest.param(resent(1, 5), (ID, "a" * 32), 3, "1 of 2 letters", id="one of two"),
        pytest.param(resent(1, 5), (ID, ID), 0, "", id="named twice"),
        pytest.param(resent(4, 5), (ID,), 0, "", id="copies"),
        pytest.param(resent(0, 5, disabled=1), (ID,), 0, "", id="it stays"),
        pytest.param(resent(0, 5, complete=False), (ID,), 1, "run it again", id="cut short"),
        pytest.param(resent(0, 5, complete=False), ("--all",), 1, "run it again", id="all"),
    ],
)
def test_what_was_not_done_is_an_exit_code(
    *,
    action: str,
    answer: dict[str, object],
    ids: tuple[str, ...],
    code: int,
    says: str,
    api: FakeApi,
    portcall: Run,
) -> None:
    api.on("POST", f"{PATH}/{action}", answer)
    ended = portcall("dead-letters", action, *ids, "--yes")
    assert ended.code == code, ended.err
    assert says in ended.err
    assert ended.out


def test_the_question_says_that_copies_are_meant_too(api: FakeApi, portcall: Run) -> None:
    ended = portcall("dead-letters", "purge", ID)
    assert ended.code == 2
    assert "Purge 1 letter of portcall.dead, with all copies?" in ended.err
    assert api.changes == []


@pytest.mark.parametrize("bad", ["\x1b[31m", "\x9b31m", "\u202e", "\x07"], ids=repr)
def test_nothing_of_a_letter_steers_the_terminal(bad: str, api: FakeApi, portcall: Run) -> None:
    reasons = [{"reason": f"it{bad}", "letters": 2}]
    api.on("GET", PATH, {**PAGE, "counts": {**COUNTS, "reasons": reasons}})
    item = {**LETTER["items"][0], "repository": f"team{bad}", "tag": bad}  # type: ignore[index]
    whole = {
        **UNREADABLE, "problem": f"no{bad}", "items": [item], "headers": {bad: bad}, "text": bad,
    }  # fmt: skip
    api.on("GET", f"{PATH}/{ID}", whole)
    commands = ["list -o table", f"show {ID} -o table", "purge --all"]
    for command in commands:
        ended = portcall("dead-letters", *command.split())
        assert bad not in ended.out + ended.err


def test_what_stays_is_said_with_what_to_do(api: FakeApi, portcall: Run) -> None:
    api.on("POST", f"{PATH}/resend", resent(1, 6, disabled=3, deleted=2, unreadable=1))
    ended = portcall("dead-letters", "resend", "--all", "-y", "-o", "json")
    assert json.loads(ended.out)["left"] == {"disabled": 3, "deleted": 2, "unreadable": 1}
    for part in ("enable them first", "only be purged", "export"):
        assert part in ended.err


def test_export_saves_every_byte_a_line_each(api: FakeApi, portcall: Run, tmp_path: Path) -> None:
    api.on("GET", PATH, PAGE)
    ended = portcall("dead-letters", "export", "letters.jsonl")
    assert (ended.code, ended.err) == (0, "2 letters exported.\n")
    lines = (tmp_path / "letters.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [LETTER, UNREADABLE]
    assert api.asked[-1].query["$expand"] == "body"


@pytest.mark.parametrize(
    ("pages", "count", "says"),
    [
        pytest.param([{"complete": False}], 2, "not all letters could be read", id="late"),
        pytest.param([{"complete": False}, {}], 4, "not all letters", id="late at first"),
        pytest.param([{"counts": {**COUNTS, "letters": 5}}, {}], 4, "there were 5", id="some left"),
    ],
)
def test_an_export_that_may_lack_letters_fails(
    pages: list[dict[str, object]], count: int, says: str, api: FakeApi, portcall: Run
) -> None:
    for number, page in enumerate(pages, 1):
        link = {"nextLink": f"http://a{PATH}?api-version=2025-11-01"} if number < len(pages) else {}
        api.on("GET", PATH, PAGE | page | link)
    ended = portcall("dead-letters", "export", "letters.jsonl")
    assert ended.code == 1
    assert f"{count} letters exported." in ended.err
    assert says in ended.err and "export again" in ended.err


def test_list_says_how_many_were_delivered_since(api: FakeApi, portcall: Run) -> None:
    compared = {"deliveries": 3, "delivered": 1, "underWay": 1}
    api.on("GET", PATH, {**PAGE, "compared": compared})
    ended = portcall("dead-letters", "list", "-o", "table")
    assert api.asked[-1].query["compare"] == "true"
    assert "2 of 3 deliveries were delivered since, or are under way again" in ended.err
    assert "portcall dead-letters purge --all --delivered" in ended.err


def test_only_what_was_delivered_since_is_purged(api: FakeApi, portcall: Run) -> None:
    api.on("POST", f"{PATH}/purge", {"waiting": 4, "removed": 2, "complete": True})
    ended = portcall("dead-letters", "purge", "--all", "--delivered", "--yes", "-o", "json")
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["removed"] == 2
    assert [each.body for each in api.changes] == [
        {"queue": "dead", "all": True, "delivered": True, "limit": AT_ONCE}
    ]


def test_a_named_letter_that_was_not_delivered_since_is_not_missing(
    api: FakeApi, portcall: Run
) -> None:
    api.on("POST", f"{PATH}/purge", {"waiting": 1, "removed": 0, "complete": True})
    ended = portcall("dead-letters", "purge", ID, "--delivered", "--yes")
    assert ended.code == 0, ended.err
