"""Ports that are chosen: nobody else is given them before somebody listens there."""

import subprocess
import sys

import pytest

from portcall.cli import ports
from portcall.cli.ports import free_ports, release, reserve

NARROW = 20_200
"""Of so few ports, two choices without knowledge of each other would have some in common."""
CHOICE = 60
CHOOSE = f"""
import sys
from portcall.cli import ports
ports._first_outgoing_port = lambda: {NARROW}
print(*ports.free_ports({CHOICE}), flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_first_outgoing_port", lambda: NARROW)


def test_no_port_is_given_twice() -> None:
    first, second = free_ports(CHOICE), free_ports(CHOICE)
    assert len({*first, *second}) == 2 * CHOICE
    release_all(*first, *second)


def test_no_port_is_given_that_another_process_was_given() -> None:
    with subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-P", "-c", CHOOSE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        theirs = {int(port) for port in other.stdout.readline().split()}
        ours = free_ports(CHOICE)
        assert len(theirs) == CHOICE
        assert not theirs & {*ours}
        assert not any(reserve(port) for port in theirs)
        other.communicate()
    assert all(reserve(port) for port in theirs), "a reservation ends with its process"
    release_all(*ours, *theirs)


def test_a_reserved_port_is_its_owners() -> None:
    (port,) = free_ports(1, owner="the node")
    assert reserve(port, owner="the node")
    assert not reserve(port, owner="another")
    assert not reserve(port)
    release(port)


def test_only_the_last_reservations_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_KEPT", 3)
    monkeypatch.setattr(ports, "_reserved", {})
    found = free_ports(5)
    assert [*ports._reserved] == found[-3:]
    release_all(*found[-3:])


def release_all(*found: int) -> None:
    for port in found:
        release(port)
