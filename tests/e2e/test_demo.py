"""`make demo`: it shows what it promises, and leaves nothing behind however it ends."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from portcall.cli import children
from portcall.cli.demo.sample_registry import have_registry
from portcall.cli.demo.story import POSTS
from portcall.schemas.sources import DEFAULT_PROOFS, SourceKind
from tests.conftest import unavailable
from tests.folders import short_folder

LIMIT_S = 115.0


@pytest.fixture
def folder(rabbitmq_installed: None) -> Iterator[Path]:
    """Where the demo makes its temporary folder; short, and empty again at the end."""
    with short_folder() as made:
        yield made
        assert list(made.iterdir()) == [], "the demo left files behind"


def launch(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-P", "-m", "portcall.cli.demo.command", *arguments],
        env={**os.environ, "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def processes_of(folder: Path) -> list[int]:
    """What runs on files in *folder*, whoever started it."""
    found = []
    for link in Path("/proc").glob("[0-9]*"):
        try:
            environment = (link / "environ").read_bytes()
        except OSError:
            continue
        if f"{children.MARK}={folder}".encode() in environment:
            found.append(int(link.name))
    return found


@pytest.mark.parametrize("kind", ["real", "recorded"])
def test_the_demo_shows_the_posts_and_the_events(kind: str, folder: Path) -> None:
    if kind == "real" and not have_registry():
        unavailable("docker-registry and skopeo are not installed")
    demo = launch(folder, *(["--recorded"] if kind == "recorded" else []))
    try:
        told, _ = demo.communicate(timeout=LIMIT_S)
    finally:
        demo.kill()
    assert demo.returncode == 0, told
    assert f"The consumer got {POSTS} POSTs" in told
    assert len(re.findall(r"POST /pushhook ", told)) == 3
    assert len(re.findall(r"POST /deletehook ", told)) == 1
    assert len(re.findall(r"webhook-id: msg_[0-9a-f]{32}", told)) == POSTS
    for image in ("team/app:v1", "team/app:v2" if kind == "real" else "team/app:latest"):
        assert re.search(rf"push +{re.escape(image)} +200 OK", told)
    assert re.search(r"delete +team/app +200 OK", told)
    assert re.search(r"ping +200 OK", told)
    assert ("NO REAL REGISTRY" in told) == (kind == "recorded")
    assert processes_of(folder) == []


def test_one_event_of_every_kind_comes_through(folder: Path) -> None:
    demo = subprocess.run(
        [sys.executable, "-P", "-m", "portcall.cli.main", "demo", "--sources", "-o", "json"],
        env={**os.environ, "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert demo.returncode == 0, demo.stderr
    assert f"All {len(SourceKind)} kinds came through" in demo.stderr
    found = json.loads(demo.stdout)
    assert {each["kind"]: each["proof"] for each in found} == DEFAULT_PROOFS
    for each in found:
        assert each["problem"] is None
        assert each["post"]["action"] == "push"
        assert each["post"]["target"]["tag"]
    assert processes_of(folder) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_demo_that_is_stopped_cleans_up(number: signal.Signals, folder: Path) -> None:
    demo = launch(folder)
    try:
        end = time.monotonic() + 30
        while len(processes_of(folder)) < 3:
            assert time.monotonic() < end and demo.poll() is None
            time.sleep(0.05)
        demo.send_signal(number)
        told, _ = demo.communicate(timeout=30)
    finally:
        demo.kill()
    assert demo.returncode == 130, told
    assert "The demo was stopped" in told
    assert "Traceback" not in told
    assert processes_of(folder) == []


def test_a_demo_that_fails_says_why_and_cleans_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = folder / "bin"
    broken.mkdir()
    for program in ("setpriv", "sh", "env"):
        (broken / program).symlink_to(f"/usr/bin/{program}")
    monkeypatch.setenv("PATH", str(broken))
    demo = launch(folder)
    told, _ = demo.communicate(timeout=60)
    shutil.rmtree(broken)
    assert demo.returncode == 1, told
    assert "The demo failed: `portcall up` does not become ready" in told
    assert "epmd" in told
    assert processes_of(folder) == []
