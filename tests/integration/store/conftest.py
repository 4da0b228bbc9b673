"""The store on PostgreSQL."""

from collections.abc import Iterator

import pytest

from portcall.store.engine import Store, open_store
from tests import keys


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return postgres_url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url, keys.vault())
    yield opened
    opened.close()
