"""Keys: how they are written, where they come from, and that they are not lost."""

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portcall.schemas.errors import InvalidValueError
from portcall.store.errors import KeyFileError, SealedError
from portcall.store.secrets.key_file import (
    Key,
    add_key,
    keep_first_key,
    make_key_file,
    parse_keys,
    read_keys,
)
from portcall.store.secrets.keys import KeySource
from portcall.store.secrets.vault import Vault

FIRST, SECOND = bytes(range(32)), bytes(range(224, 256))
BASE64 = base64.b64encode(SECOND).decode()
URLSAFE = base64.urlsafe_b64encode(SECOND).decode().rstrip("=")


@pytest.mark.parametrize(
    ("text", "secrets"),
    [
        (FIRST.hex(), [FIRST]),
        (FIRST.hex().upper(), [FIRST]),
        (BASE64, [SECOND]),
        (BASE64.rstrip("="), [SECOND]),
        (URLSAFE, [SECOND]),
        (f"{FIRST.hex()},{BASE64}", [FIRST, SECOND]),
        (f" {BASE64}\n\n# the old one\n{FIRST.hex()}\n", [SECOND, FIRST]),
        (f"{BASE64}\n{BASE64}", [SECOND]),
    ],
)
def test_keys_are_read_however_they_are_written(text: str, secrets: list[bytes]) -> None:
    assert [key.secret for key in parse_keys(text, "x")] == secrets


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "has no key"),
        ("# nothing\n", "has no key"),
        ("hunter2hunter2", "key 1 is not 32 bytes"),
        (FIRST.hex()[:-2], "key 1 is not 32 bytes"),
        (f"{BASE64},{'g' * 64}", "key 2 is not 32 bytes"),
        (base64.b64encode(b"k" * 16).decode(), "key 1 is not 32 bytes"),
        ("whsec_" + BASE64, "key 1 is not 32 bytes"),
        ("ü" * 43, "key 1 is not 32 bytes"),
    ],
)
def test_what_is_no_key_is_refused_and_not_repeated(text: str, says: str) -> None:
    with pytest.raises(InvalidValueError, match=says) as caught:
        parse_keys(text, "PORTCALL_ENCRYPTION_KEY")
    assert "hunter2" not in str(caught.value) and FIRST.hex()[:-2] not in str(caught.value)


def test_a_key_is_known_by_an_id_and_shows_nothing_else() -> None:
    key = Key.of(FIRST)
    assert len(key.id) == 8 and key.id != Key.of(SECOND).id
    assert repr(key) == f"Key(id='{key.id}')"


def test_a_file_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "encryption.key"
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(make_key_file, [path] * 8))
    (key,) = read_keys(path)
    assert len(key.secret) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    make_key_file(path)
    assert read_keys(path) == (key,)
    assert list(path.parent.iterdir()) == [path]


def test_a_new_key_comes_in_front_and_the_old_ones_can_be_dropped(tmp_path: Path) -> None:
    path = tmp_path / "encryption.key"
    make_key_file(path)
    (old,) = read_keys(path)
    new = add_key(path)
    assert read_keys(path) == (new, old) and new != old
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    keep_first_key(path)
    assert read_keys(path) == (new,)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "does not exist; for a new"),
        (b"", "has no key"),
        (b"\xff", "is not text"),
        (b"x", "key 1"),
    ],
)
def test_a_file_that_was_named_must_have_keys(
    tmp_path: Path, content: bytes | None, says: str
) -> None:
    path = tmp_path / "named.key"
    if content is not None:
        path.write_bytes(content)
    source = KeySource(file=path, home=tmp_path)
    assert not source.make()
    with pytest.raises(KeyFileError, match=says):
        source.vault()


def test_the_environment_goes_before_files(tmp_path: Path) -> None:
    make_key_file(tmp_path / "encryption.key")
    environ = {"PORTCALL_ENCRYPTION_KEY": BASE64, "PORTCALL_ENCRYPTION_KEY_FILE": "/nowhere"}
    source = KeySource.of(environ, tmp_path)
    assert source.vault().key_ids == [Key.of(SECOND).id]
    assert not source.make()
    assert source.name == "PORTCALL_ENCRYPTION_KEY"


def test_the_home_has_a_file_if_nothing_is_named(tmp_path: Path) -> None:
    source = KeySource.of({}, tmp_path)
    vault = source.vault()
    assert vault.key_ids == []
    assert source.make()
    assert not source.make()
    vault.refresh()
    assert len(vault.key_ids) == 1


def test_a_process_takes_new_keys_out_of_the_file_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "encryption.key"
    make_key_file(path)
    running = KeySource.of({}, tmp_path).vault()
    add_key(path)
    newer = KeySource.of({}, tmp_path).vault()
    assert running.open(newer.seal("text", "here"), "here") == "text"
    assert running.first == newer.first


def test_a_file_that_cannot_be_read_for_a_moment_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "encryption.key"
    make_key_file(path)
    running = KeySource.of({}, tmp_path).vault()
    sealed = running.seal("text", "here")
    path.write_text("half a ke")
    running.refresh()
    assert running.open(sealed, "here") == "text"


def test_what_was_sealed_opens_for_the_same_place_only() -> None:
    vault = Vault([Key.of(FIRST)])
    sealed = vault.seal("t\u00e4xt", "here")
    assert "t\u00e4xt" not in sealed and vault.seal("t\u00e4xt", "here") != sealed
    assert vault.open(sealed, "here") == "t\u00e4xt"
    with pytest.raises(SealedError, match="there was changed"):
        vault.open(sealed, "there")
    with pytest.raises(SealedError, match="was changed"):
        vault.open(sealed[:-4] + "AAAA", "here")
    with pytest.raises(SealedError, match="is missing"):
        Vault([Key.of(SECOND)]).open(sealed, "here")
