"""A console of one's own for each test, seeded as the API's table is."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portcall.store.engine import open_store
from tests import keys
from tests.integration.arm.conftest import seed
from tests.integration.console.site import Browser, Site, serving


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Path:
    """The seeded database, with its signing key: to make one takes a moment."""
    path = tmp_path_factory.mktemp("console") / "portcall.db"
    shutil.copyfile(migrated_file, path)
    store = open_store(f"sqlite:///{path}", keys.vault())
    seed(store)
    store.signing_keys.ensure()
    store.close()
    return path


@pytest.fixture
async def site(furnished: Path, tmp_path: Path) -> AsyncIterator[Site]:
    path = tmp_path / "portcall.db"
    shutil.copyfile(furnished, path)
    store = open_store(f"sqlite:///{path}", keys.vault())
    try:
        async with serving(store) as site:
            yield site
    finally:
        store.close()


@pytest.fixture
async def browser(site: Site) -> Browser:
    """The administrator's browser, signed in."""
    return await site.browser.sign_in()
