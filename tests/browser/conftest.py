"""A running `portcall up`, a browser, and visitors of its console."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from tests.browser.chromium import missing, running_browser
from tests.browser.visiting import House
from tests.conftest import TESTS, unavailable
from tests.e2e.conftest import rabbitmq_installed
from tests.installation import Client, Installation, new_name
from tests.sink import Sink, serve_sink

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

__all__ = ["rabbitmq_installed"]

if find_spec("playwright") is None:  # the tests themselves cannot be imported then
    collect_ignore_glob = ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all: a browser belongs to the loop that started it."""
    for item in items:
        if item.path.is_relative_to(TESTS / "browser"):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def pipeline(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq_installed: None
) -> Iterator[Installation]:
    """`portcall up` for all tests; each makes registries and webhooks of its own."""
    installation = Installation(tmp_path_factory.mktemp("browser") / "home")
    installation.start()
    yield installation
    installation.clean_up()
    assert installation.left_over() == []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator["Browser"]:
    if what := missing():
        unavailable(what)
    async with running_browser() as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def client(pipeline: Installation, http: aiohttp.ClientSession) -> Client:
    """Asks `pipeline`."""
    return Client(pipeline, http)


@pytest_asyncio.fixture(loop_scope="session")
async def sink() -> AsyncIterator[Sink]:
    """A consumer of this test's own."""
    async with serve_sink() as serving:
        yield serving


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def reader_token(pipeline: Installation) -> str:
    """The token of somebody who may only look."""
    return await token_of(pipeline, "--role", "reader")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(browser: "Browser", pipeline: Installation) -> House:
    """Lets visitors in."""
    return House(browser, pipeline.ready["management_url"])


@pytest_asyncio.fixture(loop_scope="session")
async def visits(house: House) -> AsyncIterator[AsyncExitStack]:
    """Where the visits of one test end; each fails if its pages did what none may."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest_asyncio.fixture(loop_scope="session")
async def stranger(house: House, visits: AsyncExitStack) -> "Page":
    """Somebody who has not signed in."""
    return await visits.enter_async_context(house.visit())


@pytest_asyncio.fixture(loop_scope="session")
async def page(house: House, visits: AsyncExitStack, pipeline: Installation) -> "Page":
    """The administrator, signed in."""
    return await visits.enter_async_context(house.visit(pipeline.ready["token"]))


@pytest_asyncio.fixture(loop_scope="session")
async def readers_page(house: House, visits: AsyncExitStack, reader_token: str) -> "Page":
    """Somebody who may only look, signed in."""
    return await visits.enter_async_context(house.visit(reader_token))


async def token_of(pipeline: Installation, *words: str) -> str:
    """The token of a new principal; *words* say what it may do."""
    code, out, err = await pipeline.portcall("token", "create", new_name("somebody"), *words)
    assert code == 0, err
    token = json.loads(out)["clientSecret"]
    assert isinstance(token, str)
    return token
