"""TLS contexts of clients: from an installation's files, or from the PEM of a webhook."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from portcall.runtime.errors import SettingsError
from portcall.schemas.certificates import check_chain, check_key, split_pem
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.trust import Trust

CA_FILE, CERT_FILE = "PORTCALL_CA_FILE", "PORTCALL_CLIENT_CERT_FILE"
KEY_FILE = "PORTCALL_CLIENT_KEY_FILE"
"""The variables that name the files, for messages."""
_MAX_FILE_BYTES = 4 * 1024 * 1024
Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class TrustFiles:
    """The files that set an installation's trusted authorities and its client certificate.

    Attributes:
        ca: Authorities in PEM, trusted in addition to the system's.
        certificate: A client certificate in PEM, with its chain, and perhaps its key.
        key: The certificate's key; None: it is in the same file.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def __bool__(self) -> bool:
        return bool(self.ca or self.certificate or self.key)

    def read(self) -> Trust:
        """The content of the files.

        Raises:
            SettingsError: A file cannot be read, or has the wrong content; the error names it.
        """
        if self.key and not self.certificate:
            raise SettingsError(f"{KEY_FILE}: a client key needs a client certificate: {CERT_FILE}")
        ca = _text(CA_FILE, self.ca) if self.ca else ""
        if not self.certificate:
            return Trust(ca)
        chain, key = split_pem(_text(CERT_FILE, self.certificate))
        return Trust(ca, chain, _text(KEY_FILE, self.key) if self.key else key)

    def stamp(self) -> Stamp:
        """A value that changes when a file changes; zeros for a missing file."""
        return tuple(_stamp(path) for path in (self.ca, self.certificate, self.key) if path)


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_ino, found.st_size)


def _text(variable: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            # ssl takes ASCII only: other text, like an authority's name, is outside the PEM.
            text = file.read(_MAX_FILE_BYTES).decode("ascii", "ignore")
    except OSError as error:
        raise SettingsError(f"{variable}: {path}: {error.strerror or error}") from error
    if not text.strip():
        raise SettingsError(f"{variable}: {path} is empty")
    return text


def installation_context(trust: Trust) -> ssl.SSLContext:
    """The context for endpoints without trust settings: the system's authorities, and *trust*.

    Raises:
        SettingsError: It cannot be used.
    """
    context = ssl.create_default_context()
    variable = CA_FILE
    try:
        if trust.ca_bundle:
            context.load_verify_locations(cadata=trust.ca_bundle)
        variable = CERT_FILE
        if trust.client_certificate or trust.client_key:
            chain = check_chain(trust.client_certificate, CERT_FILE)
            key = check_key(trust.client_key, KEY_FILE)
            load_client_certificate(context, chain, key)
    except InvalidValueError as error:
        raise SettingsError(str(error)) from error
    except (ssl.SSLError, ValueError) as error:
        raise SettingsError(f"{variable}: cannot be used: {_reason(error)}") from error
    return context


def context_of(trust: Trust, usual: Trust) -> ssl.SSLContext:
    """The context for an endpoint with trust settings.

    Only its authorities are trusted; an intermediate or the server's own certificate among them is
    trusted directly. Where it has none, or no client certificate, the installation's are used.

    Args:
        trust: The endpoint's settings.
        usual: The installation's settings.

    Raises:
        ssl.SSLError: A setting cannot be used.
    """
    if trust.ca_bundle:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(cadata=trust.ca_bundle)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_TRUSTED_FIRST
    else:
        context = ssl.create_default_context()
        if usual.ca_bundle:
            context.load_verify_locations(cadata=usual.ca_bundle)
    own = trust if trust.client_certificate else usual
    if own.client_certificate:
        load_client_certificate(context, own.client_certificate, own.client_key)
    return context


def check_usable(chain: str, key: str) -> str:
    """Why OpenSSL refuses a client certificate and its key; empty: it accepts them."""
    try:
        load_client_certificate(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), chain, key)
    except ssl.SSLError as error:
        return _reason(error)
    return ""


def load_client_certificate(context: ssl.SSLContext, chain: str, key: str) -> None:
    """Load a client certificate into *context*.

    Raises:
        ssl.SSLError: It cannot be used.
    """
    with _unnamed_file(f"{key}\n{chain}".encode()) as path:
        # A password is given so that OpenSSL never asks for one on the terminal.
        context.load_cert_chain(path, password="")


@contextmanager
def _unnamed_file(content: bytes) -> Iterator[str]:
    """A path to *content*: ssl takes files only, and a key must not be written to a disk."""
    try:
        descriptor = os.memfd_create("portcall")
    except (AttributeError, OSError):  # not Linux
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            yield file.name
        return
    try:
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or str(error)
    return " ".join(str(reason).lower().replace("_", " ").split())[:200]
