"""`portcall loadtest --final-answers` against a consumer in a process of its own that says no."""

import json
import signal
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.integration.loadtest.test_command import QUICK, loadtest
from tests.integration.loadtest.test_sink import command

RETRIES = ("--retries", ",".join(["1s"] * 10), "--compress", "20")
PLANNED = 25


class Ran(NamedTuple):
    """What a load test said, and what the consumer got.

    Attributes:
        code: Its exit code.
        said: What it printed.
        report: Its report as JSON.
        posts: How many POSTs of each delivery there were.
        refused: How many of all these were answered with the consumer's error.
    """

    code: int
    said: str
    report: Any
    posts: Counter[str]
    refused: int


async def run(folder: Path, status: int, *options: str, rate: float = 0.5) -> Ran:
    """Run a load test at a consumer that answers *status* to a part of all POSTs."""
    failing = ("--fail-rate", str(rate), "--fail-status", str(status))
    file = folder / "report.json"
    async with command(*failing) as (process, url):
        code, said, err = await loadtest(
            "--uri", f"{url}/hook", *QUICK, *RETRIES, *options, "-o", str(file)
        )
        process.send_signal(signal.SIGINT)
        out, _ = await process.communicate()
    assert file.exists(), err
    seen = [json.loads(line) for line in out.splitlines()]
    posts = Counter(each["delivery_id"] for each in seen)
    refused = sum(each["status"] == status for each in seen)
    return Ran(code, said + err, json.loads(file.read_text()), posts, refused)


def values(ran: Ran, metric: str) -> Any:  # noqa: ANN401 (whatever a metric has)
    return ran.report["metrics"][metric]["values"]


def row(ran: Ran, name: str) -> str | None:
    """A row of the report's first table; None: it has none of that name."""
    for section in ran.report["portcall"]["sections"]:
        for each in section["rows"]:
            if each[0] == name:
                return str(each[1])
    return None


async def test_without_the_setting_a_400_is_a_failure_that_is_tried_again(tmp_path: Path) -> None:
    ran = await run(tmp_path, 400)
    assert len(ran.posts) == PLANNED
    assert ran.posts.total() > PLANNED
    assert max(ran.posts.values()) > 1
    assert values(ran, "http_reqs")["count"] == ran.posts.total()
    assert values(ran, "http_req_failed")["passes"] == ran.refused > 0
    assert row(ran, "refused by a final answer") is None


@pytest.mark.parametrize("answers", ["receiver-refuses", "400,404"])
async def test_with_the_setting_it_is_an_end_and_the_report_says_so(
    tmp_path: Path, answers: str
) -> None:
    bounds = ("-t", "refused: count>0", "-t", "http_req_failed: rate==0")
    ran = await run(tmp_path, 400, "--final-answers", answers, *bounds)
    assert ran.code == 0, ran.said
    assert len(ran.posts) == ran.posts.total() == PLANNED
    assert 0 < ran.refused < PLANNED
    assert values(ran, "http_reqs")["count"] == PLANNED
    assert values(ran, "refused")["count"] == ran.refused
    assert values(ran, "http_req_failed")["passes"] == 0
    assert values(ran, "retry_amplification")["value"] == 1
    shown = row(ran, "refused by a final answer")
    assert shown is not None
    assert shown.startswith(f"{ran.refused} (")
    assert shown.endswith("not among the failed")


async def test_other_errors_are_tried_again_with_the_setting(tmp_path: Path) -> None:
    ran = await run(tmp_path, 503, "--final-answers", "receiver-refuses")
    assert ran.posts.total() > len(ran.posts) == PLANNED
    assert values(ran, "http_req_failed")["passes"] == ran.refused > 0
    assert row(ran, "refused by a final answer") is None


async def test_a_consumer_that_refuses_everything_has_not_passed(tmp_path: Path) -> None:
    ran = await run(tmp_path, 400, "--final-answers", "400", rate=1)
    assert ran.code == 95, ran.said
    assert ran.posts.total() == ran.refused == PLANNED
    assert f"{PLANNED} of {PLANNED}" in ran.said
