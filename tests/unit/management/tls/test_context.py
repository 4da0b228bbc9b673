"""The files of TLS: made, kept, renewed, checked; and what is served of them."""

import datetime as dt
import socket
import ssl
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from structlog.testing import capture_logs

from portcall.management.settings import ManagementSettings
from portcall.management.tls.certificates import Identity, issue, make_authority, names_of
from portcall.management.tls.context import Tls, files_of, names
from portcall.management.tls.files import LocalFiles, OwnFiles
from portcall.runtime.errors import SettingsError

NOW = dt.datetime.now(dt.UTC)
NAMES = frozenset({"127.0.0.1", "localhost"})


def day(number: int) -> dt.datetime:
    return NOW + dt.timedelta(days=number)


def settings(home: Path, **values: str) -> ManagementSettings:
    return ManagementSettings.from_environment(
        {
            "PORTCALL_HOME": str(home),
            "PORTCALL_AMQP_URL": "amqp://broker/",
            "PORTCALL_DATABASE_URL": "sqlite:///x.db",
            "PORTCALL_TOKEN": "0123456789abcdef",
            **{f"PORTCALL_{name}": value for name, value in values.items()},
        }
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "lock"}


@pytest.fixture
def local(tmp_path: Path) -> LocalFiles:
    files = LocalFiles(tmp_path / "home" / "tls", NAMES)
    files.ensure(NOW)
    return files


def served(files: LocalFiles) -> x509.Certificate:
    return x509.load_pem_x509_certificate(files.chain[0].read_bytes())


# -- made here


def test_the_first_time_everything_is_made_and_keys_are_the_owners_alone(local: LocalFiles) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in local.folder.iterdir()}
    assert modes == {"ca.pem": 0o644, "ca-key.pem": 0o600, "server.pem": 0o600, "lock": 0o600}
    assert stat.S_IMODE(local.folder.stat().st_mode) == 0o700
    assert b"PRIVATE" not in local.ca_file.read_bytes()


def test_a_second_time_nothing_changes(local: LocalFiles) -> None:
    before = contents(local.folder)
    local.ensure(day(59))
    assert contents(local.folder) == before


def test_a_certificate_is_renewed_before_it_expires_and_the_ca_is_kept(local: LocalFiles) -> None:
    before = contents(local.folder)
    local.ensure(day(61))
    after = contents(local.folder)
    assert after["server.pem"] != before["server.pem"]
    assert (after["ca.pem"], after["ca-key.pem"]) == (before["ca.pem"], before["ca-key.pem"])
    assert served(local).not_valid_after_utc > day(150)


def test_a_new_name_is_a_new_certificate_and_one_name_less_is_not(local: LocalFiles) -> None:
    before = contents(local.folder)
    LocalFiles(local.folder, frozenset({"localhost"})).ensure(NOW)
    assert contents(local.folder) == before
    LocalFiles(local.folder, NAMES | {"portcall.internal"}).ensure(NOW)
    assert "portcall.internal" in names_of(served(local))
    assert local.ca_file.read_bytes() == before["ca.pem"]


@pytest.mark.parametrize("damage", [None, b"", b"no certificate"])
def test_a_lost_or_damaged_certificate_is_made_anew(
    local: LocalFiles, damage: bytes | None
) -> None:
    if damage is None:
        local.chain[0].unlink()
    else:
        local.chain[0].write_bytes(damage)
    local.ensure(NOW)
    assert names_of(served(local)) == NAMES


def test_a_certificate_of_another_ca_is_made_anew(local: LocalFiles) -> None:
    other = issue(make_authority(NOW), NAMES, NOW)
    local.chain[0].write_bytes(other.key_pem + other.certificate_pem)
    local.ensure(NOW)
    assert served(local) != other.certificate


def test_a_ca_is_made_anew_before_it_expires_and_that_is_said(local: LocalFiles) -> None:
    before = local.ca_file.read_bytes()
    with capture_logs() as logs:
        local.ensure(day(3650 - 89))
    assert local.ca_file.read_bytes() != before
    assert [(line["log_level"], line["event"]) for line in logs] == [
        ("warning", "authority.expiring"),
        ("info", "authority.made"),
        ("info", "certificate.made"),
    ]


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem"])
@pytest.mark.parametrize("damage", [None, b"x"])
def test_a_ca_that_clients_may_trust_is_not_replaced_silently(
    local: LocalFiles, name: str, damage: bytes | None
) -> None:
    path = local.folder / name
    if damage is not None:
        path.write_bytes(damage)
    elif name == "ca-key.pem":
        path.unlink()
    else:
        path.write_bytes(make_authority(NOW).certificate_pem)
    before = contents(local.folder)
    with pytest.raises(SettingsError, match=r"PORTCALL_HOME: .*ca\.pem.* remove the folder"):
        local.ensure(NOW)
    assert contents(local.folder) == before


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "tls").write_text("")
    with pytest.raises(SettingsError, match=r"PORTCALL_HOME: .*File exists"):
        LocalFiles(tmp_path / "tls", NAMES).ensure(NOW)


# -- the user's own


def written(folder: Path, identity: Identity, name: str = "own") -> tuple[Path, Path]:
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    certificate.write_bytes(identity.certificate_pem)
    key.write_bytes(identity.key_pem)
    return certificate, key


@pytest.fixture
def own(tmp_path: Path) -> OwnFiles:
    certificate, key = written(tmp_path, issue(make_authority(NOW), NAMES, NOW))
    return OwnFiles(certificate, key, None)


def test_a_certificate_of_ones_own_is_taken(own: OwnFiles) -> None:
    own.ensure(NOW)
    Tls(own)


def _encrypted(key: bytes) -> bytes:
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )


@pytest.mark.parametrize(
    ("setting", "spoil", "told"),
    [
        ("CERT", Path.unlink, "No such file"),
        ("KEY", Path.unlink, "No such file"),
        ("CERT", lambda path: path.write_text("x"), "holds no certificate in PEM form"),
        ("KEY", lambda path: path.write_text("x"), "holds no private key in PEM form"),
        ("KEY", lambda path: path.write_bytes(make_authority(NOW).key_pem), "is not the key of"),
        ("KEY", lambda path: path.write_bytes(_encrypted(path.read_bytes())), "is encrypted"),
    ],
)
def test_what_is_wrong_with_ones_own_is_named(
    own: OwnFiles, setting: str, spoil: object, told: str
) -> None:
    assert callable(spoil)
    spoil({"CERT": own.certificate, "KEY": own.key}[setting])
    with pytest.raises(SettingsError, match=rf"^PORTCALL_TLS_{setting}_FILE: .*{told}"):
        own.ensure(NOW)


def test_a_file_that_cannot_be_read_is_named(own: OwnFiles) -> None:
    own.key.unlink()
    own.key.mkdir()  # whoever runs the tests, root too, cannot read that
    with pytest.raises(SettingsError, match=r"^PORTCALL_TLS_KEY_FILE: .*Is a directory"):
        own.ensure(NOW)


def test_the_times_of_ones_own_are_checked(own: OwnFiles) -> None:
    with pytest.raises(SettingsError, match=r"^PORTCALL_TLS_CERT_FILE: .* expired on 20\d\d-"):
        own.ensure(day(91))
    with pytest.raises(SettingsError, match=r"^PORTCALL_TLS_CERT_FILE: .* is not valid before 20"):
        own.ensure(day(-1))


def test_a_ca_file_is_checked_too(own: OwnFiles, tmp_path: Path) -> None:
    files = OwnFiles(own.certificate, own.key, tmp_path / "missing.pem")
    with pytest.raises(SettingsError, match=r"^PORTCALL_TLS_CA_FILE: .*No such file"):
        files.ensure(NOW)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"TLS_CERT_FILE": "a"}, "PORTCALL_TLS_KEY_FILE: must be set"),
        ({"TLS_KEY_FILE": "a"}, "PORTCALL_TLS_CERT_FILE: must be set"),
        ({"TLS_CA_FILE": "a"}, "PORTCALL_TLS_CERT_FILE and PORTCALL_TLS_KEY_FILE: must be set"),
        ({"TLS_NAMES": "good, b_d"}, "PORTCALL_TLS_NAMES: 'b_d' is neither"),
    ],
)
def test_half_a_setting_is_refused(tmp_path: Path, given: dict[str, str], missing: str) -> None:
    with pytest.raises(SettingsError, match=missing):
        files_of(settings(tmp_path, **given))


# -- what it is for, and what is served


@pytest.mark.parametrize(
    ("bind", "more"),
    [
        ("127.0.0.1:8443", set()),
        ("0.0.0.0:8443", set()),
        ("[::]:8443", set()),
        ("10.1.2.3:8443", {"10.1.2.3"}),
        ("Portcall.Internal:8443", {"portcall.internal"}),
    ],
)
def test_the_certificate_is_for_every_name_by_which_clients_come(
    tmp_path: Path, bind: str, more: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "machine01")
    found = names(settings(tmp_path, MANAGEMENT_TLS_BIND=bind, TLS_NAMES="management,::2, *.x.io"))
    usual = {"127.0.0.1", "::1", "localhost", "machine01", "management", "::2", "*.x.io"}
    assert found == usual | more


def test_a_machine_whose_name_is_none_is_no_hindrance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "my_machine")
    assert "my_machine" not in names(settings(tmp_path))


def test_tls_can_be_turned_off(tmp_path: Path) -> None:
    assert settings(tmp_path, MANAGEMENT_TLS_BIND="none").tls_bind is None
    with pytest.raises(SettingsError, match="PORTCALL_MANAGEMENT_TLS_BIND: must be HOST:PORT"):
        settings(tmp_path, MANAGEMENT_TLS_BIND="8443")


async def test_a_replaced_certificate_is_loaded_and_a_bad_one_is_not(
    own: OwnFiles, tmp_path: Path
) -> None:
    serving = Tls(own)
    assert serving.context.minimum_version == ssl.TLSVersion.TLSv1_2
    with capture_logs() as logs:
        await serving.look()
        written(tmp_path, issue(make_authority(NOW), NAMES, NOW))
        await serving.look()
        await serving.look()
        own.key.write_text("x")
        await serving.look()
    assert [line["event"] for line in logs] == ["certificate.loaded", "certificate.unusable"]
    assert "PORTCALL_TLS_KEY_FILE" in logs[1]["reason"]
