"""Private authorities, client certificates, and what a record says where TLS fails."""

import asyncio
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from portcall.deliverer.post.attempts import Attempt
from portcall.deliverer.post.request import Request, Template
from portcall.deliverer.post.sender import Sender
from portcall.deliverer.post.trust import MAX_CONTEXTS, Trusts
from portcall.runtime.errors import SettingsError
from portcall.runtime.trust import TrustFiles, context_of
from portcall.schemas.records import Failure
from portcall.schemas.trust import Trust
from tests.authorities import (
    EDI_NAMES,
    X400_NAMES,
    Identity,
    authority,
    self_signed,
    server_context,
    tls_server,
    unreadable,
)
from tests.integration.deliverer.conftest import LOOPBACK
from tests.integration.deliverer.endpoints import endpoint, once
from tests.unit.deliverer.samples import webhook

TIMEOUT_S = 3.0
CA = authority()
OTHER_CA = authority("Another CA")
SERVER = CA.issue()
CLIENT = CA.issue("portcall")
UNREADABLE = unreadable(CA)
VERSIONS = pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"]
)


def trust(ca: Identity | None = CA, client: Identity | None = None) -> Trust:
    return Trust(
        ca.pem if ca else "", client.pem if client else "", client.key_pem if client else ""
    )


def request_to(uri: str, own: Trust | None, body: bytes = b"{}") -> Request:
    template = Template.of(webhook(uri=uri, trust=own))
    return template.request(delivery_id="msg_A", body=body, now_s=1_772_619_630)


async def posted(
    uri: str, own: Trust | None = None, *, trusts: Trusts | None = None, body: bytes = b"{}"
) -> Attempt:
    async with Sender(timeout_s=TIMEOUT_S, allowed=LOOPBACK, trusts=trusts) as sender:
        return await sender.send(request_to(uri, own, body))


# -- what is accepted, and shown -----------------------------------------------------------------


@VERSIONS
async def test_a_private_authority_of_the_webhook(tmp_path: Path, version: ssl.TLSVersion) -> None:
    with tls_server(server_context(tmp_path, SERVER, version=version)) as server:
        assert (await posted(server.url, trust())).succeeded
        assert not (await posted(server.url)).succeeded
        assert not (await posted(server.url, trust(OTHER_CA))).succeeded
    assert len(server.requests) == 1


@VERSIONS
async def test_a_client_certificate_of_the_webhook(tmp_path: Path, version: ssl.TLSVersion) -> None:
    context = server_context(tmp_path, SERVER, clients=CA, version=version)
    with tls_server(context) as server:
        attempt = await posted(server.url, trust(client=CLIENT))
    assert attempt.succeeded, attempt.message
    assert server.clients == ["((('commonName', 'portcall'),),)"]


async def test_a_bundle_may_hold_an_intermediate_or_the_servers_own(tmp_path: Path) -> None:
    middle = CA.issue("Middle", hosts=(), is_ca=True)
    below = middle.issue()
    alone = self_signed()
    only_middle = Identity(middle.certificate, middle.key).pem
    for identity, pem in ((below, CA.pem), (below, only_middle), (alone, alone.pem)):
        with tls_server(server_context(tmp_path, identity)) as server:
            attempt = await posted(server.url, Trust(pem))
        assert attempt.succeeded, attempt.message


async def test_a_webhooks_authorities_are_the_only_ones(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(CA.pem)
    trusts = Trusts(files=TrustFiles(ca=ca_file))
    with tls_server(server_context(tmp_path, SERVER)) as server:
        assert (await posted(server.url, trusts=trusts)).succeeded
        assert (await posted(server.url, trust(OTHER_CA), trusts=trusts)).failure is Failure.TLS


async def test_connections_are_never_shared_between_identities(tmp_path: Path) -> None:
    """One endpoint, many webhooks: with two clients, none, and another idea of whom to trust."""
    second = CA.issue("second")
    context = server_context(tmp_path, SERVER)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=CA.pem)
    owns = [trust(client=CLIENT), trust(client=second), trust(), trust(OTHER_CA), None]
    with tls_server(context) as server:
        async with Sender(timeout_s=TIMEOUT_S, allowed=LOOPBACK) as sender:
            for _ in range(3):
                attempts = [await sender.send(request_to(server.url, own)) for own in owns]
                assert [each.succeeded for each in attempts] == [True, True, True, False, False]
    assert server.clients == [
        "((('commonName', 'portcall'),),)", "((('commonName', 'second'),),)", "",
    ]  # fmt: skip
    assert len(server.requests) == 9


async def test_equal_trust_shares_connections_and_a_context(tmp_path: Path) -> None:
    trusts = Trusts()
    with tls_server(server_context(tmp_path, SERVER)) as server:
        async with Sender(timeout_s=TIMEOUT_S, allowed=LOOPBACK, trusts=trusts) as sender:
            for _ in range(5):
                assert (await sender.send(request_to(server.url, trust()))).succeeded
    assert server.connections == 1
    first, second = await asyncio.gather(trusts.context(trust()), trusts.context(trust()))
    assert first[0] is second[0]


async def test_contexts_are_bounded() -> None:
    trusts = Trusts()
    made = [Trust(CA.issue(f"ca{n}", is_ca=True).pem) for n in range(MAX_CONTEXTS + 3)]
    for each in made:
        await trusts.context(each)
    assert len(trusts._made) == MAX_CONTEXTS


async def test_a_client_certificate_is_not_shown_to_who_is_not_trusted(tmp_path: Path) -> None:
    rogue = server_context(tmp_path, OTHER_CA.issue())
    rogue.verify_mode = ssl.CERT_OPTIONAL
    rogue.load_verify_locations(cadata=CA.pem)
    with tls_server(rogue) as server:
        assert (await posted(server.url, trust(client=CLIENT))).failure is Failure.TLS
    assert not any(server.clients)


# -- the installation's files --------------------------------------------------------------------


def files(folder: Path, ca: Identity | None, client: Identity | None) -> TrustFiles:
    if ca:
        (folder / "ca.crt").write_text(ca.pem)
    if client:
        (folder / "client.crt").write_text(client.pem)
        (folder / "client.key").write_text(client.key_pem)
    return TrustFiles(
        folder / "ca.crt" if ca else None,
        folder / "client.crt" if client else None,
        folder / "client.key" if client else None,
    )


@VERSIONS
async def test_an_installations_authority_and_client_certificate(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    trusts = Trusts(files=files(tmp_path, CA, CLIENT))
    context = server_context(tmp_path, SERVER, clients=CA, version=version)
    with tls_server(context) as server:
        assert (await posted(server.url, trusts=trusts)).succeeded
        own = CA.issue("own")
        assert (await posted(server.url, trust(client=own), trusts=trusts)).succeeded
        assert (await posted(server.url, trust(), trusts=trusts)).succeeded
    assert [each.split("'")[3] for each in server.clients] == ["portcall", "own", "portcall"]


async def test_one_file_may_hold_certificate_and_key(tmp_path: Path) -> None:
    both = CLIENT.write(tmp_path / "both.pem")
    (tmp_path / "ca.crt").write_text(CA.pem)
    trusts = Trusts(files=TrustFiles(tmp_path / "ca.crt", both))
    with tls_server(server_context(tmp_path, SERVER, clients=CA)) as server:
        assert (await posted(server.url, trusts=trusts)).succeeded


async def test_renewed_files_are_used_without_a_restart(tmp_path: Path) -> None:
    trusts = Trusts(files=files(tmp_path, CA, CLIENT))
    with tls_server(server_context(tmp_path, SERVER, clients=CA)) as server:
        async with Sender(timeout_s=TIMEOUT_S, allowed=LOOPBACK, trusts=trusts) as sender:
            assert (await sender.send(request_to(server.url, None))).succeeded
            for bad in ("half a file", *UNREADABLE):
                (tmp_path / "client.crt").write_text(bad)
                await trusts.look()
                sender._pool.close()
                assert (await sender.send(request_to(server.url, None))).succeeded
            renewed = CA.issue("renewed")
            (tmp_path / "client.crt").write_text(renewed.pem)
            (tmp_path / "client.key").write_text(renewed.key_pem)
            await trusts.look()
            sender._pool.close()
            assert (await sender.send(request_to(server.url, None))).succeeded
    assert [each.split("'")[3] for each in server.clients] == [
        "portcall", *["portcall"] * 5, "renewed",
    ]  # fmt: skip


async def test_a_withdrawn_certificate_is_not_used_any_more_by_connections_that_are_kept_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portcall.deliverer.post.trust.LOOK_EVERY_S", 0.02)
    trusts = Trusts(files=files(tmp_path, CA, CLIENT))
    with tls_server(server_context(tmp_path, SERVER, clients=CA)) as server:
        async with Sender(timeout_s=TIMEOUT_S, allowed=LOOPBACK, trusts=trusts) as sender:
            assert (await sender.send(request_to(server.url, None))).succeeded
            (tmp_path / "ca.crt").write_text(OTHER_CA.pem)
            attempt, until = None, time.monotonic() + 5
            while (attempt is None or attempt.succeeded) and time.monotonic() < until:
                attempt = await sender.send(request_to(server.url, None))
                await asyncio.sleep(0.005)
    assert attempt is not None and attempt.failure is Failure.TLS
    assert server.connections == 2


@pytest.mark.parametrize("own", [trust(), None], ids=["own", "usual"])
async def test_a_connection_has_the_version_that_its_context_was_made_of(
    tmp_path: Path, own: Trust | None
) -> None:
    """The files change while a context is made: with it comes the version of before."""
    trusts = Trusts(files=files(tmp_path, CA, CLIENT))
    made = asyncio.ensure_future(trusts.context(own))
    await asyncio.sleep(0)
    trusts._usual_trust, trusts.version = Trust(), trusts.version + 1
    context, version = await made
    assert version == 0
    again, version = await trusts.context(own)
    assert version == 1
    assert (again is context) is (own is None)


async def test_a_connection_of_before_a_renewal_is_not_used_any_more(tmp_path: Path) -> None:
    trusts = Trusts(files=files(tmp_path, CA, CLIENT))
    with tls_server(server_context(tmp_path, SERVER, clients=CA)) as server:
        async with Sender(timeout_s=TIMEOUT_S, allowed=LOOPBACK, trusts=trusts) as sender:
            for _ in range(2):
                assert (await sender.send(request_to(server.url, None))).succeeded
            trusts.version += 1
            for _ in range(2):
                assert (await sender.send(request_to(server.url, None))).succeeded
    assert server.connections == 2


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "ca.crt").unlink(), "ca.crt: No such file"),
        (lambda folder: (folder / "ca.crt").write_text("no PEM"), "cannot be used"),
        (lambda folder: (folder / "client.crt").write_text("no PEM"), "has no certificate in PEM"),
        (lambda folder: (folder / "client.key").write_text("no PEM"), "one private key in PEM"),
        (
            lambda folder: (folder / "client.key").write_text(CA.issue().key_pem),
            "key values mismatch",
        ),
    ],
)
def test_files_that_cannot_be_used_are_said_at_the_start(
    tmp_path: Path, spoil: Callable[[Path], object], words: str
) -> None:
    named = files(tmp_path, CA, CLIENT)
    spoil(tmp_path)
    with pytest.raises(SettingsError, match=words):
        Trusts(files=named)


@pytest.mark.parametrize("text", UNREADABLE, ids=["x400", "edi", "version", "twice"])
def test_a_client_certificate_that_cannot_be_read_is_said_at_the_start(
    tmp_path: Path, text: str
) -> None:
    named = files(tmp_path, CA, CLIENT)
    (tmp_path / "client.crt").write_text(text)
    with pytest.raises(SettingsError, match="CLIENT_CERT_FILE: has a certificate that cannot be"):
        Trusts(files=named)


async def test_authorities_in_a_file_may_have_names_around_that_are_not_ascii(
    tmp_path: Path,
) -> None:
    named = files(tmp_path, CA, CLIENT)
    (tmp_path / "ca.crt").write_text(
        f"\ufeff# F\u0151tan\u00fas\u00edtv\u00e1ny\n{CA.pem}", "utf-8"
    )
    with tls_server(server_context(tmp_path, SERVER)) as server:
        assert (await posted(server.url, trusts=Trusts(files=named))).succeeded
        assert (await posted(server.url, trust(None, CLIENT), trusts=Trusts(files=named))).succeeded


def test_a_key_without_a_certificate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="needs a client certificate"):
        Trusts(files=TrustFiles(key=tmp_path / "client.key"))


# -- what a record says --------------------------------------------------------------------------


def day(identity: Identity, *, first: bool = False) -> str:
    certificate = identity.certificate
    found = certificate.not_valid_before_utc if first else certificate.not_valid_after_utc
    return f"{found:%Y-%m-%d}"


EXPIRED = CA.issue("expired", days=-3)
FUTURE = CA.issue("future", from_days=5)
ELSEWHERE = CA.issue("elsewhere", hosts=("a.example", "b.example"))
MANY = CA.issue("many", hosts=[f"h{n}.example" for n in range(9)])
NAMELESS = CA.issue("just a name", hosts=())
OLD_MIDDLE = CA.issue("Old", hosts=(), is_ca=True, days=-2)
NOT_ACCEPTED = "the certificate was not accepted: "


@VERSIONS
@pytest.mark.parametrize(
    ("identity", "words"),
    [
        (self_signed(), "self-signed certificate"),
        (
            OTHER_CA.issue(),
            "unknown certificate authority, or the server leaves out an intermediate certificate",
        ),
        (EXPIRED, f"it expired on {day(EXPIRED)}"),
        (FUTURE, f"it is valid from {day(FUTURE, first=True)} on"),
        (ELSEWHERE, "it is for a.example, b.example, not 127.0.0.1"),
        (MANY, "it is for h0.example, h1.example, h2.example, h3.example, ..., not 127.0.0.1"),
        (NAMELESS, "it is for just a name, not 127.0.0.1"),
        (OLD_MIDDLE.issue(), "a certificate of its chain has expired"),
    ],
    ids=[
        "self-signed", "unknown", "expired", "future", "name", "names", "no-names", "chain",
    ],
)  # fmt: skip
async def test_why_a_servers_certificate_is_not_accepted(
    tmp_path: Path, identity: Identity, words: str, version: ssl.TLSVersion
) -> None:
    with tls_server(server_context(tmp_path, identity, version=version)) as server:
        attempt = await posted(server.url, trust())
    assert (attempt.failure, attempt.message) == (Failure.TLS, NOT_ACCEPTED + words)
    assert not server.requests


@pytest.mark.parametrize("names", [X400_NAMES, EDI_NAMES], ids=["x400", "edi"])
async def test_a_refused_certificate_that_cannot_be_read(tmp_path: Path, names: bytes) -> None:
    odd = CA.issue("odd", raw_names=names)
    with tls_server(server_context(tmp_path, odd)) as server:
        attempt = await posted(server.url, trust())
    assert (attempt.failure, attempt.message) == (
        Failure.TLS,
        f"{NOT_ACCEPTED}it is not for 127.0.0.1",
    )


async def test_a_chain_that_ends_in_a_stranger(tmp_path: Path) -> None:
    below = OTHER_CA.issue()
    with_root = Identity(below.certificate, below.key, (OTHER_CA.certificate,))
    with tls_server(server_context(tmp_path, with_root)) as server:
        attempt = await posted(server.url, trust())
    assert attempt.message == (
        f"{NOT_ACCEPTED}unknown certificate authority: its chain ends in a certificate that is not"
        " trusted here"
    )


NO_AGREEMENT = (
    "the server refused the TLS handshake: it requires a client certificate, or shares no cipher or"
    " signature with Portcall"
)
REFUSED = "the server does not accept the client certificate"


@pytest.mark.parametrize("body", [b"{}", b"x" * 300_000], ids=["small", "large"])
@pytest.mark.parametrize(
    ("client", "version", "words"),
    [
        (
            None,
            ssl.TLSVersion.TLSv1_2,
            NO_AGREEMENT,
        ),
        (None, ssl.TLSVersion.TLSv1_3, "the server requires a client certificate"),
        (OTHER_CA.issue("x"), ssl.TLSVersion.TLSv1_2, f"{REFUSED}: unknown certificate authority"),
        (OTHER_CA.issue("x"), ssl.TLSVersion.TLSv1_3, f"{REFUSED}: unknown certificate authority"),
        (CA.issue("x", days=-1), ssl.TLSVersion.TLSv1_2, f"{REFUSED}: it has expired"),
        (CA.issue("x", days=-1), ssl.TLSVersion.TLSv1_3, f"{REFUSED}: it has expired"),
    ],
    ids=["none-1.2", "none-1.3", "stranger-1.2", "stranger-1.3", "expired-1.2", "expired-1.3"],
)
async def test_what_the_server_says_of_the_client_certificate(
    tmp_path: Path, client: Identity | None, version: ssl.TLSVersion, words: str, body: bytes
) -> None:
    context = server_context(tmp_path, SERVER, clients=CA, version=version)
    with tls_server(context) as server:
        attempt = await posted(server.url, trust(client=client), body=body)
    assert (attempt.failure, attempt.message) == (Failure.TLS, words)


async def test_a_port_without_tls(tmp_path: Path) -> None:
    with tls_server(None) as server:
        attempt = await posted(server.url)
    assert attempt.failure is Failure.TLS
    assert attempt.message == "the port does not speak TLS: is it http:// there?"


async def test_a_port_with_tls_that_is_asked_without() -> None:
    alert = b"\x15\x03\x01\x00\x02\x02\x46"  # as GnuTLS and NSS answer; others speak HTTP then
    async with endpoint(once(alert)) as server:
        attempt = await posted(server.url)
    assert attempt.failure is Failure.PROTOCOL
    assert attempt.message == "the answer is not HTTP: the port speaks TLS: https://"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_a_server_of_old_versions_only(tmp_path: Path) -> None:
    context = server_context(tmp_path, SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    with tls_server(context) as server:
        attempt = await posted(server.url, trust())
    assert attempt.message == "the server speaks no TLS version from 1.2 on"


async def test_a_server_that_hangs_in_the_handshake() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    began = time.monotonic()
    async with Sender(timeout_s=0.5, allowed=LOOPBACK) as sender:
        attempt = await sender.send(request_to(f"https://127.0.0.1:{port}/", None))
    server.close()
    assert attempt.failure is Failure.TIMEOUT
    assert attempt.message == "the TLS handshake did not end within the attempt timeout"
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
async def test_a_server_that_hangs_up_in_the_handshake(*, reset: bool) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        if reset:
            writer.transport.abort()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    attempt = await posted(f"https://127.0.0.1:{port}/")
    server.close()
    assert attempt.failure is Failure.TLS
    assert attempt.message == "the server ended the connection during the TLS handshake"


async def test_a_refused_certificate_is_looked_at_once_and_nothing_is_sent_or_shown(
    tmp_path: Path,
) -> None:
    context = server_context(tmp_path, EXPIRED)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(cadata=CA.pem)
    with tls_server(context) as server:
        async with Sender(timeout_s=TIMEOUT_S, allowed=LOOPBACK) as sender:
            for _ in range(4):
                attempt = await sender.send(request_to(server.url, trust(client=CLIENT)))
                assert attempt.message.endswith(f"it expired on {day(EXPIRED)}")
    assert server.connections == 5
    assert not server.requests
    assert not any(server.clients)


def test_a_key_is_on_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    opened: list[str] = []
    real = ssl.SSLContext.load_cert_chain

    def load(self: ssl.SSLContext, certfile: str, **rest: str) -> None:
        opened.append(str(Path(certfile).readlink()))
        real(self, certfile, **rest)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", load)
    context_of(trust(client=CLIENT), Trust())
    assert opened and all(each.startswith("/memfd:") for each in opened)
    assert not list(tmp_path.iterdir())
