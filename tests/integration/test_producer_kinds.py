"""Every kind of source over HTTP, with the usual proof of each: whatever is sent, never a 5xx."""

import asyncio
import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from aiohttp import ClientSession
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portcall.cli.demo.proving import SampleIssuer, headers_of
from portcall.cli.demo.samples import Sample, sample_of
from portcall.producer.sources.adapter import MAX_BODY_BYTES
from portcall.runtime.errors import BrokerError
from portcall.schemas.sources import DEFAULT_PROOFS, NOTIFIERS, OVER_BODY, Proof, Source, SourceKind
from tests.integration.producing import Served, Sink, served

KINDS = list(SourceKind)
SECRET = "it-is-a-secret-of-the-tests"  # noqa: S105
ISSUER = SampleIssuer()
CLEAR = frozenset({200, 202, 400, 413, 415})
"""The answers to an authentic request."""


def source_of(kind: SourceKind) -> Source:
    proof, options = DEFAULT_PROOFS[kind], dict(sample_of(kind).options)
    if proof is Proof.OIDC:
        options |= ISSUER.options()
    secrets = () if proof is Proof.OIDC else (SECRET,)
    return Source("myregistry", kind.value, kind, proof, secrets, options)


SOURCES = [source_of(kind) for kind in KINDS]


def path_of(source: Source) -> str:
    path = f"/registries/myregistry/sources/{source.name}"
    return f"{path}/{SECRET}" if source.proof is Proof.PATH else path


@dataclass
class Running:
    """A producer in a thread of its own, for tests that block."""

    port: int = 0
    sink: Sink = field(default_factory=Sink)
    loop: asyncio.AbstractEventLoop | None = None
    stop: asyncio.Event | None = None

    async def run(self, began: threading.Event) -> None:
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        async with served(self.sink.publish, sources=SOURCES) as at:
            self.port = at.port
            began.set()
            await self.stop.wait()

    def end(self) -> None:
        if self.loop is not None and self.stop is not None:
            self.loop.call_soon_threadsafe(self.stop.set)


@pytest.fixture(scope="module")
def producer() -> Iterator[Running]:
    running, began = Running(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(running.run(began)))
    thread.start()
    assert began.wait(20)
    yield running
    running.end()
    thread.join(20)


def post(port: int, source: Source, sample: Sample, body: bytes) -> tuple[int, bytes]:
    """Send a body with a valid proof of its own."""
    sent = Sample(sample.kind, "", "", "", {}, sample.headers, None)
    headers = headers_of(_with_body(sent, body), source, ISSUER)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", path_of(source), body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class _Raw(Sample):
    """A sample whose body is bytes of any kind."""

    __slots__ = ("raw",)
    raw: bytes

    @property
    def body(self) -> bytes:
        return self.raw


def _with_body(sample: Sample, body: bytes) -> Sample:
    raw = _Raw(sample.kind, "", "", "", {}, sample.headers, None)
    object.__setattr__(raw, "raw", body)
    return raw


@pytest.mark.parametrize("kind", KINDS)
def test_a_good_request_is_one_event(producer: Running, kind: SourceKind) -> None:
    sample, source = sample_of(kind), source_of(kind)
    before = len(producer.sink.events)
    status, answer = post(producer.port, source, sample, sample.body)
    assert status == (202 if kind in NOTIFIERS else 200), answer
    assert json.loads(answer) == {"accepted": 1, "ignored": 0}
    assert [each.repository for each in producer.sink.events[before:]] == [sample.repository]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([2**63, 10**400, 1e308, -1, 0])
    | st.text(max_size=20)
    | st.sampled_from(["", "\0", "\ud800", "é" * 2000, ":", "@", "a:b:c", "sha256:", "PUSH"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all places in a body, its root first."""
    inner: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(each for name, part in inner for each in places(part, (*path, name)))]


def put(value: object, path: tuple[str | int, ...], other: object) -> object:
    """*value* with another one at a path."""
    if not path:
        return other
    if isinstance(value, dict):
        return {**value, path[0]: put(value[path[0]], path[1:], other)}
    if isinstance(value, list) and isinstance(path[0], int):
        return [
            put(each, path[1:], other) if n == path[0] else each for n, each in enumerate(value)
        ]
    return other


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_json_is_answered_clearly(
    producer: Running, kind: SourceKind, data: st.DataObject
) -> None:
    sample, source = sample_of(kind), source_of(kind)
    body = put(sample.content, data.draw(st.sampled_from(places(sample.content))), data.draw(JSON))
    status, answer = post(producer.port, source, sample, json.dumps(body).encode())
    assert status in CLEAR, answer


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.binary(max_size=200))
def test_any_bytes_are_answered_clearly(producer: Running, kind: SourceKind, body: bytes) -> None:
    status, answer = post(producer.port, source_of(kind), sample_of(kind), body)
    assert status in CLEAR, answer


@pytest.mark.parametrize("size", [1024 * 1024, MAX_BODY_BYTES - 2_000, MAX_BODY_BYTES + 1])
@pytest.mark.parametrize("kind", KINDS)
def test_any_size_is_answered_clearly(producer: Running, kind: SourceKind, size: int) -> None:
    sample = sample_of(kind)
    text = sample.body
    body = text[:-1] + b" " * (size - len(text)) + text[-1:]
    if kind not in NOTIFIERS and size > MAX_BODY_BYTES:
        assert post_head(producer.port, source_of(kind), sample, size) == 413
        return
    status, answer = post(producer.port, source_of(kind), sample, body)
    assert status in {200, 202}, answer
    counts = json.loads(answer)  # an equal event of a kind without ids is ignored for a while
    assert counts["accepted"] + counts["ignored"] == 1


def post_head(port: int, source: Source, sample: Sample, size: int) -> int:
    """Announce a body of that size, send none of it, and return the status."""
    headers = headers_of(sample, source, ISSUER) | {"Content-Length": str(size)}
    return _answered(port, path_of(source), headers)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_proof_no_body_is_read(producer: Running, kind: SourceKind) -> None:
    source = source_of(kind)
    path = path_of(source).removesuffix(SECRET) + ("wrong" if source.proof is Proof.PATH else "")
    headers = {**sample_of(kind).headers, "Content-Length": "100000"}
    assert _answered(producer.port, path, headers) == 401


@pytest.mark.parametrize("kind", [each for each in KINDS if DEFAULT_PROOFS[each] in OVER_BODY])
def test_a_wrong_signature_reads_no_further_than_the_limit(
    producer: Running, kind: SourceKind
) -> None:
    """The sender has a signature of the right form, and sends a body without an end."""
    source = source_of(kind)
    name, prefix = source.header
    digits = 40 if source.proof is Proof.HMAC_SHA1 else 64
    headers = {name: f"{prefix}{'0' * digits}", "Transfer-Encoding": "chunked"}
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with socket.create_connection(("127.0.0.1", producer.port), timeout=20) as sender:
        sender.sendall(_head(path_of(source), headers))
        for _ in range(MAX_BODY_BYTES // 0x10000 + 1):
            sender.sendall(chunk)
        assert int(sender.recv(4096).split()[1]) == 413
        began = time.monotonic()
        with contextlib.suppress(OSError):  # what comes now is dropped for a second
            while time.monotonic() < began + 20:
                sender.sendall(chunk)
    assert time.monotonic() < began + 10


def _head(path: str, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode()


def _answered(port: int, path: str, headers: dict[str, str]) -> int:
    """The status of the answer to a head alone."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sender:
        sender.sendall(_head(path, headers))
        return int(sender.recv(4096).split()[1])


async def ask(at: Served, source: Source, body: bytes | None = None) -> int:
    sample = sample_of(source.kind)
    headers = headers_of(sample, source, ISSUER)
    async with (
        ClientSession(at.url) as client,
        client.post(path_of(source), data=body or sample.body, headers=headers) as answer,
    ):
        if answer.status == 503:
            assert answer.headers["Retry-After"]
        return answer.status


async def test_a_broker_that_is_away_is_503_for_every_kind() -> None:
    """Never 400, 401, 403 or 413: Event Grid drops what gets one of these."""
    sink = Sink(error=BrokerError("away"))
    async with served(sink.publish, sources=SOURCES) as at:
        assert {await ask(at, each) for each in SOURCES} == {503}
