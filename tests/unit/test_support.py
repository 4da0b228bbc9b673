"""The page of what Portcall runs on, and the lines that the tests note for it."""

import json
import runpy
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from tests import support

ROOT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts/support_page.py"))
PARTS = {part.key: part for part in SCRIPT["PARTS"]}


def run(suite: str, on: str = "2026-11-29", failed: int = 0, **versions: str) -> dict[str, Any]:
    return {"suite": suite, **versions, "on": on, "passed": 9, "failed": failed, "skipped": 0}


def test_the_page_shows_the_runs_that_are_noted() -> None:
    assert SCRIPT["PAGE"].read_text() == SCRIPT["written"](), "run `make docs`"


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        pytest.param([], ("18", "not tested", ""), id="no run"),
        pytest.param(
            [run("store", postgresql="17.2")], ("18", "not tested", ""), id="of another series"
        ),
        pytest.param(
            [run("store", postgresql="18.6")], ("18.6", "works: store", "2026-11-29"), id="a part"
        ),
        pytest.param(
            [
                run("store", postgresql="18.6"),
                run("recorder", on="2026-11-27", postgresql="18.6"),
            ],
            ("18.6", "tested", "2026-11-27"),
            id="all, the older date",
        ),
        pytest.param(
            [
                run("store", postgresql="18.6"),
                run("recorder", postgresql="18.6", rabbitmq="3.10.8"),
                run("recorder", postgresql="18.6", rabbitmq="4.3.6", failed=1),
            ],
            ("18.6", "fails: recorder", "2026-11-29"),
            id="one combination fails",
        ),
        pytest.param(
            [run("integration", postgresql="18.6")],
            ("18", "not tested", ""),
            id="of no suite that tests it",
        ),
    ],
)
def test_a_version_is_tested_when_every_suite_passed(
    runs: list[dict[str, Any]], expected: tuple[str, str, str]
) -> None:
    part = PARTS["postgresql"]
    newest = next(each for each in part.versions if each.number == "18")
    assert SCRIPT["verdict"](part, newest, runs) == expected


def test_a_series_is_no_prefix_of_another() -> None:
    part = PARTS["rabbitmq"]
    version = next(each for each in part.versions if each.number == "4.3")
    runs = [run(suite, rabbitmq="4.31.0") for suite in part.suites]
    assert SCRIPT["verdict"](part, version, runs)[1] == "not tested"


def test_engines_without_a_run_are_named_too() -> None:
    page = SCRIPT["page"]([], [run("containers", engine="docker 28.5.2")])
    assert "| docker 28.5.2 | tested | 9 | 0 | 0 | 2026-11-29 |" in page
    assert "| podman | not tested |" in page
    assert "| docker | not tested |" not in page


def test_a_run_replaces_the_earlier_one_on_the_same_versions(tmp_path: Path) -> None:
    path = tmp_path / "support" / "runs.jsonl"
    for line in (
        run("store", on="2026-11-01", failed=3, postgresql="18.6"),
        run("store", on="2026-11-01", postgresql="17.2"),
        run("store", postgresql="18.6"),
    ):
        support.write(path, line)
    kept = [json.loads(each) for each in path.read_text().splitlines()]
    assert [(each["postgresql"], each["on"], each["failed"]) for each in kept] == [
        ("17.2", "2026-11-01", 0),
        ("18.6", "2026-11-29", 0),
    ]


def test_a_line_counts_errors_as_failures_and_names_the_engine() -> None:
    counts = {"passed": 2, "error": 1, "failed": 1, "": 7}
    line = support.line("containers", counts, "podman 5.8.6")
    assert (line["engine"], line["passed"], line["failed"], line["skipped"]) == (
        "podman 5.8.6", 2, 2, 0,
    )  # fmt: skip


@pytest.mark.parametrize("engine", ["", "docker 28.5.2"])
def test_containers_are_noted_with_their_engine_or_not_at_all(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "containers.jsonl"
    monkeypatch.setenv("PORTCALL_TEST_RUNS", str(path))
    monkeypatch.setenv("PORTCALL_TEST_RUN", "containers")
    session = Mock(exitstatus=pytest.ExitCode.OK, config=Mock(spec=("stash", "pluginmanager")))
    session.config.stash = {support.ENGINE: engine}
    session.config.pluginmanager.get_plugin.return_value.stats = {"passed": [1, 2]}
    support.note_run(session)
    noted = [json.loads(each) for each in path.read_text().splitlines()] if path.exists() else []
    assert [(each["engine"], each["passed"]) for each in noted] == ([(engine, 2)] if engine else [])
