"""The engines for the tests of containers, where a machine can have none: it is said, and why."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WHY = "No engine on this machine: starting one needs root."


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """That of a user who is not root."""
    stub = tmp_path / "id"
    stub.write_text("#!/bin/sh\necho 1000\n")
    stub.chmod(0o755)
    mine = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
    # Podman: the tests would take a Docker engine that this machine already has.
    return {**mine, "PATH": f"{tmp_path}:{os.environ['PATH']}", "PORTCALL_TEST_ENGINE": "podman"}


@pytest.mark.parametrize("script", ["docker-engine", "podman-engine"])
@pytest.mark.parametrize("what", ["start", "possible"])
def test_without_root_there_is_no_engine(script: str, what: str, environ: dict[str, str]) -> None:
    done = run([str(ROOT / "scripts" / script), what], environ)
    assert (done.returncode, done.stderr.strip()) == (3, WHY)


@pytest.mark.parametrize("script", ["docker-engine", "podman-engine"])
def test_a_wrong_command_shows_the_right_ones(script: str, environ: dict[str, str]) -> None:
    done = run([str(ROOT / "scripts" / script), "begin"], environ)
    assert done.returncode == 2
    assert f"scripts/{script} start" in done.stdout
    assert f"scripts/{script} stop" in done.stdout
    assert "Exit code 3: this machine can have no engine." in done.stdout


@pytest.mark.parametrize(("ground", "code"), [("optional", 0), ("", 3)])
def test_the_tests_say_that_nothing_was_tested(
    ground: str, code: int, environ: dict[str, str]
) -> None:
    command = [sys.executable, "-P", "-m", "pytest", "-p", "no:cacheprovider", "-m", "brief"]
    done = run([*command, "tests/containers"], {**environ, "PORTCALL_GROUND": ground})
    assert f"NOT TESTED, the containers: {WHY}" in done.stdout
    assert done.returncode == code, done.stdout
    assert "passed" not in done.stdout


def run(command: list[str], environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (scripts and tests of this repository)
        command, env=environ, cwd=ROOT, check=False, capture_output=True, text=True
    )
