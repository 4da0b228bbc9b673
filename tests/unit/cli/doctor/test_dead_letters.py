"""The doctor on dead letters: those that were delivered since are of no use, and are purged."""

import pytest

from portcall.cli.dead_letters.removal import PATH
from portcall.cli.doctor.dead_letters import MOST_READ, dead_letters, judge
from portcall.cli.doctor.findings import Verdict
from tests.unit.cli.fakes import FakeApi


@pytest.mark.parametrize(
    ("compared", "verdict", "parts"),
    [
        pytest.param((4, 0, 0), Verdict.OK, ("4 letters, none delivered since",), id="none"),
        pytest.param(
            (4, 3, 1),
            Verdict.WRONG,
            ("4 of 4 deliveries", "purge --all --delivered` removes only these"),
            id="all",
        ),
        pytest.param(
            (5, 2, 0),
            Verdict.WRONG,
            ("2 of 5 deliveries", "for the other 3: `portcall dead-letters list`"),
            id="some",
        ),
        pytest.param(None, Verdict.OK, ("4 letters",), id="an older management does not compare"),
    ],
)
def test_what_was_delivered_since_is_purged_by_a_command(
    compared: tuple[int, int, int] | None, verdict: Verdict, parts: tuple[str, ...]
) -> None:
    names = ("deliveries", "delivered", "underWay")
    told = {"compared": dict(zip(names, compared, strict=True))} if compared else {}
    finding = judge({"waiting": 4, **told})
    assert finding.verdict is verdict
    for part in parts:
        assert part in f"{finding.found} do: {finding.advice}"


def test_management_is_asked_which_reads_the_queue(api: FakeApi) -> None:
    compared = {"deliveries": 1, "delivered": 1, "underWay": 0}
    api.on("GET", PATH, {"waiting": 1, "compared": compared})
    assert dead_letters(1).verdict is Verdict.WRONG
    assert api.asked[-1].query["compare"] == "true"


@pytest.mark.parametrize(
    ("count", "verdict"),
    [(None, Verdict.UNKNOWN), (0, Verdict.OK), (MOST_READ + 1, Verdict.UNKNOWN)],
)
def test_nothing_is_read_where_there_is_nothing_or_too_much(
    count: int | None, verdict: Verdict, api: FakeApi
) -> None:
    assert dead_letters(count).verdict is verdict
    assert api.asked == []


def test_a_management_that_is_away_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORTCALL_HOME", "/nowhere")
    finding = dead_letters(2)
    assert (finding.verdict, finding.check) == (Verdict.UNKNOWN, "dead letters")
