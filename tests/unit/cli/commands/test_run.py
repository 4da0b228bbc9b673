import os
import sys

import pytest

from tests.unit.cli.conftest import Run


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """What the process replaced itself by."""
    calls: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(os, "execv", lambda path, arguments: calls.append((path, arguments)))
    return calls


@pytest.mark.parametrize("role", ["producer", "router", "deliverer", "recorder", "management"])
def test_a_role_takes_the_place_of_the_command(
    role: str, executed: list[tuple[str, list[str]]], portcall: Run
) -> None:
    portcall("run", role)
    assert executed == [(sys.executable, [sys.executable, "-P", "-m", f"portcall.{role}"])]


@pytest.mark.parametrize("role", ["", "rabbitmq", "cli", "../x"])
def test_nothing_else_is_run(
    role: str, executed: list[tuple[str, list[str]]], portcall: Run
) -> None:
    ended = portcall("run", role)
    assert (ended.code, executed) == (2, [])
