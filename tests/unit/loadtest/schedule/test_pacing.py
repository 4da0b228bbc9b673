"""Schedules as they are asked for, and recordings as they are read."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from portcall.loadtest.schedule.pacing import RequestPace, ScheduleForm, parse_stages, work_out
from portcall.loadtest.schedule.trace import read_trace
from portcall.schemas.errors import InvalidValueError


@pytest.mark.parametrize(
    ("pace", "count", "words"),
    [
        (RequestPace(100, 8), 800, "100/s for 8 s"),
        (RequestPace(10, 10, ScheduleForm.RAMP), 300, "ramp from 10/s to 50/s for 10 s"),
        (RequestPace(10, 10, ScheduleForm.RAMP, peak=30), 200, "ramp from 10/s to 30/s for 10 s"),
        (RequestPace(10, 10, ScheduleForm.STEP, peak=20, steps=2), 150, "step from 10/s to 20/s for 10 s"),
        (RequestPace(10, 10, ScheduleForm.SPIKE, peak=60), 200, "spike from 10/s to 60/s for 10 s"),
        (RequestPace(10, 10, ScheduleForm.SINE, peak=30), 200, "sine from 10/s to 30/s for 10 s"),
        (RequestPace(10, 99, stages="2s:10,0s:20,1s:20"), 40, "from 10/s by stages 2s:10,0s:20,1s:20 for 3 s"),
    ],
)  # fmt: skip
def test_each_form(pace: RequestPace, count: int, words: str) -> None:
    paced = work_out(pace)
    assert (paced.count, paced.words) == (count, words)
    assert len(list(paced.times())) == count


def test_a_search_takes_the_same_plan_at_another_rate() -> None:
    paced = work_out(RequestPace(10, 4, stages="4s:20")).at_rate(100)
    assert (paced.count, paced.words) == (400, "100/s for 4 s")


def test_the_same_seed_makes_the_same_poisson_times() -> None:
    pace = RequestPace(100, 2, arrivals=RequestPace().arrivals.POISSON, seed=5)
    assert list(work_out(pace).times()) == list(work_out(pace).times())
    assert list(work_out(pace).times()) != list(work_out(replace(pace, seed=6)).times())


@pytest.mark.parametrize("text", ["", "10s", "x:5", "10s:x", "10s:5,", ":5"])
def test_stages_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InvalidValueError, match="--stages"):
        parse_stages(text)


def record(event: str, timestamp: str) -> dict[str, object]:
    return {"eventRequestMessage": {"content": {"id": event, "timestamp": timestamp}}}


@pytest.mark.parametrize(
    ("text", "times"),
    [
        pytest.param("5\n6.5\n5.5\n", [5, 5.5, 6.5], id="numbers, in whatever order"),
        pytest.param('{"at": 1}\n\n{"at": 3}', [1, 3], id="lines of JSON"),
        pytest.param(
            "2026-03-04T10:20:30Z\n2026-03-04T10:20:31.5Z",
            [1772619630, 1772619631.5],
            id="times",
        ),
        pytest.param(
            json.dumps([{"timestamp": "2026-03-04T10:20:30.123456Z"}]),
            [1772619630.123456],
            id="events",
        ),
        pytest.param(
            json.dumps(
                [
                    record("a", "2026-03-04T10:20:30Z"),
                    record("a", "2026-03-04T10:20:30Z"),
                    record("b", "2026-03-04T10:20:40Z"),
                ]
            ),
            [1772619630, 1772619640],
            id="list-events, each event once",
        ),
    ],
)
def test_a_recording_is_read(tmp_path: Path, text: str, times: list[float]) -> None:
    file = tmp_path / "trace"
    file.write_text(text)
    assert read_trace(file) == pytest.approx(times)


@pytest.mark.parametrize("text", ["", "[]", "{}", "[true]", "{", '"soon"', "[null]"])
def test_what_is_no_recording_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "trace"
    file.write_text(text)
    with pytest.raises(InvalidValueError, match="--trace"):
        read_trace(file)


def test_a_recording_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="No such file"):
        read_trace(tmp_path / "trace")


def test_a_recording_is_replayed_faster(tmp_path: Path) -> None:
    file = tmp_path / "trace"
    file.write_text("100\n101\n104\n")
    paced = work_out(RequestPace(trace=file, speed=2))
    assert list(paced.times()) == [0, 0.5, 2]
    assert (paced.count, paced.duration_s) == (3, 2)
    with pytest.raises(InvalidValueError, match="--speed"):
        work_out(RequestPace(trace=file, speed=0))
