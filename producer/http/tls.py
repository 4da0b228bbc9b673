"""TLS of the producer itself: its certificate, and the authorities of its sources' certificates.

A client certificate is asked for as soon as a source wants one, and is optional, because all
sources share the port. The handshake takes one of any source's authorities; which source it is
good for is checked afterwards (`producer.sources.proofs.certificates`). So an authority that no
source has any more lets nobody in, and stays in the context until the process ends.
"""

import asyncio
import ssl
from collections.abc import Iterable
from pathlib import Path

from portcall.runtime.errors import SettingsError
from portcall.runtime.logs import get_logger

LOOK_S = 60.0
"""How often to check the files: a replaced certificate is served a minute later."""
MAX_AUTHORITIES = 1_000
"""Bundles in one context, some 10 MB."""
TOO_MANY = f"there were over {MAX_AUTHORITIES} since the start; a restart forgets unused ones"
CERT_FILE, KEY_FILE = "PORTCALL_PRODUCER_TLS_CERT_FILE", "PORTCALL_PRODUCER_TLS_KEY_FILE"
"""The variables that name the files, for messages."""

Stamp = tuple[tuple[int, int, int], ...]


class ProducerTls:
    """The TLS context of the producer.

    Args:
        certificate: PEM, the server's first, then the intermediate ones.
        key: PEM, not encrypted; None: it is in the same file.

    Attributes:
        context: For the server.

    Raises:
        SettingsError: The files cannot be used.
    """

    def __init__(self, certificate: Path, key: Path | None = None) -> None:
        self._certificate, self._key = certificate, key
        self._known: set[str] = set()
        self._log = get_logger()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        self.context.set_alpn_protocols(["http/1.1"])
        self._seen = self._stamp()
        self._load()

    def trust(self, bundles: Iterable[str]) -> None:
        """Take certificates of these authorities, too; each bundle is PEM that was checked."""
        for bundle in bundles:
            if bundle in self._known or len(self._known) > MAX_AUTHORITIES:
                continue
            self._known.add(bundle)
            if len(self._known) > MAX_AUTHORITIES:
                self._log.warning("authority.unusable", reason=TOO_MANY)
                continue
            try:
                self.context.load_verify_locations(cadata=bundle)
                self.context.verify_mode = ssl.CERT_OPTIONAL
            except (ssl.SSLError, ValueError) as error:
                self._log.warning("authority.unusable", reason=str(error))

    async def run(self) -> None:
        """Serve replaced files; ends by cancellation."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        """Check the files; a problem with new ones is logged, and the old ones stay in use."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        try:
            self._load()
        except SettingsError as error:
            self._log.warning("certificate.unusable", reason=str(error))
        else:
            self._log.info("certificate.loaded", file=str(self._certificate))
            self._seen = stamp

    def _load(self) -> None:
        """Load the files, first into a context that is not used.

        OpenSSL takes the certificate and drops the old key before it finds that the new key does
        not match, as while the files are replaced one after the other.
        """
        self._load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        self._load_into(self.context)

    def _load_into(self, context: ssl.SSLContext) -> None:
        try:
            context.load_cert_chain(self._certificate, self._key, password=_refuse)
        except _EncryptedKeyError as error:
            raise SettingsError(f"{KEY_FILE}: the key must not be encrypted") from error
        except ssl.SSLError as error:
            problem = error.reason or str(error)
            raise SettingsError(f"{CERT_FILE}: {self._certificate}: {problem}") from error
        except OSError as error:
            is_key = self._key is not None and self._certificate.is_file()
            named = f"{KEY_FILE}: {self._key}" if is_key else f"{CERT_FILE}: {self._certificate}"
            raise SettingsError(f"{named}: {error.strerror or error}") from error

    def _stamp(self) -> Stamp:
        """Values that change when a file is replaced or written again; zeros for a missing one."""
        return tuple(_stamp(each) for each in (self._certificate, self._key) if each)


class _EncryptedKeyError(Exception):
    """OpenSSL asks for a passphrase; without an answer it would ask the terminal."""


def _refuse() -> str:
    raise _EncryptedKeyError


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_ino, found.st_mtime_ns, found.st_size)
