"""TLS for the management API: its context, and its renewal while it serves."""

import asyncio
import datetime as dt
import ipaddress
import re
import socket
import ssl

from portcall.management.settings import ManagementSettings
from portcall.management.tls.files import LocalFiles, OwnFiles, load
from portcall.runtime.errors import SettingsError
from portcall.runtime.logs import get_logger

LOOK_S = 60.0
"""How often to check the files: a replaced certificate is served a minute later."""
ALWAYS = ("127.0.0.1", "::1", "localhost")

_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*", re.ASCII)


class Tls:
    """The current certificate.

    Args:
        files: Its files.

    Raises:
        SettingsError: It cannot be made, or cannot be used.
    """

    def __init__(self, files: LocalFiles | OwnFiles) -> None:
        self._files = files
        self._log = get_logger()
        files.ensure(_now())
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.set_alpn_protocols(["http/1.1"])
        load(self.context, files.chain)
        self._seen = self._stamps()

    async def run(self) -> None:
        """Renew the certificate in time, and serve a replaced one; ends by cancellation."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self.look()

    async def look(self) -> None:
        """Check the files; a problem with new ones is logged, and the old ones stay in use."""
        try:
            await asyncio.to_thread(self._files.ensure, _now())
            stamps = self._stamps()
            if stamps != self._seen:
                load(self.context, self._files.chain)
                self._seen = stamps
                self._log.info("certificate.loaded", file=str(self._files.chain[0]))
        except SettingsError as error:
            self._log.warning("certificate.unusable", reason=str(error))

    def _stamps(self) -> list[tuple[int, int, int]]:
        """Values that change when a file is replaced or written again."""
        found = [path.stat() for path in self._files.chain if path is not None]
        return [(each.st_ino, each.st_mtime_ns, each.st_size) for each in found]


def files_of(settings: ManagementSettings) -> LocalFiles | OwnFiles:
    """The files for the settings: the user's own, or generated ones.

    Raises:
        SettingsError: The user's own are incomplete, or a name is invalid.
    """
    own = {
        "PORTCALL_TLS_CERT_FILE": settings.tls_cert_file,
        "PORTCALL_TLS_KEY_FILE": settings.tls_key_file,
    }
    missing = [name for name, path in own.items() if path is None]
    if settings.tls_cert_file is not None and settings.tls_key_file is not None:
        return OwnFiles(settings.tls_cert_file, settings.tls_key_file, settings.tls_ca_file)
    if len(missing) == 1 or settings.tls_ca_file is not None:
        needed = " and ".join(missing)
        raise SettingsError(
            f"{needed}: must be set, too: a certificate of your own is PORTCALL_TLS_CERT_FILE and"
            " PORTCALL_TLS_KEY_FILE, and PORTCALL_TLS_CA_FILE where clients do not trust its CA"
        )
    return LocalFiles(settings.home.resolve() / "tls", names(settings))


def names(settings: ManagementSettings) -> frozenset[str]:
    """The certificate's names: the loopback, this machine, and those in the settings.

    Raises:
        SettingsError: PORTCALL_TLS_NAMES has an entry that is neither a host name nor an address.
    """
    found = {*ALWAYS, *(_checked(name) for name in settings.tls_names)}
    if settings.tls_bind is not None:
        found |= _served(settings.tls_bind.host)
    return frozenset(found | _served(socket.gethostname()))


def _served(host: str) -> set[str]:
    """A host that clients may name; none if it means all addresses of the machine."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return {host.lower()} if _HOST_NAME.fullmatch(host) else set()
    return set() if address.is_unspecified else {str(address)}


def _checked(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        if _HOST_NAME.fullmatch(name.removeprefix("*.")):
            return name.lower()
        raise SettingsError(
            f"PORTCALL_TLS_NAMES: {name[:64]!r} is neither a host name nor an address"
        ) from None


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
