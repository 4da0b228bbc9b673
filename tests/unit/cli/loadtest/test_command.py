"""The load test's command: what it shows meanwhile, what it prints, and what it keeps to itself."""

import io

import pytest
from rich.console import Console

from portcall.cli.loadtest import command
from portcall.cli.loadtest import view as loadview
from portcall.cli.loadtest.command_line import typed as shown
from portcall.cli.loadtest.summary import show_result
from portcall.cli.loadtest.view import View
from portcall.loadtest.judge.thresholds import parse_threshold
from portcall.loadtest.measure.sections import Finding, Section
from portcall.loadtest.schedule.pacing import RequestPace, work_out
from tests.unit.loadtest.runs import measured_of, planned, result_of, steady

PACED = work_out(RequestPace(100, 8))
MEASURED = measured_of(steady(), [planned(1.0)])


def test_the_live_view_has_planned_sent_not_sent_and_both_times() -> None:
    console = Console(file=io.StringIO(), width=100, record=True)
    console.print(loadview._screen(PACED, MEASURED, 1.0))
    shown = console.export_text()
    for words in ("101 of 800", "= sent", "100", "+ not sent", "from the planned time", "10.0 ms"):
        assert words in shown


def test_without_a_terminal_it_says_a_line_every_few_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("portcall.cli.loadtest.view.time.monotonic", lambda: now)
    with View(PACED, quiet=False) as view:
        view.tick(MEASURED, 1.0)
        now += loadview.LINE_EVERY_S
        view.tick(MEASURED, 5.0)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "100/s for 8 s: 800 requests"
    assert len(said) == 2
    assert "planned 101 = sent 100 + not sent 1" in said[1]


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with View(PACED, quiet=True) as view:
        view.tick(MEASURED, 1.0)
    assert capsys.readouterr().err == ""


def test_the_summary_begins_and_ends_with_the_verdict_and_the_equation(
    capsys: pytest.CaptureFixture[str],
) -> None:
    section = Section(
        "Right?", findings=(Finding("order", ok=None, detail="not asked"),), grade="B"
    )
    result = result_of(MEASURED, thresholds=[parse_threshold("max<5")], sections=[section])
    show_result(result, aside=False)
    said = capsys.readouterr().out.strip().splitlines()
    verdict = "failed: http_req_scheduled_duration: max<5"
    assert said[:2] == [verdict, "planned 101 = sent 100 + not sent 1"]
    assert said[-2:] == [verdict, "planned 101 = sent 100 + not sent 1; exit code 99"]
    assert "Right?  B" in said
    assert "? order: not asked" in said
    assert "✗ http_req_scheduled_duration: max<5: it was 10.0 ms" in said


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (
            ["loadtest", "--secret", "hush", "--rate", "5"],
            "portcall loadtest --secret *** --rate 5",
        ),
        (["loadtest", "--secret=hush"], "portcall loadtest '--secret=***'"),
        (["loadtest", "-H", "a=hush", "-t", "p(99)<5"], "portcall loadtest -H *** -t 'p(99)<5'"),
        (["loadtest", "-Ha=hush"], "portcall loadtest '-H***'"),
        (["--uri", "https://me:hush@host/a@b"], "portcall --uri 'https://***@host/a@b'"),
        (["--processed=http://me:hush@host/"], "portcall '--processed=http://***@host/'"),
    ],
)
def test_the_command_in_a_report_has_no_secrets(typed: list[str], kept: str) -> None:
    assert shown(typed) == kept


@pytest.mark.parametrize(
    ("duration_s", "slice_s"), [(1, 0.1), (8, 0.1), (20, 0.2), (50, 0.5), (60, 1), (86_400, 1)]
)
def test_short_runs_are_cut_finely(duration_s: float, slice_s: float) -> None:
    assert command._slice_s(duration_s) == slice_s
