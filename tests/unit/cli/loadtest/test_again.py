"""The commands that a report prints are those of the run, and have no secret."""

import inspect
import shlex
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from portcall.cli.loadtest.again import CONSUMER, EVENTS, again, probe
from portcall.cli.loadtest.command import app, loadtest

URI = "http://127.0.0.1:9000/hook"
NOT_REPEATED = {
    "ctx", "secret", "seed", "only", "conformance", "kill_cmd", "kill_at", "threshold",
    "abort_on_fail", "find_max", "pause", "max_in_flight", "max_lag", "output", "dashboard",
    "quiet",
}  # fmt: skip


def parsed(*words: str) -> tuple[list[Any], dict[str, Any]]:
    """The command's parameters, and their values for a command line."""
    command = typer.main.get_command(app)
    with command.make_context("loadtest", list(words), resilient_parsing=False) as ctx:
        return list(command.params), dict(ctx.params)


def printed(*words: str, typed_secret: bool = False) -> str:
    return again(*parsed(*words), seed=7, typed_secret=typed_secret)


@pytest.mark.parametrize(
    "words",
    [
        ["--uri", URI],
        ["--uri", URI, "--rate", "2.5", "--duration", "1m", "--fault", "all:2%"],
        ["--uri", URI, "--action", "push:9", "--action", "delete:1", "--no-keep-alive"],
        [
            "--uri",
            URI,
            "--shape",
            "ramp",
            "--peak",
            "50",
            "--retries",
            "1s,5s",
            "--no-retry-jitter",
        ],
        ["--uri", URI, "--processed", "psql -Atc 'select id from t'", "--http2"],
    ],
)
def test_the_command_makes_the_same_events(words: list[str]) -> None:
    command = shlex.split(printed(*words))
    assert command[:2] == ["portcall", "loadtest"]
    assert command[-2:] == ["--seed", "7"]
    _, values = parsed(*words)
    _, again_values = parsed(*command[2:])
    assert {**again_values, "seed": None} == values


def test_outputs_thresholds_and_a_crash_are_not_repeated() -> None:
    text = printed(
        "--uri", URI, "-o", "html=r.html", "-t", "p(99)<5", "--kill-cmd", "x", "--dashboard=", "-q"
    )
    assert text == f"portcall loadtest --uri {URI} --seed 7"


def test_no_secret_is_printed() -> None:
    text = printed(
        "--uri", "http://me:hush@host/", "--secret", "hush", "-H", "authorization=hush",
        "--processed", "http://me:hush@host/processed", typed_secret=True,
    )  # fmt: skip
    assert "hush" not in text
    assert text.startswith("PORTCALL_LOADTEST_SECRET='***' portcall loadtest --uri")
    assert "authorization=***" in text


def test_a_short_run_has_the_consumer_and_nothing_else() -> None:
    parameters, values = parsed("--uri", URI, "--rate", "500", "--fault", "all", "--size", "9")
    assert probe(parameters, values, typed_secret=False) == (
        f"portcall loadtest --uri {URI} --size 9 --rate 5 --duration 2s"
    )


def test_every_parameter_was_thought_of() -> None:
    assert {*EVENTS, *NOT_REPEATED} == set(inspect.signature(loadtest).parameters)
    assert set(CONSUMER) <= set(EVENTS)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--only", "a"], "--only needs --seed"),
        (["--only", "a", "--seed", "1", "--conformance"], "--conformance cannot be combined"),
        (["--only", "a", "--seed", "1"], "a is not a delivery of this run"),
        (["--find-max", "max<5", "--report-only"], "--report-only cannot be combined"),
        (["-t", "http_req_duration{fault:slow-upload}: max<5", "--fault", "slow-upload"],
         "the load test itself slows slow-upload"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(words: list[str], told: str) -> None:
    ended = CliRunner().invoke(app, ["--uri", URI, *words])
    assert told in str(ended.exception)
