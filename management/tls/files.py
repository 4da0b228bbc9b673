"""The files of TLS: a generated CA's in ``$PORTCALL_HOME/tls``, or the user's own."""

import datetime as dt
import fcntl
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from portcall.management.tls.certificates import (
    RENEW_DAYS,
    SERVER_DAYS,
    Identity,
    days_left,
    is_signed_by,
    issue,
    make_authority,
    names_of,
    read_identity,
)
from portcall.runtime.errors import SettingsError
from portcall.runtime.logs import get_logger

CERT_FILE = "PORTCALL_TLS_CERT_FILE"
KEY_FILE = "PORTCALL_TLS_KEY_FILE"
CA_FILE = "PORTCALL_TLS_CA_FILE"


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """A CA and a certificate that are generated, stored, and renewed.

    Attributes:
        folder: Their folder.
        names: The certificate's names.
    """

    folder: Path
    names: frozenset[str]

    @property
    def ca_file(self) -> Path:
        """The CA that clients should trust; it outlives the server's certificate."""
        return self.folder / "ca.pem"

    @property
    def chain(self) -> tuple[Path, None]:
        """The server's certificate and its key share one file, so they always match."""
        return self.folder / "server.pem", None

    def ensure(self, now: dt.datetime) -> None:
        """Make files that are missing, damaged, about to expire, or for other names.

        Raises:
            SettingsError: The folder cannot be used, or the CA's files do not belong together.
        """
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _locked(self.folder / "lock"):
                authority = self._authority(now)
                if not self._is_good(authority.certificate, now):
                    self._issue(authority, now)
        except OSError as error:
            raise SettingsError(f"PORTCALL_HOME: {self.folder}: {error.strerror}") from error

    def _authority(self, now: dt.datetime) -> Identity:
        key_file = self.folder / "ca-key.pem"
        if self.ca_file.exists():
            try:
                authority = read_identity(self.ca_file.read_bytes(), key_file.read_bytes())
            except (ValueError, FileNotFoundError) as error:
                raise SettingsError(
                    f"PORTCALL_HOME: {self.ca_file} and {key_file.name} are not a CA and its key"
                    f" ({_reason(error)}): put back what was there, or remove the folder"
                    f" {self.folder}; clients then need the new {self.ca_file.name}"
                ) from error
            if days_left(authority.certificate, now) > SERVER_DAYS:
                return authority
            get_logger().warning("authority.expiring", ca_file=str(self.ca_file))
        authority = make_authority(now)
        _write(key_file, authority.key_pem, 0o600)
        _write(self.ca_file, authority.certificate_pem, 0o644)
        get_logger().info("authority.made", ca_file=str(self.ca_file))
        return authority

    def _is_good(self, authority: x509.Certificate, now: dt.datetime) -> bool:
        try:
            content = self.chain[0].read_bytes()
            certificate = read_identity(content, content).certificate
        except (ValueError, FileNotFoundError):
            return False
        return (
            days_left(certificate, now) > RENEW_DAYS
            and self.names <= names_of(certificate)
            and is_signed_by(certificate, authority)
        )

    def _issue(self, authority: Identity, now: dt.datetime) -> None:
        server = issue(authority, sorted(self.names), now)
        _write(self.chain[0], server.key_pem + server.certificate_pem, 0o600)
        get_logger().info("certificate.made", names=sorted(self.names), days=SERVER_DAYS)


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """A user's own certificate, which is renewed outside of Portcall.

    Attributes:
        certificate: PEM, the server's first, then the intermediate ones.
        key: PEM, not encrypted.
        ca_file: The CA that clients should trust; None: they trust it already.
    """

    certificate: Path
    key: Path
    ca_file: Path | None

    @property
    def chain(self) -> tuple[Path, Path]:
        """The files for a TLS context."""
        return self.certificate, self.key

    def ensure(self, now: dt.datetime) -> None:
        """Check the files.

        Raises:
            SettingsError: A file is wrong; the error names the setting.
        """
        certificate = _certificate(CERT_FILE, self.certificate)
        if self.ca_file is not None:
            _certificate(CA_FILE, self.ca_file)
        key = _key(self.key)
        if key.public_key() != certificate.public_key():
            raise SettingsError(
                f"{KEY_FILE}: {self.key} is not the key of the certificate in {self.certificate}"
            )
        if days_left(certificate, now) <= 0:
            day = certificate.not_valid_after_utc.date()
            raise SettingsError(f"{CERT_FILE}: {self.certificate} expired on {day}")
        if certificate.not_valid_before_utc > now:
            day = certificate.not_valid_before_utc.date()
            raise SettingsError(f"{CERT_FILE}: {self.certificate} is not valid before {day}")


def _certificate(setting: str, path: Path) -> x509.Certificate:
    content = _content(setting, path)
    try:
        return x509.load_pem_x509_certificates(content)[0]
    except ValueError as error:
        raise SettingsError(f"{setting}: {path} holds no certificate in PEM form") from error


def _key(path: Path) -> PrivateKeyTypes:
    content = _content(KEY_FILE, path)
    try:
        return serialization.load_pem_private_key(content, password=None)
    except TypeError as error:  # raised by cryptography if it needs a passphrase
        raise SettingsError(
            f"{KEY_FILE}: {path} is encrypted; a key without a passphrase is needed"
        ) from error
    except Exception as error:
        raise SettingsError(f"{KEY_FILE}: {path} holds no private key in PEM form") from error


def _content(setting: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{setting}: {path}: {error.strerror}") from error


def load(context: ssl.SSLContext, chain: tuple[Path, Path | None]) -> None:
    """Load a certificate into a context, even one in use: new connections get it.

    Raises:
        SettingsError: OpenSSL does not take it, e.g. because its key is too short.
    """
    try:
        context.load_cert_chain(*chain)
    except (ssl.SSLError, OSError) as error:
        raise SettingsError(f"{CERT_FILE}: {chain[0]} cannot be served: {error}") from error


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file in one step: no process sees half of it, or another mode."""
    replacement = path.with_name(f".{path.name}.new")
    replacement.unlink(missing_ok=True)
    descriptor = os.open(replacement, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    replacement.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file: several processes may share the folder."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{Path(str(error.filename)).name}: {error.strerror}"
    return str(error).partition("\n")[0].partition(". ")[0]
