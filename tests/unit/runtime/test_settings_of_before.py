"""What an older build read from the environment is read still, and means the same."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from portcall.cli.main import command
from tests import ROOT

RECORDED: dict[str, Any] = json.loads(
    (ROOT / "tests" / "fixtures" / "upgrade" / "settings.json").read_text()
)
COMPOSE = {"PORTCALL_PUBLISH_ADDRESS", "PORTCALL_VERSION"}
"""What compose.yaml alone reads."""
IN_FILES = {"PORTCALL_BROKER_PASSWORD", "PORTCALL_DATABASE_PASSWORD"}
"""What compose.yaml read, and scripts/compose-secrets puts into files now."""
OPTIONS = {"PORTCALL_LOADTEST_SECRET", "PORTCALL_SINK_SECRET"}
"""What options of the command line are taken from."""
NEW_DEFAULTS = {"PORTCALL_ROUTER_PREFETCH": "128"}
"""Defaults that were changed on purpose: docs/decisions/0048."""


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603 (our own program)
        [
            sys.executable,
            "-P",
            ROOT / "tests" / "settings_probe.py",
            json.dumps(RECORDED["samples"]),
        ],
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        check=True,
        capture_output=True,
    )
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def test_the_recording_has_every_variable_that_was_documented() -> None:
    assert set(RECORDED["documented"]) == set(RECORDED["roles"]) | COMPOSE | IN_FILES | OPTIONS
    assert len(RECORDED["roles"]) == 41


@pytest.mark.parametrize("variable", sorted(RECORDED["roles"]))
def test_a_variable_is_read_by_the_same_roles_and_means_the_same(
    now: dict[str, Any], variable: str
) -> None:
    before = RECORDED["roles"][variable]
    for role, meant in before.items():
        assert meant["sample"] != meant["default"]
        expected = meant | ({"default": NEW_DEFAULTS[variable]} if variable in NEW_DEFAULTS else {})
        assert now.get(variable, {}).get(role) == expected, role


def test_compose_reads_what_it_read() -> None:
    text = (ROOT / "compose.yaml").read_text()
    assert [name for name in COMPOSE if f"${{{name}" not in text] == []
    script = (ROOT / "scripts" / "compose-secrets").read_text()
    assert [name for name in IN_FILES if f"of_before {name}" not in script] == []


def test_options_are_taken_from_the_same_variables() -> None:
    assert sorted(OPTIONS - variables(command())) == []


def variables(program: Any) -> set[str]:  # noqa: ANN401 (typer's own types are private)
    """The variables of a command's options, and of those below it."""
    loaded = program.load() if hasattr(program, "load") else program
    found = {str(option.envvar) for option in loaded.params if getattr(option, "envvar", None)}
    for below in getattr(loaded, "commands", {}).values():
        found |= variables(below)
    return found
