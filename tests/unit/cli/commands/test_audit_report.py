"""What `portcall audit` makes of looks: documents in, a judgement and an exit code out."""

import json
from typing import Any

import pytest

from portcall.cli.commands import audit
from portcall.cli.commands.audit_report import AuditWatch, judged, line_of
from portcall.cli.errors import NotRunningError
from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import REG, FakeApi, arm_error

NOW_MS = 1_772_619_630_000
EVERYWHERE = dict.fromkeys(
    ("notRouted", "notAttempted", "notRetried", "neverAccepted", "neverRouted"), 0
)
SUSPECT = {
    "doubt": "notRetried",
    "registry": "myregistry",
    "eventId": "e-1",
    "acceptedAt": "2026-03-04T10:20:30.1230000Z",
    "webhookId": 42,
    "deliveryId": "msg_1",
    "lastAttemptAt": "2026-03-04T10:20:31.0000000Z",
    "dead": None,
}


def look(
    *,
    queued: dict[str, int] | None = None,
    suspects: list[dict[str, Any]] | None = None,
    **account: Any,  # noqa: ANN401 (whatever is in an account)
) -> dict[str, Any]:
    counts = dict.fromkeys(
        ("events", "accepted", "delivered", "givenUp", "cancelled", "refused", "noMatch"), 0
    )
    whole = {"registry": "myregistry", **counts, "open": {}, "unmoved": {}, **account}
    return {
        "time": NOW_MS,
        "since": "2026-03-01T00:00:00.0000000Z",
        "registries": [whole] if account else [],
        "queued": EVERYWHERE | (queued or {}),
        "dead": 0,
        "suspects": suspects or [],
    }


FINE = look(
    events=4,
    accepted=11,
    delivered=5,
    givenUp=1,
    cancelled=1,
    refused=2,
    noMatch=1,
    open={"notRetried": 1},
)
STUCK = look(
    events=1, accepted=3, delivered=1, open={"notRetried": 2}, unmoved={"notRetried": 2},
    suspects=[SUSPECT],
)  # fmt: skip
BUSY = STUCK | {"queued": EVERYWHERE | {"notRetried": 7}}
MOVED = look(events=1, accepted=3, delivered=3)
STRAY = look(
    events=1, accepted=1, delivered=1, unmoved={"neverRouted": 1},
    suspects=[SUSPECT | {"doubt": "neverRouted"}],
)  # fmt: skip


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that passes by being waited for."""
    now = [0.0]
    watched = audit.watched

    def pause(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(
        audit, "watched", lambda *a, **k: watched(*a, **k, clock=lambda: now[0], pause=pause)
    )


def audited(api: FakeApi, portcall: Run, *looks: object, arguments: tuple[str, ...] = ()) -> Any:  # noqa: ANN401 (what a run ended with)
    for each in looks:
        api.on("GET", "/portcall/audit", each)
    return portcall("audit", *arguments)


@pytest.mark.parametrize(
    ("looks", "expected", "asked"),
    [
        pytest.param([FINE], (0, 1, 0, 0), 1, id="pending, and moving"),
        pytest.param([STUCK], (1, 0, 2, 0), 61, id="nowhere for as long as the patience lasts"),
        pytest.param([STUCK, STUCK, MOVED], (0, 0, 0, 0), 3, id="it moves after all"),
        pytest.param([BUSY], (0, 2, 0, 0), 1, id="there may be some in the queues"),
        pytest.param([STUCK, BUSY], (0, 2, 0, 0), 2, id="it comes back to a queue"),
        pytest.param([STRAY], (1, 0, 0, 1), 61, id="records that should not be"),
    ],
)
def test_the_verdict(
    api: FakeApi,
    portcall: Run,
    looks: list[object],
    expected: tuple[int, int, int, int],
    asked: int,
) -> None:
    """Exit code, pending, missing, unexpected; and how often it was asked."""
    ended = audited(api, portcall, *looks)
    (account,) = json.loads(ended.out)["registries"]
    counts = (account["pending"], account["missing"], account["unexpected"])
    assert (ended.code, *counts) == expected, ended.err
    assert len(api.asked) == asked
    assert ("It adds up" in ended.err) is (ended.code == 0)


def test_the_sum_is_that_of_the_columns(api: FakeApi, portcall: Run) -> None:
    ended = audited(api, portcall, FINE, arguments=("-o", "table"))
    heading, _, row = ended.out.splitlines()
    assert heading.split("  ")[0] == "REGISTRY"
    assert row.split() == ["myregistry", "4", "11", "5", "1", "2", "2", "0", "1", "0", "0"]


def test_a_sum_that_is_wrong_is_wrong_whatever_moves(api: FakeApi, portcall: Run) -> None:
    ended = audited(api, portcall, look(events=1, accepted=5, delivered=3))
    assert ended.code == 1
    assert json.loads(ended.out)["registries"][0]["missing"] == 2


def test_what_is_missing_is_named_with_what_to_do(api: FakeApi, portcall: Run) -> None:
    ended = audited(api, portcall, STUCK)
    assert (
        "myregistry: msg_1 (event e-1, webhook 42): no further attempt is recorded; accepted"
        " 2026-03-04T10:20:30.1230000Z, last attempt 2026-03-04T10:20:31.0000000Z" in ended.err
    )
    assert "... and 1 more." in ended.err
    assert "portcall doctor" in ended.err


def test_a_dead_letter_says_why() -> None:
    dead = SUSPECT | {"dead": "it was\x1b[2J delivered too often", "deliveryId": None}
    line = line_of(dead)
    assert line.endswith("it is on portcall.dead: it was\ufffd[2J delivered too often")
    assert line.startswith("myregistry: event e-1: ")


def test_the_time_before_which_nothing_counts_stays_while_it_watches(
    api: FakeApi, portcall: Run
) -> None:
    audited(api, portcall, STUCK, arguments=("--patience", "5s", "-r", "MyRegistry"))
    times = [int(each.query["unmovedBefore"]) for each in api.asked]
    assert set(times[1:]) == {NOW_MS - 5_000}
    assert {each.query["registry"] for each in api.asked} == {"MyRegistry"}
    assert len(times) == 6


def test_it_waits_until_nothing_is_pending(api: FakeApi, portcall: Run) -> None:
    ended = audited(api, portcall, FINE, FINE, MOVED, arguments=("--wait", "30s"))
    assert (ended.code, len(api.asked)) == (0, 3)


def test_it_does_not_wait_for_ever(api: FakeApi, portcall: Run) -> None:
    ended = audited(api, portcall, FINE, arguments=("--wait", "30s"))
    assert (ended.code, len(api.asked)) == (0, 31)


def test_nothing_is_not_wrong(api: FakeApi, portcall: Run) -> None:
    ended = audited(api, portcall, look())
    assert (ended.code, json.loads(ended.out)["registries"]) == (0, [])
    assert "Nothing was accepted since" in ended.err


@pytest.mark.parametrize("status", [401, 500, 503])
def test_what_could_not_be_asked_says_nothing(status: int, api: FakeApi, portcall: Run) -> None:
    api.on("GET", "/portcall/audit", arm_error("RecorderBehind", "It is behind."), status)
    ended = portcall("audit")
    assert (ended.code, ended.out) == (2, "")


def test_a_server_that_is_not_there_says_nothing(api: FakeApi, portcall: Run) -> None:
    api.errors["GET", "/portcall/audit"] = NotRunningError("nobody answers")
    assert portcall("audit").code == 2


@pytest.mark.parametrize("option", ["--wait", "--patience"])
def test_a_duration_must_be_one(option: str, api: FakeApi, portcall: Run) -> None:
    ended = portcall("audit", option, "soon")
    assert (ended.code, api.asked) == (2, [])
    assert option in ended.err


def test_a_queue_that_was_busy_once_is_no_proof() -> None:
    watch = AuditWatch(STUCK)
    for each in (STUCK, BUSY, STUCK):
        watch.see(each)
    assert not watch.suspected
    assert judged(watch, is_over=True)["addsUp"]


def test_a_registry_that_is_not_there_does_not_add_up(api: FakeApi, portcall: Run) -> None:
    ended = audited(api, portcall, look(), arguments=("-r", "mistyped"))
    assert ended.code == 3
    assert "the registry 'mistyped' does not exist" in ended.err
    assert "adds up" not in ended.err


def test_of_a_registry_without_events_nothing_is_missing(api: FakeApi, portcall: Run) -> None:
    ended = audited(api, portcall, look(), arguments=("-r", "myregistry"))
    assert (ended.code, json.loads(ended.out)["addsUp"]) == (0, True)


def test_whether_a_registry_is_there_may_stay_unknown(api: FakeApi, portcall: Run) -> None:
    api.errors["GET", REG] = NotRunningError("nobody answers")
    ended = audited(api, portcall, look(), arguments=("-r", "myregistry"))
    assert (ended.code, "nobody answers" in ended.err) == (2, True)
