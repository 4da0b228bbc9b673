"""A running `portcall up` for the whole run, a client of it, and a consumer."""

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from portcall.cli.errors import NodeError
from portcall.cli.up.broker import server_script
from tests.conftest import unavailable
from tests.installation import Client, Installation
from tests.sink import Sink, serve_sink


@pytest.fixture(scope="session")
def rabbitmq_installed() -> None:
    """Leave the test where RabbitMQ is missing."""
    try:
        server_script()
    except NodeError as error:
        unavailable(str(error))


@pytest.fixture(scope="session")
def pipeline(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq_installed: None
) -> Iterator[Installation]:
    """`portcall up`, shared by all tests: each makes registries and webhooks of its own."""
    installation = Installation(
        tmp_path_factory.mktemp("pipeline") / "home", {"PORTCALL_PROBE_AFTER": "2s"}
    )
    installation.start()
    yield installation
    installation.clean_up()
    assert installation.left_over() == []


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


@pytest.fixture
async def client(pipeline: Installation, http: aiohttp.ClientSession) -> Client:
    """Asks `pipeline`."""
    return Client(pipeline, http)


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    """A consumer of this test's own."""
    async with serve_sink() as serving:
        yield serving
