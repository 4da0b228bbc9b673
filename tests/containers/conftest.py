"""One engine, one image and one stack for all tests here."""

import os
from collections.abc import Iterator

import pytest

from tests.containers.stack import Engine, NoEngineError, Stack
from tests.support import ENGINE


@pytest.fixture(scope="session")
def engine(pytestconfig: pytest.Config) -> Iterator[Engine]:
    try:
        engine = Engine.started()
    except NoEngineError as error:
        if os.environ.get("PORTCALL_CONTAINERS") == "optional":
            pytest.skip(f"NOT TESTED: {error}")
        raise
    try:
        pytestconfig.stash[ENGINE] = engine.name
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
