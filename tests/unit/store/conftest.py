"""The store on SQLite."""

from collections.abc import Iterator

import pytest

from portcall.store.engine import Store, open_store
from tests import keys


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url, keys.vault())
    yield opened
    opened.close()
