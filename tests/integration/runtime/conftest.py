"""Fixtures of the runtime's tests: a topology in place, a line to cut."""

from collections.abc import AsyncIterator

import pytest

from portcall.runtime.broker import declaring
from tests.integration.runtime.brokers import layout
from tests.line import Line


@pytest.fixture
async def laid(amqp_url: str) -> str:
    """The URL of a broker that has the topology."""
    await declaring.apply(amqp_url, layout())
    return amqp_url


@pytest.fixture
async def line(laid: str) -> AsyncIterator[Line]:
    """A line to a broker that has the topology."""
    line = Line(laid)
    yield line
    await line.close()
