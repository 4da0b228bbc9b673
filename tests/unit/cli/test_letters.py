"""`portcall dead-letters`."""

import io
import json
from pathlib import Path

import pytest

from cli.letters import AT_ONCE, PATH
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
    assert "Throw away 2 letters?" in ended.err
    assert len(api.changes) == (1 if code == 0 else 0)


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
