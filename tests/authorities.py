"""Certificate authorities, certificates and TLS servers for tests; the servers send real alerts.

The servers are threads with blocking sockets: asyncio's own ends a connection whose handshake fails
without sending the alert that says why.
"""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID, NameOID

X400_NAMES = bytes.fromhex("3002a300")
EDI_NAMES = bytes.fromhex("3009a507a1050c0378797a")
"""A subjectAltName with one name of a kind that `cryptography` does not read."""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
DAY = dt.timedelta(days=1)
PrivateKey = ec.EllipticCurvePrivateKey


@dataclass(frozen=True)
class Identity:
    """A certificate, the chain behind it, and its key."""

    certificate: x509.Certificate
    key: PrivateKey
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> str:
        """The certificate with its chain."""
        every = (self.certificate, *self.chain)
        return "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in every)

    @property
    def key_pem(self) -> str:
        return self.encoded(serialization.NoEncryption())

    def encoded(self, encryption: serialization.KeySerializationEncryption) -> str:
        pkcs8 = serialization.PrivateFormat.PKCS8
        encoded: bytes = self.key.private_bytes(serialization.Encoding.PEM, pkcs8, encryption)
        return encoded.decode()

    def issue(
        self,
        name: str = "endpoint",
        *,
        hosts: Sequence[str] = ("127.0.0.1", "localhost"),
        days: float = 10,
        from_days: float = -30,
        is_ca: bool = False,
        key: PrivateKey | None = None,
        raw_names: bytes = b"",
    ) -> "Identity":
        """A certificate of this authority; *raw_names*: its subjectAltName in DER, not *hosts*."""
        made_key = key or ec.generate_private_key(ec.SECP256R1())
        signed = _signed(
            name,
            made_key,
            self,
            hosts=hosts,
            days=days,
            from_days=from_days,
            is_ca=is_ca,
            raw_names=raw_names,
        )
        return Identity(signed, made_key, self._above())

    def _above(self) -> tuple[x509.Certificate, ...]:
        is_root = self.certificate.issuer == self.certificate.subject
        return () if is_root else (self.certificate, *self.chain)

    def write(self, path: Path) -> Path:
        """Both in one file."""
        path.write_text(self.pem + self.key_pem)
        return path


def _signed(
    name: str,
    key: PrivateKey,
    issuer: Identity | None,
    *,
    hosts: Sequence[str],
    days: float,
    from_days: float,
    is_ca: bool,
    raw_names: bytes = b"",
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuing_key = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + from_days * DAY)
        .not_valid_after(now + days * DAY)
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing_key.public_key()),
            critical=False,
        )
        .add_extension(_usage(is_ca=is_ca), critical=True)
    )
    if raw_names:
        raw = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, raw_names)
        builder = builder.add_extension(raw, critical=False)
    elif hosts:
        names = [
            x509.IPAddress(ipaddress.ip_address(host))
            if host[0].isdecimal()
            else x509.DNSName(host)
            for host in hosts
        ]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(issuing_key, hashes.SHA256())


def _usage(*, is_ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=is_ca, crl_sign=is_ca,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def authority(name: str = "Test CA", days: float = 100) -> Identity:
    """An authority that nobody knows."""
    key = ec.generate_private_key(ec.SECP256R1())
    return Identity(_signed(name, key, None, hosts=(), days=days, from_days=-400, is_ca=True), key)


def self_signed(name: str = "endpoint", hosts: Sequence[str] = ("127.0.0.1",)) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    return Identity(_signed(name, key, None, hosts=hosts, days=10, from_days=-30, is_ca=False), key)


def unreadable(issuer: Identity) -> list[str]:
    """PEM that is a certificate, but has odd names (two), an odd version, an extension twice."""
    odd = [issuer.issue("odd", raw_names=names).pem for names in (X400_NAMES, EDI_NAMES)]
    der = issuer.issue("odd").certificate.public_bytes(serialization.Encoding.DER)
    key_id, constraints = bytes.fromhex("0603551d0e"), bytes.fromhex("0603551d13")
    version_3, version_6 = bytes.fromhex("a003020102"), bytes.fromhex("a003020105")
    for found, put in ((version_3, version_6), (key_id, constraints)):
        assert der.count(found) == 1
        odd.append(ssl.DER_cert_to_PEM_cert(der.replace(found, put)))
    return odd


def server_context(
    folder: Path,
    identity: Identity,
    *,
    clients: Identity | None = None,
    version: ssl.TLSVersion | None = None,
) -> ssl.SSLContext:
    """A server's TLS; *clients*: whose certificates it requires."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.write(folder / f"{id(identity)}.pem"))
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients.pem)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


@dataclass
class TlsServer:
    """What a server saw."""

    port: int
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    clients: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/hook"


@contextmanager
def tls_server(context: ssl.SSLContext | None, answer: bytes = OK) -> Iterator[TlsServer]:
    """Answer each request; *context* None: plain HTTP, as a server does that is asked for TLS."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=100)
    server = TlsServer(listener.getsockname()[1])
    opened: list[socket.socket] = []

    def serve(raw: socket.socket) -> None:
        with suppress(OSError, ValueError):
            raw.settimeout(10)
            if context is None:
                raw.recv(1000)
                raw.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                raw.close()
                return
            with _secured(context, raw) as secured:
                shown = secured.getpeercert()
                server.clients.append(str(shown["subject"]) if shown else "")
                _answer(secured, server, answer)

    def accept() -> None:
        with suppress(OSError):
            while True:
                raw, _ = listener.accept()
                opened.append(raw)
                server.connections += 1
                threading.Thread(target=serve, args=(raw,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        listener.close()
        for raw in opened:
            raw.close()


def _secured(context: ssl.SSLContext, raw: socket.socket) -> ssl.SSLSocket:
    """Shake hands; after an alert, read on until the client hangs up.

    A server that closes with something unread resets the connection, and the client may lose the
    alert.
    """
    with raw.dup() as spare:
        spare.settimeout(10)
        secured = context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
        try:
            secured.do_handshake()
        except BaseException:
            with suppress(OSError):
                spare.shutdown(socket.SHUT_WR)
                while spare.recv(65_536):
                    pass
            secured.close()
            raise
        return secured


def _answer(secured: ssl.SSLSocket, server: TlsServer, answer: bytes) -> None:
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            part = secured.recv(65_536)
            if not part:
                return
            data += part
        head, _, data = data.partition(b"\r\n\r\n")
        lines = [line.partition(b":") for line in head.lower().split(b"\r\n")]
        length = next((int(value) for name, _, value in lines if name == b"content-length"), 0)
        while len(data) < length:
            data += secured.recv(65_536)
        server.requests.append(head + b"\r\n\r\n" + data[:length])
        data = data[length:]
        secured.sendall(answer)
