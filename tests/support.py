"""A line of JSON about a run of the tests: on which versions it ran, and how it ended.

``PORTCALL_TEST_RUNS`` names the file, ``PORTCALL_TEST_RUN`` one of `SUITES`; ``scripts/ground`` and
``make containers`` set both. A line replaces the earlier one of the same suite and versions, so the
file has the newest run of each. ``scripts/support_page.py`` makes ``docs/support.md`` of it.
"""

import fcntl
import json
import os
import platform
import re
import sqlite3
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from portcall.cli.up.broker import server_script
from portcall.cli.up.node_version import installed_version
from tests.nginx import nginx_program
from tests.postgres import postgres_programs

SUITES: Mapping[str, tuple[str, ...]] = {
    "unit": ("sqlite", "python"),
    "store": ("postgresql", "python"),
    "recorder": ("rabbitmq", "postgresql", "python"),
    "integration": ("rabbitmq", "postgresql", "python"),
    "e2e": ("rabbitmq", "sqlite", "python"),
    "faults": ("rabbitmq", "postgresql", "sqlite", "python"),
    "http2": ("nginx", "python"),
    "containers": ("engine", "python"),
}
"""The suites that are noted, and the programs whose versions their lines have, beside Debian's."""

ENGINE = pytest.StashKey[str]()
"""Where the tests of containers put the engine, for example ``docker 28.5.2``."""

Line = dict[str, object]


def note_run(session: pytest.Session) -> None:
    """Write the line of a run that has ended, where one is asked for.

    Args:
        session: The run; one that was interrupted is not noted.
    """
    path, suite = os.environ.get("PORTCALL_TEST_RUNS"), os.environ.get("PORTCALL_TEST_RUN", "")
    ended = {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}
    if not path or hasattr(session.config, "workerinput") or session.exitstatus not in ended:
        return
    engine = session.config.stash.get(ENGINE, "")
    if "engine" in SUITES[suite] and not engine:
        return  # there was none, so nothing ran
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    assert reporter is not None
    counts = {kind: len(reports) for kind, reports in reporter.stats.items()}
    write(Path(path), line(suite, counts, engine))


def line(suite: str, counts: Mapping[str, int], engine: str = "") -> Line:
    """What is noted of a run.

    Args:
        suite: One of `SUITES`.
        counts: Tests by pytest's word for their end.
        engine: That of the containers.
    """
    versions: dict[str, Callable[[], str | None]] = {
        "rabbitmq": _rabbitmq,
        "postgresql": _postgresql,
        "sqlite": lambda: sqlite3.sqlite_version,
        "python": platform.python_version,
        "nginx": _nginx,
        "engine": lambda: engine,
    }
    return {
        "suite": suite,
        "debian": _debian(),
        **{part: versions[part]() for part in SUITES[suite]},
        "on": datetime.now(UTC).date().isoformat(),
        "passed": counts.get("passed", 0),
        "failed": counts.get("failed", 0) + counts.get("error", 0),
        "skipped": counts.get("skipped", 0),
    }


def write(path: Path, new: Line) -> None:
    """Put a line into the file, in place of the one of the same suite and versions."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        lines = [json.loads(each) for each in file]
        kept = [each for each in lines if _stands_on(each) != _stands_on(new)]
        file.truncate(0)
        file.writelines(sorted(f"{json.dumps(each)}\n" for each in [*kept, new]))


def _stands_on(each: Line) -> Line:
    ends = {"on", "passed", "failed", "skipped"}
    return {name: value for name, value in each.items() if name not in ends}


def _rabbitmq() -> str:
    return str(installed_version(server_script()))


def _postgresql() -> str | None:
    programs = postgres_programs()
    if programs is None:
        return None
    return _said([programs / "postgres", "--version"])


def _nginx() -> str | None:
    program = nginx_program()
    return None if program is None else _said([program, "-v"])


def _said(command: list[str | Path]) -> str | None:
    """The first version in what a program says."""
    done = subprocess.run(  # noqa: S603 (programs that the tests use)
        command, capture_output=True, text=True, check=True
    )
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    return None if found is None else found[0]


def _debian() -> str | None:
    release = platform.freedesktop_os_release()
    if release.get("ID") != "debian":
        return None
    return release.get("VERSION_ID", "testing")  # which has none
