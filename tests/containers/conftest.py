"""One engine, one image and one stack for all tests here."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from tests.containers.stack import CANNOT, ROOT, Engine, NoEngineError, Stack, alone, check_possible
from tests.support import ENGINE

NOT_TESTED = pytest.StashKey[str]()
"""Why there is no engine."""


@pytest.fixture(scope="session")
def engine(pytestconfig: pytest.Config) -> Iterator[Engine]:
    """The engine, with Portcall's image in it; it ends with the tests, also by SIGTERM."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        check_possible()
        with alone():
            yield from _running(pytestconfig)
    except NoEngineError as error:
        why = f"NOT TESTED, the containers: {error}"
        if os.environ.get("PORTCALL_GROUND") != "optional":
            pytest.exit(why, returncode=CANNOT)
        pytestconfig.stash[NOT_TESTED] = why
        pytest.skip(why)
    finally:
        signal.signal(signal.SIGTERM, before)


def _running(config: pytest.Config) -> Iterator[Engine]:
    engine = Engine.started()
    try:
        config.stash[ENGINE] = engine.name
        engine.build("test")
        yield engine
    finally:
        engine.stop()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say why nothing was tested, where that is no failure."""
    if reason := config.stash.get(NOT_TESTED, ""):
        terminalreporter.write_line(reason, yellow=True)


@pytest.fixture(scope="module")
def stack(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack with two routers and three deliverers, up and healthy."""
    folder = tmp_path_factory.mktemp("compose")
    stack = Stack(
        engine,
        folder,
        variables={
            "PORTCALL_VERSION": "test",
            "PORTCALL_ROUTERS": "2",
            "PORTCALL_DELIVERERS": "3",
            "PORTCALL_ALLOW_TARGETS": "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16",
            "PORTCALL_TLS_NAMES": "localhost,portcall.example",
            "PORTCALL_CERTIFICATES": str(folder / "certificates"),
            "PORTCALL_RETRY_SCHEDULE": "1s,2s,2s,5s,5s,10s,10s,10s,20s,20s,20s,20s,30s,30s,60s,60s",
        },
    )
    stack.make_secrets()
    stack.down(volumes=True)
    try:
        stack.up()
        yield stack
    finally:
        stack.engine.docker("rm", "--force", stack.consumer_name)
        stack.down(volumes=True)


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source of the last release."""
    commit = _last_release()
    if not commit:
        pytest.skip("this checkout has neither a tag of a release nor its history")
    folder = tmp_path_factory.mktemp("release")
    archive = _git("archive", commit)
    subprocess.run(["tar", "-x", "-C", folder], check=True, input=archive)  # noqa: S607
    return folder


def _last_release() -> str:
    """Its tag; without tags, the commit that gave the changelog its heading; else nothing."""
    if tag := _git("describe", "--tags", "--abbrev=0", "--match", "v*").decode().strip():
        return tag
    if _git("rev-parse", "--is-shallow-repository").strip() != b"false":
        return ""
    heading = re.search(r"^## \[\d[^\]]*\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heading is not None
    found = _git("log", "--format=%H", "-S", heading[0], "--", "CHANGELOG.md").decode().split()
    return found[-1]


def _git(*arguments: str) -> bytes:
    """What git prints; nothing where it fails."""
    done = subprocess.run(
        ["git", "-C", ROOT, *arguments],  # noqa: S607 (the developer's)
        check=False,
        capture_output=True,
    )
    return done.stdout
