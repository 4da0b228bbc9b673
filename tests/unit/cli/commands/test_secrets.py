"""`portcall secrets`, on a database beside everything else."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from portcall.store.database.migrate import migrate
from portcall.store.engine import open_store
from portcall.store.preparing import prepare_secrets
from portcall.store.secrets.key_file import read_keys
from portcall.store.secrets.keys import KeySource
from tests import keys
from tests.unit.cli.conftest import Run
from tests.unit.store.samples import add_registry, draft

SECRET = "whsec_bWFya21hcmttYXJrbWFya21hcms="  # noqa: S105 (nobody's)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a database of twelve webhooks, whose key is in its file."""
    for name in (
        "PORTCALL_DATABASE_URL",
        "PORTCALL_ENCRYPTION_KEY",
        "PORTCALL_ENCRYPTION_KEY_FILE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PORTCALL_HOME", str(tmp_path))
    url = f"sqlite:///{tmp_path / 'portcall.db'}"
    migrate(url)
    store = open_store(url, prepare_secrets(url, KeySource.of({}, tmp_path)))
    add_registry(store)
    store.webhooks.put_many([draft(f"webhook{number}", secret=SECRET) for number in range(12)])
    store.close()
    return tmp_path


def secrets_in(home: Path) -> set[str]:
    vault = KeySource.of({}, home).vault()
    store = open_store(f"sqlite:///{home / 'portcall.db'}", vault)
    found = {row.secret for row in store.webhooks.list("myregistry", limit=100)}
    store.close()
    return found


def test_status_shows_ids_and_no_key(home: Path, portcall: Run) -> None:
    (key,) = read_keys(home / "encryption.key")
    ended = portcall("secrets", "status")
    assert json.loads(ended.out) == {
        "keys": str(home / "encryption.key"),
        "sealsWith": key.id,
        "has": [key.id],
        "needs": [key.id],
        "webhooks": 12,
    }
    assert key.secret.hex() not in ended.out


@pytest.mark.parametrize("forget", [False, True])
def test_a_key_is_rotated_and_every_secret_is_read_as_before(
    home: Path, portcall: Run, *, forget: bool
) -> None:
    path = home / "encryption.key"
    (old,) = read_keys(path)
    ended = portcall("secrets", "rotate-key", *(["--forget-old"] if forget else []))
    assert ended.code == 0, ended.err
    new, *others = read_keys(path)
    assert new != old and others == ([] if forget else [old])
    assert json.loads(ended.out)["needs"] == [new.id]
    assert f"12 webhooks: every secret is sealed with the key {new.id}" in ended.err
    assert secrets_in(home) == {SECRET}


def test_reencrypt_goes_on_after_it_was_cut_off(home: Path, portcall: Run) -> None:
    portcall("secrets", "rotate-key")
    database = open_store(f"sqlite:///{home / 'portcall.db'}").database
    with database.writing() as connection:
        connection.execute(text("INSERT INTO encryption_keys VALUES ('', 0)"))
    database.close()
    assert json.loads(portcall("secrets", "status").out)["needs"][0] == "(in clear)"
    assert len(json.loads(portcall("secrets", "reencrypt").out)["needs"]) == 1


def test_a_key_of_the_environment_is_not_rotated_but_explained(
    home: Path, portcall: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTCALL_ENCRYPTION_KEY", keys.KEY_TEXT)
    ended = portcall("secrets", "rotate-key")
    assert ended.code == 1 and "put a new key before them" in ended.err


@pytest.mark.parametrize("command", ["reencrypt", "rotate-key"])
def test_the_wrong_key_is_named_and_changes_nothing(
    home: Path, portcall: Run, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    (key,) = read_keys(home / "encryption.key")
    other = home / "other.key"
    other.write_text(keys.KEY_TEXT)
    monkeypatch.setenv("PORTCALL_ENCRYPTION_KEY_FILE", str(other))
    ended = portcall("secrets", command)
    assert ended.code == 2
    assert f"sealed with the key {key.id}, and the keys here are {keys.KEY.id}" in ended.err
    assert other.read_text() == keys.KEY_TEXT
    assert secrets_in(home) == {SECRET}


def test_a_lost_key_can_be_given_up(home: Path, portcall: Run) -> None:
    (home / "encryption.key").write_text(keys.KEY_TEXT)
    assert portcall("secrets", "reencrypt").code == 2
    ended = portcall("secrets", "discard", "--yes")
    assert (ended.code, "12 webhooks lost secrets" in ended.err) == (0, True)
    assert json.loads(ended.out)["needs"] == []
    assert secrets_in(home) == {""}
