"""One engine, one image and one stack for all tests here; what they found goes into a file."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.containers.stack import ROOT, Engine, NoEngineError, Stack

RESULTS = ROOT / "build" / "support"
"""Its files say what was tested on which engine: the support matrix is made of them."""
VERSIONS = pytest.StashKey[dict[str, str]]()
HERE = "tests/containers/"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write which engine this was, and how many tests passed."""
    versions = session.config.stash.get(VERSIONS, None)
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not versions or reporter is None:
        return
    counts = Counter(
        outcome
        for outcome in ("passed", "failed", "error", "skipped")
        for report in reporter.stats.get(outcome, [])
        if report.nodeid.startswith(HERE)
    )
    (engine, version), *others = versions.items()
    RESULTS.mkdir(parents=True, exist_ok=True)
    result = {
        "component": engine,
        "version": version,
        "with": dict(others),
        "date": datetime.now(UTC).date().isoformat(),
        "suite": " ".join(session.config.invocation_params.args) or HERE,
        "passed": counts["passed"],
        "failed": counts["failed"] + counts["error"],
        "skipped": counts["skipped"],
    }
    file = RESULTS / f"{engine.lower().replace(' ', '-')}-{version}.json"
    file.write_text(json.dumps(result, indent=2) + "\n")


@pytest.fixture(scope="session")
def engine(pytestconfig: pytest.Config) -> Iterator[Engine]:
    try:
        engine = Engine.started()
    except NoEngineError as error:
        if os.environ.get("PORTCALL_CONTAINERS") == "optional":
            pytest.skip(f"NOT TESTED: {error}")
        raise
    try:
        pytestconfig.stash[VERSIONS] = engine.versions()
        engine.build("test")
        yield engine
    finally:
        engine.stop()


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
