"""The names of recorders, and what the kernel says of their processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from portcall.recorder.identity import in_words, is_dead, own_name

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks Linux's /proc")


def test_a_name_is_of_one_process_and_says_where_it_runs() -> None:
    assert own_name() != own_name()
    assert in_words(own_name()).startswith(f"process {os.getpid()} on ")


@pytest.mark.parametrize("odd", ["", "somebody", "a b c d e", "host 1 kernel 2"])
def test_a_name_that_is_none_of_ours_is_shown_as_it_is_and_not_called_dead(odd: str) -> None:
    assert in_words(odd) == odd
    assert not is_dead(odd)


@linux
def test_this_process_lives() -> None:
    assert not is_dead(own_name())


def _other(**changed: str) -> str:
    """This process's name with other parts."""
    names = ("host", "pid", "kernel", "began", "number")
    parts = dict(zip(names, own_name().split(), strict=True))
    return " ".join((parts | changed).values())


@linux
def test_a_process_whose_number_has_another_one_by_now_is_dead() -> None:
    assert is_dead(_other(began="1"))


@linux
def test_a_process_of_another_machine_or_container_may_live() -> None:
    assert not is_dead(_other(kernel="elsewhere/pid:[1]", pid="999999999"))
    assert not is_dead(_other(kernel="-", pid="999999999"))


@linux
def test_a_killed_process_is_dead_even_before_its_parent_asks() -> None:
    code = "from portcall.recorder.identity import own_name; print(own_name(), flush=True); input()"
    with subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        name = child.stdout.readline().strip()
        assert not is_dead(name)
        child.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert is_dead(name)
        child.wait()
        assert is_dead(name)


@linux
def test_without_proc_nothing_is_called_dead(tmp_path: Path) -> None:
    assert not is_dead(own_name(), tmp_path)
    assert not is_dead(own_name(tmp_path), tmp_path)
