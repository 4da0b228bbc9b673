"""A store with one registry for each test: a copy of one that was made once."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from portcall.schemas.webhooks import Sku
from portcall.store.database.migrate import migrate
from portcall.store.engine import Store, open_store
from tests import keys
from tests.unit.management.api import ManagementApi


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "portcall.db"
    url = f"sqlite:///{path}"
    migrate(url)
    store = open_store(url)
    store.registries.put(
        "Alpha", location="westus", sku=Sku.PREMIUM, tags={}, resource_group="portcall"
    )
    store.close()
    return path


@pytest.fixture
def store(migrated: Path, tmp_path: Path) -> Iterator[Store]:
    path = tmp_path / "portcall.db"
    shutil.copy(migrated, path)
    store = open_store(f"sqlite:///{path}", keys.vault())
    yield store
    store.close()


@pytest.fixture
def api(store: Store) -> ManagementApi:
    return ManagementApi(store)
