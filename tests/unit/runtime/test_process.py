"""Supervised tasks and exit codes; the servers and the signals are tested in processes."""

import asyncio
import platform
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from portcall.runtime.errors import ListenError, SettingsError
from portcall.runtime.http.health import problems_of
from portcall.runtime.process import MAX_ARENAS, Process, launch, tell_unknown
from portcall.runtime.settings import Settings


def make(run_file: Path | None = None) -> Process:
    environ = {
        "PORTCALL_AMQP_URL": "amqp://nowhere/",
        "PORTCALL_DATABASE_URL": "sqlite:///none.db",
        "PORTCALL_TOKEN": "0123456789abcdef",
        "PORTCALL_RUN_FILE": str(run_file or ""),
    }
    return Process("test", Settings.from_environment(environ))


async def forever() -> None:
    await asyncio.Event().wait()


async def returning() -> None:
    return


async def failing() -> None:
    raise ValueError("a bug")


async def cancelled() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize(
    ("work", "error"),
    [
        pytest.param(returning, None, id="returns"),
        pytest.param(failing, "a bug", id="raises"),
        pytest.param(cancelled, None, id="CancelledError, though nobody cancelled"),
    ],
)
async def test_a_supervised_task_that_ends_stops_the_process_as_failed(
    work: Callable[[], Coroutine[object, object, None]], error: str | None
) -> None:
    process = make()
    with capture_logs() as said:
        process.supervise(work(), "worker")
        async with asyncio.timeout(5):
            await process.until_stopped()
    assert process.failed
    (line,) = [line for line in said if line["event"] == "task.ended"]
    assert line["task"] == "worker"
    assert (str(line["exc_info"]) if error else line["exc_info"]) == error
    await process.close()


async def test_a_process_that_was_asked_to_stop_has_not_failed_and_its_tasks_end() -> None:
    process = make()
    task = process.supervise(forever(), "worker")
    process.stop()
    await process.until_stopped()
    with capture_logs() as said:
        await process.close()
    assert task.cancelled() and not process.failed
    assert [line["event"] for line in said] == ["process.stopped"]


async def test_a_task_that_fails_after_the_stop_is_told_of_and_fails_nothing() -> None:
    async def fail_when_cancelled() -> None:
        try:
            await forever()
        except asyncio.CancelledError:
            raise ValueError("a bug") from None

    process = make()
    process.supervise(fail_when_cancelled(), "worker")
    await asyncio.sleep(0)
    process.stop()
    with capture_logs() as said:
        await process.close()
    assert not process.failed
    assert "task.ended" in [line["event"] for line in said]


async def test_the_second_failure_changes_nothing() -> None:
    process = make()
    process.supervise(failing(), "first")
    process.supervise(failing(), "second")
    await process.until_stopped()
    await process.close()
    assert process.failed


async def test_until_everything_is_set_up_it_is_not_ready() -> None:
    process = make()
    process.check("broker", lambda: "away")
    assert problems_of(process.checks) == {"start": "it is still starting", "broker": "away"}
    process.stop()
    await process.until_stopped()
    assert problems_of(process.checks) == {"broker": "away"}


async def test_close_without_tasks_and_servers_just_ends(tmp_path: Path) -> None:
    await make(tmp_path / "run.json").close()


def test_a_mistyped_variable_is_told_once_by_the_process_that_was_started() -> None:
    with capture_logs() as logs:
        tell_unknown({"PORTCALL_SHARD": "3", "PORTCALL_SHARDS": "3"})
        tell_unknown({"PORTCALL_SHARD": "3", "PORTCALL_CHILD_OF": "/a"})
    assert [(each["event"], each["name"], each["did_you_mean"]) for each in logs] == [
        ("setting.unknown", "PORTCALL_SHARD", "PORTCALL_SHARDS")
    ]


def leave(main: object) -> object:
    async def run() -> None:
        if isinstance(main, BaseException):
            raise main

    with pytest.raises(SystemExit) as left:
        launch(run)
    return left.value.code


def test_a_process_that_ends_well_leaves_with_0() -> None:
    assert leave(None) == 0


def test_bad_settings_leave_with_2_and_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert leave(SettingsError("A: must be set\nB: must be set")) == 2
    assert capsys.readouterr().err == "A: must be set\nB: must be set\n"


def test_an_address_that_is_taken_leaves_with_1_and_a_line() -> None:
    assert leave(ListenError("health: cannot listen")) == "health: cannot listen"


def test_a_failed_process_leaves_with_1() -> None:
    assert leave(SystemExit(1)) == 1


def test_a_bug_is_not_hidden() -> None:
    async def run() -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        launch(run)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")
def test_threads_share_two_heaps() -> None:
    script = (
        "import ctypes, threading\n"
        "from portcall.runtime.process import share_heaps\n"
        "assert share_heaps()\n"
        "wait = threading.Barrier(9)\n"
        "def hold(): kept = [bytearray(4000) for _ in range(100)]; wait.wait(); wait.wait()\n"
        "threads = [threading.Thread(target=hold) for _ in range(8)]\n"
        "[each.start() for each in threads]\n"
        "wait.wait()\n"
        "ctypes.CDLL(None).malloc_stats()\n"
        "wait.wait()\n"
    )
    told = subprocess.run(  # noqa: S603 (our own words)
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stderr
    assert told.count("Arena ") == MAX_ARENAS
