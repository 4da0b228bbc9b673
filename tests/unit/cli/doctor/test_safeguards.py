"""What the doctor says of keys, certificates, tokens and binds."""

import datetime as dt
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from portcall.cli.doctor import safeguards
from portcall.cli.doctor.checks import CheckedInstallation
from portcall.cli.doctor.findings import Finding, Verdict
from portcall.management.tls.certificates import Identity, issue, make_authority
from portcall.store.access.principals import new_secret
from portcall.store.database.migrate import migrate
from portcall.store.engine import Store, open_store
from portcall.store.preparing import prepare_secrets
from portcall.store.secrets.key_file import Key
from portcall.store.secrets.keys import KeySource
from tests.unit.store.samples import add_registry, draft

NOW = dt.datetime.now(dt.UTC)
SECRET = "whsec_bWFya21hcmttYXJrbWFya21hcms="  # noqa: S105 (nobody's)
KEYS, FILE = "encryption keys", "encryption key file"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home as management leaves it: a database with a secret, its key, tokens."""
    url = f"sqlite:///{tmp_path / 'portcall.db'}"
    migrate(url)
    store = open_store(url, prepare_secrets(url, KeySource.of({}, tmp_path)))
    add_registry(store)
    store.webhooks.put_many([draft("webhook1", secret=SECRET)])
    store.signing_keys.ensure()
    store.close()
    for name in ("token", "client.json"):
        (tmp_path / name).touch(mode=0o600)
    account = {"client_id": "6f1f4a9c-0000-4000-8000-000000000001", "client_secret": new_secret()}
    (tmp_path / "client.json").write_text(json.dumps(account))
    return tmp_path


def site(home: Path, environ: Mapping[str, str] | None = None) -> CheckedInstallation:
    named = {"PORTCALL_DATABASE_URL": f"sqlite:///{home / 'portcall.db'}"}
    return CheckedInstallation(home, {**named, **(environ or {})}, None)


def by_name(found: Iterable[Finding]) -> dict[str, Finding]:
    return {each.check: each for each in found}


def encryption(home: Path, **environ: str) -> dict[str, Finding]:
    found = by_name(safeguards.encryption(site(home, environ)))
    for each in found.values():
        assert (each.verdict is Verdict.WRONG) == bool(each.advice)
    return found


def opened(home: Path) -> Store:
    vault = KeySource.of({}, home).vault()
    return open_store(f"sqlite:///{home / 'portcall.db'}", vault)


# -- encryption keys -------------------------------------------------------------------------------


def test_all_is_well(home: Path) -> None:
    found = encryption(home)
    assert {each.verdict for each in found.values()} == {Verdict.OK}
    assert set(found) == {KEYS, FILE}
    assert "opens all that is sealed" in found[KEYS].found


def test_a_key_file_that_others_can_read(home: Path) -> None:
    (home / "encryption.key").chmod(0o640)
    found = encryption(home)[FILE]
    assert (found.verdict, found.advice) == (Verdict.WRONG, f"chmod 600 {home}/encryption.key")


@pytest.mark.parametrize(
    ("content", "said"),
    [("garbage", "key 1 is not 32 bytes"), ("", "has no key"), ("\xff", "is not text")],
)
def test_a_key_file_with_something_else_in_it(home: Path, content: str, said: str) -> None:
    (home / "encryption.key").write_text(content, encoding="latin-1")
    found = encryption(home)[KEYS]
    assert found.verdict is Verdict.WRONG and said in found.found
    assert "PORTCALL_ENCRYPTION_KEY_FILE" in found.advice


def test_a_named_key_file_that_is_not_there(home: Path) -> None:
    found = encryption(home, PORTCALL_ENCRYPTION_KEY_FILE=str(home / "none"))[KEYS]
    assert found.verdict is Verdict.WRONG and "does not exist" in found.found


def test_the_key_of_another_database(home: Path) -> None:
    other = Key.of(b"n" * 32)
    found = encryption(home, PORTCALL_ENCRYPTION_KEY=other.secret.hex())[KEYS]
    assert found.verdict is Verdict.WRONG
    assert other.id in found.found and other.secret.hex() not in repr(found)
    assert "`portcall secrets discard`" in found.advice


def test_no_key_where_one_is_needed(home: Path) -> None:
    (home / "encryption.key").unlink()
    found = encryption(home)[KEYS]
    assert found.verdict is Verdict.WRONG and "the keys here are none" in found.found


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE webhooks SET secret = replace(secret, ':', ':AAAA')", "of 1 of 1 webhooks"),
        ("UPDATE signing_keys SET kid = 'another'", "the signing key another"),
    ],
)
def test_what_was_tampered_with_is_told(home: Path, change: str, said: str) -> None:
    store = opened(home)
    with store.database.writing() as connection:
        connection.execute(text(change.replace("':AAAA'", "':' || 'AAAA'")))
    store.close()
    found = encryption(home)[KEYS]
    assert found.verdict is Verdict.WRONG and said in found.found


def test_secrets_in_the_clear_are_told(home: Path) -> None:
    store = opened(home)
    with store.database.writing() as connection:
        connection.execute(text("INSERT INTO encryption_keys VALUES ('', 0)"))
    store.close()
    assert encryption(home)[KEYS].advice == safeguards.SEALS


def test_a_new_installation_has_none_and_that_is_well(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path / 'portcall.db'}")
    assert encryption(tmp_path)[KEYS].verdict is Verdict.OK


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert encryption(tmp_path)[KEYS].verdict is Verdict.UNKNOWN
    assert list(tmp_path.iterdir()) == []


# -- certificates ----------------------------------------------------------------------------------


@pytest.fixture
def authority() -> Identity:
    return make_authority(NOW)


def write_local(home: Path, authority: Identity, server: Identity) -> Path:
    folder = home / "tls"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(authority.certificate_pem)
    (folder / "ca-key.pem").write_bytes(authority.key_pem)
    (folder / "server.pem").write_bytes(server.key_pem + server.certificate_pem)
    for name in ("ca-key.pem", "server.pem"):
        (folder / name).chmod(0o600)
    return folder


def tls(home: Path, **environ: str) -> dict[str, Finding]:
    return by_name(safeguards.tls(site(home, environ)))


def test_the_certificate_of_the_local_ca(tmp_path: Path, authority: Identity) -> None:
    write_local(tmp_path, authority, issue(authority, ["localhost"], NOW))
    found = tls(tmp_path)
    assert {each.verdict for each in found.values()} == {Verdict.OK}
    assert set(found) == {"certificate", "key server.pem", "key ca-key.pem"}


@pytest.mark.parametrize("name", ["server.pem", "ca-key.pem"])
def test_a_key_that_others_can_read(tmp_path: Path, authority: Identity, name: str) -> None:
    folder = write_local(tmp_path, authority, issue(authority, ["localhost"], NOW))
    (folder / name).chmod(0o644)
    assert tls(tmp_path)[f"key {name}"].advice == f"chmod 600 {folder / name}"


@pytest.mark.parametrize(("days", "said"), [(100, "expired on"), (80, "expires in 10 days")])
def test_a_certificate_that_ends(tmp_path: Path, authority: Identity, days: int, said: str) -> None:
    made = issue(authority, ["localhost"], NOW - dt.timedelta(days=days))
    write_local(tmp_path, authority, made)
    found = tls(tmp_path)["certificate"]
    assert found.verdict is Verdict.WRONG and said in found.found
    assert "restart management" in found.advice


def test_a_certificate_of_another_ca(tmp_path: Path, authority: Identity) -> None:
    write_local(tmp_path, authority, issue(make_authority(NOW), ["localhost"], NOW))
    assert "is not signed by" in tls(tmp_path)["certificate"].found


def test_a_certificate_with_the_key_of_another(tmp_path: Path, authority: Identity) -> None:
    folder = write_local(tmp_path, authority, issue(authority, ["localhost"], NOW))
    other = issue(authority, ["localhost"], NOW)
    pem = other.key_pem + issue(authority, ["localhost"], NOW).certificate_pem
    (folder / "server.pem").write_bytes(pem)
    found = tls(tmp_path)["certificate"]
    assert found.verdict is Verdict.WRONG and "not the certificate's" in found.found


def own(home: Path, server: Identity, key: bytes, mode: int = 0o600) -> dict[str, Finding]:
    (home / "own.pem").write_bytes(server.certificate_pem)
    (home / "own.key").write_bytes(key)
    (home / "own.key").chmod(mode)
    files = {"CERT": "own.pem", "KEY": "own.key"}
    return tls(
        home, **{f"PORTCALL_TLS_{name}_FILE": str(home / file) for name, file in files.items()}
    )


def test_a_certificate_of_ones_own(tmp_path: Path, authority: Identity) -> None:
    server = issue(authority, ["localhost"], NOW)
    found = own(tmp_path, server, server.key_pem)
    assert {each.verdict for each in found.values()} == {Verdict.OK}
    found = own(tmp_path, server, server.key_pem, 0o644)
    assert found["certificate key"].verdict is Verdict.WRONG
    found = own(tmp_path, server, issue(authority, ["localhost"], NOW).key_pem)
    assert "is not the key of the certificate" in found["certificate"].found
    late = issue(authority, ["localhost"], NOW - dt.timedelta(days=100))
    assert "expired on" in own(tmp_path, late, late.key_pem)["certificate"].found


def test_where_there_is_no_tls_no_certificate_is_missed(tmp_path: Path) -> None:
    assert tls(tmp_path)["certificate"].verdict is Verdict.UNKNOWN
    off = tls(tmp_path, PORTCALL_MANAGEMENT_TLS_BIND="none")
    assert off["certificate"].verdict is Verdict.OK


# -- tokens and binds ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"", "is damaged"),
        (b"\xff", "is damaged"),
        (b"[" * 100_000, "is damaged"),
        (b'{"client_id": 5, "client_secret": "x"}', "is damaged"),
        (
            b'{"client_id": "6f1f4a9c-0000-4000-8000-000000000001", "client_secret": "x"}',
            "has no usable secret",
        ),
    ],
)
def test_a_damaged_principal_is_named(home: Path, written: bytes, said: str) -> None:
    (home / "client.json").write_bytes(written)
    (found,) = [each for each in safeguards.tokens(site(home)) if each.verdict is Verdict.WRONG]
    assert said in found.found and "restart `portcall up`" in found.advice


@pytest.mark.parametrize(
    ("names", "verdict", "said"),
    [
        ((), Verdict.OK, "is a setting"),
        (("PORTCALL_SHARD",), Verdict.WRONG, "did you mean PORTCALL_SHARDS?"),
        (("PORTCALL_BACKUP_FOLDER",), Verdict.OK, "PORTCALL_BACKUP_FOLDER"),
    ],
)
def test_a_mistyped_variable_is_named(
    home: Path, names: tuple[str, ...], verdict: Verdict, said: str
) -> None:
    found = safeguards.variables(site(home, dict.fromkeys(names, "1")))
    assert found.verdict is verdict
    assert said in found.found


@pytest.mark.parametrize("name", ["token", "client.json"])
def test_a_token_that_others_can_read(home: Path, name: str) -> None:
    found = by_name(safeguards.tokens(site(home)))
    assert {each.verdict for each in found.values()} == {Verdict.OK}
    (home / name).chmod(0o644)
    found = by_name(safeguards.tokens(site(home)))
    assert found[name].advice == f"chmod 600 {home / name}"


@pytest.mark.parametrize(
    ("environ", "ready", "verdict", "said"),
    [
        ({}, None, Verdict.OK, "this machine only"),
        ({"PRODUCER_BIND": "127.0.0.1:1"}, None, Verdict.OK, "this machine only"),
        ({"PRODUCER_BIND": "[::1]:1"}, None, Verdict.OK, "this machine only"),
        ({"PRODUCER_BIND": "0.0.0.0:1"}, None, Verdict.WRONG, "producer at 0.0.0.0:1"),
        ({"HEALTH_BIND": "[::]:1"}, None, Verdict.WRONG, "health at [::]:1"),
        (
            {"PRODUCER_BIND": "0.0.0.0:1", "INSECURE_BIND": "producer"},
            None,
            Verdict.OK,
            "because PORTCALL_INSECURE_BIND asks",
        ),
        (
            {"PRODUCER_BIND": "0.0.0.0:1", "INSECURE_BIND": "health"},
            None,
            Verdict.WRONG,
            "producer at",
        ),
        ({"INSECURE_BIND": "everything"}, None, Verdict.WRONG, "must be of health"),
        ({}, {"management_url": "http://10.1.2.3:8400"}, Verdict.WRONG, "management at 10.1.2.3"),
        ({}, {"management_url": "http://127.0.0.1:8400"}, Verdict.OK, "this machine only"),
    ],
)
def test_who_can_reach_what_speaks_plain_http(
    tmp_path: Path,
    environ: dict[str, str],
    ready: dict[str, Any] | None,
    verdict: Verdict,
    said: str,
) -> None:
    named = {f"PORTCALL_{name}": value for name, value in environ.items()}
    found = safeguards.binds(CheckedInstallation(tmp_path, named, ready))
    assert (found.verdict, bool(found.advice)) == (verdict, verdict is Verdict.WRONG)
    assert said in found.found


def test_the_environment_of_what_runs_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = {"processes": [{"role": "management", "pid": os.getpid()}]}
    running = {"PORTCALL_MANAGEMENT_TLS_BIND": "none"}
    monkeypatch.setattr(safeguards, "environ_of_role", lambda _role, _ready: running)
    found = by_name(safeguards.tls(CheckedInstallation(tmp_path, {}, ready)))
    assert found["certificate"].verdict is Verdict.OK
