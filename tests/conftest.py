"""What every test may ask for: a broker, a virtual host of its own, a database of its own.

One private node and one private cluster serve the whole run. Where RabbitMQ or PostgreSQL is not
installed, the tests that need it are skipped on a laptop and fail in CI.
"""

import asyncio
import gc
import itertools
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import hypothesis
import pytest
from pytest_socket import disable_socket, socket_allow_hosts

from portcall.cli.errors import NodeError
from portcall.cli.up.broker import PrivateBroker, server_script
from portcall.store.database.migrate import migrate
from tests.canary import Canary
from tests.postgres import PrivatePostgres, postgres_programs
from tests.rabbit import ErlangShell, use_other_rabbitmq
from tests.support import note_run

pytest.register_assert_rewrite("tests.unit.store.contract", "tests.unit.store.samples")
# Fewer examples than the default 100: they run at every change, and new ones each time.
hypothesis.settings.register_profile("portcall", max_examples=30, deadline=None)
hypothesis.settings.load_profile("portcall")
use_other_rabbitmq(os.environ)  # before anything looks for a broker
gc.disable()  # until everything is imported and collected
TESTS = Path(__file__).parent
LOOPBACK = ["127.0.0.1", "::1", "localhost"]
_numbers = itertools.count(1)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So a shell without a terminal starts what it runs in the background, and what tests start
    # would inherit that: Ctrl-C must end it all the same.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what was imported and collected."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's folder says what it needs."""
    for item in items:
        kind = _kind(item)
        if kind in {"integration", "e2e", "faults", "azure", "browser"}:
            item.add_marker(kind)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Unit tests get no network, the others only the loopback; lifted again by pytest-socket."""
    if _kind(item) == "unit":
        disable_socket(allow_unix_socket=True)
    else:
        socket_allow_hosts(LOOPBACK, allow_unix_socket=True)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Note the run for docs/support.md, where `scripts/ground` asks for it."""
    note_run(session)


def _kind(item: pytest.Item) -> str:
    return item.path.relative_to(TESTS).parts[0]


def unavailable(what: str) -> NoReturn:
    """Leave the test: skipped on a laptop, failed in CI, where everything must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def private_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateBroker]:
    """The node of this run. Do not stop it: tests that do that start one of their own."""
    try:
        server_script()
    except NodeError as error:
        unavailable(str(error))
    broker = PrivateBroker(tmp_path_factory.mktemp("rabbitmq"))
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(broker.start())
        try:
            yield broker
        finally:
            runner.run(broker.stop())


@pytest.fixture(scope="session")
def broker_url(private_broker: PrivateBroker) -> str:
    """The AMQP URL of this run's node, with its default virtual host, which all tests share."""
    return private_broker.url


@pytest.fixture(scope="session")
def erlang_shell(private_broker: PrivateBroker) -> Iterator[ErlangShell]:
    """Calls into the node of this run."""
    with ErlangShell(private_broker) as shell:
        yield shell


@pytest.fixture
def amqp_url(private_broker: PrivateBroker, erlang_shell: ErlangShell) -> Iterator[str]:
    """The AMQP URL of an empty virtual host that is this test's own."""
    name = f"test{next(_numbers)}"
    erlang_shell.add_vhost(name, private_broker.user)
    yield f"{private_broker.url}{name}"
    erlang_shell.delete_vhost(name)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database to copy: 50 ms once, not for each test."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_file: Path) -> str:
    """The URL of a migrated SQLite database that is this test's own."""
    path = tmp_path / "portcall.db"
    shutil.copyfile(migrated_file, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def private_postgres() -> Iterator[PrivatePostgres]:
    """The cluster of this run, with a migrated database ``migrated`` to copy."""
    programs = postgres_programs()
    if programs is None:
        unavailable("PostgreSQL is not installed (apt-get install postgresql)")
    cluster = PrivatePostgres(programs)
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        try:
            runner.run(cluster.start())
            migrate(cluster.create_database("migrated"))
            yield cluster
        finally:
            runner.run(cluster.stop())


@pytest.fixture
def postgres_url(private_postgres: PrivatePostgres) -> Iterator[str]:
    """The URL of a migrated PostgreSQL database that is this test's own."""
    name = f"test{next(_numbers)}"
    yield private_postgres.create_database(name, template="migrated")
    private_postgres.drop_database(name)


@pytest.fixture
def canary() -> Canary:
    """Marked secrets, and the search for them."""
    return Canary()
