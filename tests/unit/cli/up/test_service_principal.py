"""The service principal of `portcall up`: kept over restarts, made anew where it is of no use."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from portcall.cli.up.service_principal import ensure_account
from portcall.store.access.principals import Role, digest_of
from portcall.store.database.migrate import migrate
from portcall.store.engine import Store, open_store


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "client.json"


def new_store(path: Path) -> Store:
    migrate(f"sqlite:///{path}")
    return open_store(f"sqlite:///{path}")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = new_store(tmp_path / "portcall.db")
    yield opened
    opened.close()


def test_it_is_an_administrator_and_kept_private(file: Path, store: Store) -> None:
    account = ensure_account(file, store)
    found = store.principals.get(account.client_id)
    assert found is not None
    assert (found.role, found.digest) == (Role.ADMINISTRATOR, digest_of(account.client_secret))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert account.client_secret not in repr(account)


def test_a_restart_keeps_it(file: Path, store: Store) -> None:
    assert ensure_account(file, store) == ensure_account(file, store)
    assert len(store.principals.list()) == 1


def test_another_store_is_told_of_it(file: Path, store: Store, tmp_path: Path) -> None:
    account = ensure_account(file, store)
    other = new_store(tmp_path / "other.db")
    assert ensure_account(file, other) == account
    assert other.principals.get(account.client_id) is not None
    other.close()


def test_one_that_was_revoked_is_followed_by_another(file: Path, store: Store) -> None:
    revoked = ensure_account(file, store)
    store.principals.revoke(revoked.client_id)
    account = ensure_account(file, store)
    assert account.client_id != revoked.client_id
    assert ensure_account(file, store) == account


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"client_id": "x", "client_secret": "y"}',
             '{"client_id": "6f1f4a9c-0000-4000-8000-000000000001", "client_secret": 7}'],
)  # fmt: skip
def test_a_damaged_file_is_made_anew(file: Path, store: Store, text: str) -> None:
    file.write_text(text)
    with capture_logs() as logs:
        account = ensure_account(file, store)
        assert ensure_account(file, store) == account
    assert [(each["event"], each["path"]) for each in logs] == [("account.replaced", str(file))]
