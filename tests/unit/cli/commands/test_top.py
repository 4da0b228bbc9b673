import io
import json
from typing import Any

import pytest
from rich.console import Console

from portcall.cli.commands import top
from portcall.cli.commands import top_page as toppage
from portcall.cli.errors import NotRunningError
from tests.unit.cli.conftest import Run
from tests.unit.cli.fakes import FakeApi, arm_error


def sums(attempts: int, failed: int = 0) -> dict[str, Any]:
    rate = (attempts - failed) / attempts if attempts else None
    return {
        "events": 3,
        "attempts": attempts,
        "succeeded": attempts - failed,
        "failed": failed,
        "givenUp": 1,
        "cancelled": 0,
        "successRate": rate,
        "p50Ms": 20.4 if attempts else None,
        "p95Ms": 95.5 if attempts else None,
        "p99Ms": 99.5 if attempts else None,
    }


def webhook(name: str, attempts: int, failed: int = 0) -> dict[str, Any]:
    last = {"startedAt": "2026-11-22T10:20:30.0000000Z", "status": 503, "outcome": "retried"}
    return {
        "id": "42",
        "name": name,
        "status": "enabled",
        "scope": "",
        "total": sums(attempts, failed),
        "attempts": [0, 1, attempts],
        "last": last if attempts else None,
    }


def overview(**more: object) -> dict[str, Any]:
    return {
        "time": "2026-11-22T10:20:30.0000000Z",
        "now": {
            "rates": {
                "eventsPerSecond": 10.0,
                "attemptsPerSecond": 21.25,
                "successRate": 0.925,
                "p50Ms": 20.4,
                "p95Ms": None,
                "p99Ms": None,
            },
            "queues": {"eventsIn": 1, "deliver": 2, "retry": 3, "dead": 4, "unrouted": 0},
            "rungs": [{"delay": "2s", "frames": 5}, {"delay": "10s", "frames": 6}],
            "sick": [
                {
                    "registry": "myregistry",
                    "name": "sick1",
                    "until": "2026-11-22T10:21:00.0000000Z",
                }
            ],
            "lag": {"frames": 7, "seconds": 2.0},
        },
        "traffic": {"total": sums(40), "buckets": [{"attempts": 0}, {"attempts": 40}]},
        **more,
    }


WEBHOOKS = [webhook("quiet1", 0), webhook("fine1", 50), webhook("sick1", 10, 10)]


def printed(document: dict[str, Any]) -> str:
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(toppage.page(document, "1h"))
    return capture.get()


def test_machines_get_one_snapshot(api: FakeApi, portcall: Run) -> None:
    api.on("GET", top.PATH, overview())
    ended = portcall("top", "-o", "json")
    assert (ended.code, json.loads(ended.out)) == (0, overview())
    assert [each.query for each in api.asked] == [{"span": "1h"}]


def test_no_terminal_gets_one_table(api: FakeApi, portcall: Run) -> None:
    api.on("GET", top.PATH, overview())
    ended = portcall("top")
    header, _, line = ended.out.splitlines()
    assert header.split()[:3] == ["EVENTS/S", "ATTEMPTS/S", "SUCCESS"]
    assert line.split("  ")[:1] == ["10.0"]
    assert " ".join(line.split()) == "10.0 21.2 92.5% 20 ms - - 6 11 1 4 7 frames, 2 s"


def test_of_a_registry_the_webhooks_are_told_the_worst_first(api: FakeApi, portcall: Run) -> None:
    api.on("GET", top.PATH, overview(registry="MyRegistry", webhooks=WEBHOOKS))
    ended = portcall("top", "-r", "myregistry.azurecr.io", "--span", "24h")
    names = [line.split()[0] for line in ended.out.splitlines()[2:]]
    assert names == ["sick1", "fine1", "quiet1"]
    assert api.asked[-1].query == {"span": "24h", "registry": "myregistry"}


def test_the_page_has_everything() -> None:
    told = printed(overview(registry="MyRegistry", webhooks=WEBHOOKS))
    for expected in (
        "MyRegistry",
        "92.5%",
        "WAITING  2s  10s",
        "myregistry/sick1: breaker open until 2026-11-22T10:21:00Z",
        "Last 1h: 3 events, 40 attempts, 100.0% successful, 1 given up",
        "TREND",
        "never",
    ):
        assert expected in told


@pytest.mark.parametrize(
    ("scope", "scopes", "told"),
    [
        ("", None, "(all)"),
        ("team/app:*", None, "team/app:*"),
        ("", ["team/*", "!team/test"], "team/* !team/test"),
        ("team/app:*", ["**:v*"], "team/app:* **:v*"),
    ],
)
def test_the_scope_of_a_webhook_has_its_patterns(
    scope: str, scopes: list[str] | None, told: str
) -> None:
    shown = webhook("any01", 1) | {"scope": scope} | ({"scopes": scopes} if scopes else {})
    assert toppage.webhook_row(shown)["SCOPE"] == told


def test_a_broker_that_is_away_is_said() -> None:
    document = overview()
    document["now"]["problem"] = "not connected"
    assert "The broker does not answer: not connected" in printed(document)


def test_an_empty_answer_has_a_page() -> None:
    assert "portcall top" in printed({})


@pytest.mark.parametrize(
    ("counts", "bars"),
    [
        ([], ""),
        ([0, 0], ""),
        ([1], "█"),
        ([0, 1, 8, 4], " ▁█▄"),
        ([0] * 50 + [1, 1000], " " * 38 + "▁█"),
    ],
)
def test_counts_are_drawn_as_bars(counts: list[int], bars: str) -> None:
    assert toppage.spark(counts) == bars


def test_it_watches_over_a_server_that_is_away_for_a_while() -> None:
    answers: list[Exception | dict[str, Any]] = [
        overview(registry="Later"),
        NotRunningError("nobody answers"),
    ]
    pauses = iter([None, None, KeyboardInterrupt()])
    screen = io.StringIO()

    def ask() -> dict[str, Any]:
        answer = answers.pop()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def pause(_seconds: float) -> None:
        if ending := next(pauses):
            raise ending

    console = Console(file=screen, force_terminal=True, width=120, height=40, color_system=None)
    with pytest.raises(KeyboardInterrupt):
        top.watch(ask, overview(registry="First"), console, "1h", pause=pause)
    told = screen.getvalue()
    assert told.index("First") < told.index("nobody answers") < told.index("Later")


def test_a_server_that_refuses_ends_it(api: FakeApi, portcall: Run) -> None:
    api.on("GET", top.PATH, arm_error("InvalidParameter", "span: must be from"), status=400)
    ended = portcall("top", "--span", "1s")
    assert ended.code == 1
    assert "span: must be from" in ended.err
