"""Log lines: their form, and what is never in them."""

import asyncio
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
import structlog

from portcall.runtime import logs

Capture = pytest.CaptureFixture[str]
Configure = Callable[[str, str], None]
STYLES = pytest.mark.parametrize("style", ["json", "console"])


@pytest.fixture
def configure() -> Iterator[Callable[[str, str], None]]:
    """`logs.configure` as in a process, where the root logger is not pytest's."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def configure(level: str, style: str) -> None:
        root.handlers.clear()
        logs.configure(role="router", level=level, style=style)

    yield configure
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(capture: Capture) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capture.readouterr().err.splitlines()]


def fail_with_a_secret_at_hand() -> None:
    password = "hunter2"  # noqa: S105 (what must not be printed)
    raise ValueError("it went wrong" if password else "")


def test_a_line_is_an_object_with_the_role_the_level_and_the_facts(
    capsys: Capture, configure: Configure
) -> None:
    configure("info", "json")
    logs.get_logger().bind(link="feed").warning("broker.lost", attempt=3)
    (line,) = lines(capsys)
    timestamp = line.pop("timestamp")
    assert line == {
        "event": "broker.lost",
        "level": "warning",
        "role": "router",
        "link": "feed",
        "attempt": 3,
    }
    assert timestamp.endswith("Z")


def test_what_a_library_logs_has_the_same_form(capsys: Capture, configure: Configure) -> None:
    configure("info", "json")
    logging.getLogger("aiormq.connection").warning("Connection %r was blocked", "x")
    (line,) = lines(capsys)
    assert line["event"] == "Connection 'x' was blocked"
    assert (line["logger"], line["role"]) == ("aiormq.connection", "router")


@pytest.mark.parametrize(
    ("level", "ours", "theirs"),
    [
        pytest.param("debug", ["debug", "info", "warning", "error"], ["warning", "error"], id="debug"),
        pytest.param("info", ["info", "warning", "error"], ["warning", "error"], id="info"),
        pytest.param("error", ["error"], ["error"], id="error"),
    ],
)  # fmt: skip
def test_the_level_is_kept_and_libraries_never_log_below_warning(
    capsys: Capture, configure: Configure, level: str, ours: list[str], theirs: list[str]
) -> None:
    configure(level, "json")
    for name in ("debug", "info", "warning", "error"):
        getattr(logs.get_logger(), name)("ours")
        getattr(logging.getLogger("theirs"), name)("theirs")
    said = lines(capsys)
    assert [line["level"] for line in said if line["event"] == "ours"] == ours
    assert [line["level"] for line in said if line["event"] == "theirs"] == theirs


@STYLES
def test_a_traceback_has_no_values_of_local_variables(
    capsys: Capture, configure: Configure, style: str
) -> None:
    configure("info", style)
    try:
        fail_with_a_secret_at_hand()
    except ValueError:
        logs.get_logger().exception("message.failed")
        logging.getLogger("library").exception("failed too")
    said = capsys.readouterr().err
    assert said.count("it went wrong") >= 2 and "fail_with_a_secret_at_hand" in said
    assert "hunter2" not in said


@STYLES
async def test_an_error_that_nobody_looked_at_has_none_either(
    capsys: Capture, configure: Configure, style: str
) -> None:
    configure("info", style)
    error = None
    try:
        fail_with_a_secret_at_hand()
    except ValueError as caught:
        error = caught
    asyncio.get_running_loop().call_exception_handler({"message": "lost", "exception": error})
    said = capsys.readouterr().err
    assert "it went wrong" in said and "hunter2" not in said


def test_a_traceback_is_data_for_machines(capsys: Capture, configure: Configure) -> None:
    configure("info", "json")
    try:
        fail_with_a_secret_at_hand()
    except ValueError:
        logs.get_logger().exception("message.failed")
    (line,) = lines(capsys)
    (raised,) = line["exception"]
    assert (raised["exc_type"], raised["exc_value"]) == ("ValueError", "it went wrong")
    assert all(set(frame) == {"filename", "lineno", "name"} for frame in raised["frames"])


def test_people_get_lines_to_read(capsys: Capture, configure: Configure) -> None:
    configure("info", "console")
    logs.get_logger().info("events.routed", count=3)
    said = capsys.readouterr().err
    assert "events.routed" in said and "count=3" in said and "{" not in said


def test_where_nobody_watches_auto_is_json(capsys: Capture, configure: Configure) -> None:
    configure("info", "auto")
    logs.get_logger().info("events.routed")
    assert lines(capsys)[0]["event"] == "events.routed"


@STYLES
def test_what_a_stranger_said_does_nothing_to_a_terminal(
    capsys: Capture, configure: Configure, style: str
) -> None:
    configure("info", style)
    said = "a\x1b[2J\r\nrole=fake \u202ereversed \x9b"
    logs.get_logger().info("request.served", path=f"/{said}")
    logging.getLogger("library").warning("it said %s", said)
    printed = capsys.readouterr().err
    assert len(printed.splitlines()) == 2
    assert all(line.isprintable() for line in printed.splitlines())


def test_a_line_that_cannot_be_written_raises_nothing(
    monkeypatch: pytest.MonkeyPatch, configure: Configure
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", buffering=1, closefd=False) as broken:
        monkeypatch.setattr(sys, "stderr", broken)
        with pytest.raises(BrokenPipeError):
            broken.write("x\n")  # what the lines are kept from
        configure("info", "json")
        logs.get_logger().error("message.failed")
        logging.getLogger("aiormq").error("a library's")
        with suppress(OSError):
            broken.close()
    os.close(writer)


def test_a_full_pipe_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        assert logs.can_write()
        os.set_blocking(writer, False)
        with suppress(BlockingIOError):
            for _ in range(1000):
                os.write(writer, b"x" * 4096)
        assert not logs.can_write()
    os.close(reader)


def test_what_is_in_memory_can_be_written_and_a_closed_stream_cannot(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert logs.can_write()
    monkeypatch.setattr(sys, "stderr", None)
    assert not logs.can_write()
