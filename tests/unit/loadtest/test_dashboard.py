"""The dashboard's parts: where it listens, what it shows, and readers that nobody waits for."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from portcall.loadtest.dashboard.address import Address
from portcall.loadtest.dashboard.board import MAX_READERS, Board, Full
from portcall.loadtest.dashboard.history import KEPT_S, History
from portcall.loadtest.dashboard.state import Phase, SnapshotSource, Watched, standing
from portcall.loadtest.judge.thresholds import parse_threshold
from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.measure.metrics import SCHEDULED, metrics_of
from portcall.loadtest.plan import NotSent
from portcall.loadtest.run import RunEnd
from portcall.loadtest.schedule.dial import Dial
from portcall.schemas.errors import InvalidValueError
from tests.unit.loadtest.runs import WELL, measured_of, outcome, planned, result_of, steady


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("", "127.0.0.1", 5665),
        (":0", "127.0.0.1", 0),
        ("8080", "127.0.0.1", 8080),
        ("0.0.0.0:81", "0.0.0.0", 81),  # noqa: S104 (it is what is parsed)
        ("[::1]:81", "::1", 81),
        ("localhost", "localhost", 5665),
        ("[::1]", "::1", 5665),
    ],
)
def test_an_address_may_leave_out_either_part(text: str, host: str, port: int) -> None:
    assert Address.parse(text) == Address(host, port)


@pytest.mark.parametrize("text", ["::1:80", "host:port", "127.0.0.1:70000", "a b:1", "http://x:1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="--dashboard"):
        Address.parse(text)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("box", False)],  # noqa: S104 (the same)
)
def test_an_address_of_the_loopback_is_known_as_one(host: str, loopback: bool) -> None:  # noqa: FBT001 (a table)
    assert Address(host, 1).loopback is loopback


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("127.0.0.1:5665", True),
        ("localhost:8000", True),
        ("[::1]:5665", True),
        ("box.example:5665", True),
        ("evil.example:5665", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
        ("a:b:c", False),
        ("[::1", False),
    ],
)
def test_a_name_of_strangers_that_leads_here_is_not_admitted(asked: str, meant: bool) -> None:  # noqa: FBT001 (a table)
    assert Address("box.example", 5665).admits(asked) is meant


@pytest.mark.parametrize(
    ("place", "words"),
    [(Address("::1", 81), "[::1]:81"), (Address("127.0.0.1", 0), "127.0.0.1:0")],
)
def test_an_address_is_said_as_one_writes_it(place: Address, words: str) -> None:
    assert place.words == words
    assert Address.parse(place.words) == place


def test_what_is_under_way_was_sent_though_nobody_knows_its_end() -> None:
    history, measured = History(), measured_of(steady(100))
    for number in range(50):
        measured.sent(planned(1 + number / 50))
    measured.left_out(NotSent(planned(1.5), "too many"))
    history.look(measured, 2.0)
    assert [(each.planned, each.sent, each.not_sent) for each in history.since(0)] == [
        (100, 100, 0),
        (51, 50, 1),
    ]


def test_a_second_is_worked_out_anew_only_where_something_changed() -> None:
    history, measured = History(), measured_of(steady(300), slice_s=0.1)
    history.look(measured, 3.2)
    assert [(point.second, point.planned, point.answered) for point in history.since(0)] == [
        (0, 100, 99),  # the last answer of a second comes in the next
        (1, 100, 100),
        (2, 100, 100),
    ]
    version = history.version
    late = planned(0.5)
    measured.sent(late)
    measured.done(outcome(late, service_s=1.0, status=503))
    history.look(measured, 3.4)
    changed = history.since(version)
    assert [point.second for point in changed] == [0, 1]
    assert changed[0].planned == 101
    assert changed[0].latency[0] == pytest.approx(10.0, abs=0.1)
    assert changed[1].failed == 1
    assert changed[1].statuses == {"200": 100, "503": 1}


def test_old_seconds_are_forgotten() -> None:
    history, measured = History(), Measurements()
    for elapsed_s in (100.0, 200.0, 700.0, 701.0):
        history.look(measured, elapsed_s)
    kept = [point.second for point in history.since(0)]
    assert kept[0] == 701 - KEPT_S
    assert kept[-1] == 700


def test_a_run_that_is_shown_at_its_end_only_is_shown_whole() -> None:
    history = History()
    history.look(measured_of(steady(30_000)), 300.0)
    assert len(history.since(0)) == 300


def test_thresholds_stand_as_they_are_and_what_only_the_end_knows_is_open() -> None:
    bounds = ["p(99)<500", "rate<0.01", "http_req_duration{status:200}: max<1", "dropped==0"]
    bounds += ["processed_twice==0", "late_sends<5"]
    asked = [parse_threshold(text) for text in bounds]
    now = SnapshotSource(measured_of(steady(), [planned(1.0)]), 1.0, WELL)
    assert [(each.ok, each.value) for each in standing(asked, now)] == [
        (True, "10.0 ms"),
        (True, "0"),
        (False, "10.0 ms"),
        (False, "1"),
        (None, ""),
        (True, "0"),
    ]
    assert {each.ok for each in standing(asked, SnapshotSource(Measurements(), 0.1, WELL))} == {
        None
    }


def test_a_metric_alone_is_what_it_is_among_all() -> None:
    measured = measured_of([*steady(), outcome(planned(1.5), status=500)])
    every = metrics_of(measured, 2.0)
    assert len(every) == 24
    assert all(metrics_of(measured, 2.0, names={name}) == {name: every[name]} for name in every)


def watched(dial: Dial | None = None) -> Watched:
    return Watched("1", "http://127.0.0.1/", "100/s for 8 s", 8.0, 800, (), dial)


async def told(events: AsyncGenerator[bytes]) -> tuple[str, dict[str, Any]]:
    async with asyncio.timeout(5):
        lines = (await anext(events)).decode().splitlines()
    assert lines[2:] == [""]
    return lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))


async def test_a_reader_that_was_away_finds_everything_that_changed_meanwhile() -> None:
    board, measured = Board(), measured_of(steady(300))
    board.begin(watched())
    slow = board.read()
    assert (await told(slow))[1]["points"] == []
    for elapsed_s in (1.0, 1.5, 2.0, 3.0):
        board.tick(measured, elapsed_s, lambda: WELL)
    name, state = await told(slow)
    assert name == "state"
    assert [point["second"] for point in state["points"]] == [0, 1, 2]
    assert (state["sent"], state["elapsed_s"]) == (300, 3.0)
    board.end(result_of(measured))
    name, state = await told(slow)
    assert (name, state["phase"], state["exit_code"], state["words"]) == (
        "end",
        "over",
        0,
        "passed",
    )
    with pytest.raises(StopAsyncIteration):
        await anext(slow)
    await board.all_read(0)


async def test_a_snapshot_is_worked_out_only_when_somebody_takes_it() -> None:
    board, asked = Board(), []

    def health() -> Any:  # noqa: ANN401 (a health)
        asked.append(1)
        return WELL

    board.begin(watched())
    board.tick(Measurements(), 1.0, health)
    assert not asked
    reader = board.read()
    await told(reader)
    asked.clear()
    for elapsed_s in (1.5, 2.0, 2.5, 3.0):
        board.tick(Measurements(), elapsed_s, health)
    assert not asked
    await told(reader)
    assert len(asked) == 1
    await reader.aclose()


async def test_a_reader_that_comes_between_two_snapshots_sees_where_the_run_stands() -> None:
    board = Board()
    board.begin(watched())
    board.tick(measured_of(steady(300)), 3.0, lambda: WELL)
    _, state = await told(board.read())
    assert (state["sent"], state["elapsed_s"], len(state["points"])) == (300, 3.0, 3)
    assert state["generator"]["lag_p99_ms"] == 0.5


async def test_a_reader_that_comes_while_the_consumer_is_asked_sees_what_was_sent() -> None:
    board, result = Board(), result_of(measured_of(steady(250)))
    board.begin(watched())
    board.rest(RunEnd(result.measured, 2.5, WELL), Phase.CHECKING)
    _, state = await told(board.read())
    assert (state["phase"], state["sent"], len(state["points"])) == ("checking", 250, 3)
    assert state["elapsed_s"] == 8.0  # what was planned has passed


async def test_the_end_has_the_figures_of_the_report() -> None:
    slow = [outcome(planned(0.1 + number / 100), service_s=2.0) for number in range(20)]
    result = result_of(measured_of([*steady(800), *slow]))
    board = Board()
    board.begin(watched())
    board.end(result)
    _, state = await told(board.read())
    values = result.metrics[SCHEDULED].values
    assert state["latency"]["planned"] == [
        values["med"], values["p(95)"], values["p(99)"], values["max"]
    ]  # fmt: skip
    assert state["latency"]["planned"][3] == pytest.approx(2000, rel=0.01)
    assert (state["plan"], state["words"]) == (result.about.plan, "passed")


async def test_a_run_without_a_result_ends_with_its_reason() -> None:
    board = Board()
    board.begin(watched())
    board.tick(measured_of(steady(300)), 3.0, lambda: WELL)
    board.break_off("the broker is gone")
    name, state = await told(board.read())
    assert (name, state["phase"], state["exit_code"]) == ("end", "over", None)
    assert (state["words"], state["sent"]) == ("the broker is gone", 300)


async def test_readers_are_bounded_and_one_that_left_makes_room() -> None:
    board = Board()
    readers = [board.read() for _ in range(MAX_READERS)]
    for reader in readers:
        await told(reader)
    with pytest.raises(Full):
        await anext(board.read())
    await readers[0].aclose()
    assert (await told(board.read()))[0] == "state"


async def test_the_next_run_begins_anew_for_those_who_look() -> None:
    board = Board()
    board.begin(watched())
    reader = board.read()
    await told(reader)
    board.tick(measured_of(steady(300)), 3.0, lambda: WELL)
    assert len((await told(reader))[1]["points"]) == 3
    board.begin(Watched("2", "", "50/s", 1.0, 50, ()))
    _, state = await told(reader)
    assert (state["number"], state["points"], state["sent"]) == ("2", [], 0)
    board.tick(measured_of(steady(100)), 1.0, lambda: WELL)
    assert [point["second"] for point in (await told(reader))[1]["points"]] == [0]


def test_the_rate_is_turned_while_requests_are_sent_and_no_longer() -> None:
    board, dial = Board(), Dial()
    board.begin(watched(dial))
    board.tick(Measurements(), 2.5, lambda: WELL)
    assert board.turn("+") == pytest.approx(1.1)
    assert board.turn(3.0) == 3.0
    assert board.turn("0") == 1.0
    times = [at_s for at_s, _ in dial.turns]
    assert 2.5 < times[0] <= times[1] <= times[2]  # when it was, not when the last tick was
    board.rest(RunEnd(Measurements(), 3.0, WELL), Phase.CHECKING)
    with pytest.raises(LookupError):
        board.turn("+")
    board.begin(watched())
    with pytest.raises(LookupError):
        board.turn("+")
