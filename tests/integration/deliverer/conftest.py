"""What the deliverer's tests on the loopback share."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
import uvloop

from portcall.deliverer.post.sender import Sender
from portcall.runtime.settings import Network

LOOPBACK: Sequence[Network] = [ipaddress.ip_network("127.0.0.0/8")]
TIMEOUT_S = 0.6
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, LoopFactory]:
    """Roles run on uvloop; the sender is tried on both, whose edges differ for the client."""
    factories: dict[str, LoopFactory] = {"uvloop": uvloop.new_event_loop}
    if item.path.name == "test_sender.py":
        factories["asyncio"] = asyncio.new_event_loop
    return factories


@pytest.fixture
async def sender() -> AsyncIterator[Sender]:
    """A sender that may reach the loopback, with a short attempt timeout."""
    async with Sender(timeout_s=TIMEOUT_S, allowed=LOOPBACK) as made:
        yield made
