"""Azure's own clients, logged in to a `portcall up` of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.azure.az import Az, python_of
from tests.conftest import unavailable
from tests.e2e.conftest import client, http, rabbitmq_installed, sink
from tests.installation import Installation, new_name

__all__ = ["client", "http", "rabbitmq_installed", "sink"]


IDENTITY_HEADER = "the-header-of-these-tests"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-page", action="store_true", help="write docs/azure.md anew")


@pytest.fixture(scope="session")
def pipeline(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq_installed: None
) -> Iterator[Installation]:
    """`portcall up` for all tests; each makes registries and webhooks of its own."""
    environ = {"PORTCALL_IDENTITY_HEADER": IDENTITY_HEADER}
    installation = Installation(tmp_path_factory.mktemp("azure") / "home", environ)
    installation.start()
    yield installation
    installation.clean_up()
    assert installation.left_over() == []


def need(environment: str) -> Path:
    """The Python of an environment, or the test is left."""
    python = python_of(environment)
    if python is None:
        unavailable(f"requirements/{environment}.txt is not installed: run `make azure`")
    return python


@pytest.fixture(scope="session")
def registered(pipeline: Installation, tmp_path_factory: pytest.TempPathFactory) -> Az:
    """An az that knows the server, and is not logged in."""
    need("azure-cli")
    ready = pipeline.ready
    az = Az(tmp_path_factory.mktemp("config") / "portcall-tests-azure", ready["ca_file"])
    az.register(ready["management_tls_url"])
    return az


@pytest.fixture(scope="session")
def az(registered: Az, pipeline: Installation) -> Az:
    """An az that is logged in as the administrator's principal."""
    ended = registered.log_in(pipeline.ready)
    assert ended.code == 0, ended.err
    return registered


@pytest.fixture(scope="session")
def registry(az: Az) -> str:
    """A registry that az made, for tests that only need one."""
    name = new_name("azreg")
    made = az.acr("create", "--name", name, "--resource-group", "portcall", "--sku", "Premium")
    assert made.json["name"] == name
    return name
