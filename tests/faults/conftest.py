"""Installations to harm: the fault tests start their own, each with a sink of its own."""

import pytest

from portcall.cli.errors import NodeError
from portcall.cli.up.broker import server_script
from tests.conftest import unavailable


@pytest.fixture(scope="session", autouse=True)
def rabbitmq_installed() -> None:
    """Leave the test where RabbitMQ is missing."""
    try:
        server_script()
    except NodeError as error:
        unavailable(str(error))
