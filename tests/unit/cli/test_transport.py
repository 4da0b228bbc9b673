"""HTTP over a socket pair: a connection without a network."""

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import pytest

from portcall.cli.errors import NotRunningError, UsageError
from portcall.cli.transport import HttpTransport, Reply
from tests.unit.cli.fakes import ADMINISTRATOR

URL = "http://127.0.0.1:8400/base/"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nX-A: b\r\n\r\n" + b'{"a": 1}'


class Peer:
    """The other end: for each connection the answers that it gives, one for each request."""

    def __init__(self) -> None:
        self.answers: list[list[bytes] | Exception] = []
        self.asked = b""
        self._threads: list[threading.Thread] = []

    def connect(self, connection: http.client.HTTPConnection) -> None:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        ours, theirs = socket.socketpair()
        connection.sock = ours
        thread = threading.Thread(target=self._serve, args=(theirs, answer))
        thread.start()
        self._threads.append(thread)

    def _serve(self, theirs: socket.socket, answers: list[bytes]) -> None:
        with theirs:
            for answer in answers:
                self.asked += theirs.recv(65536)
                theirs.sendall(answer)
            theirs.shutdown(socket.SHUT_WR)
            while part := theirs.recv(65536):
                self.asked += part

    def join(self) -> None:
        for thread in self._threads:
            thread.join(5)


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    fake = Peer()

    def connect(connection: http.client.HTTPConnection) -> None:
        fake.connect(connection)

    monkeypatch.setattr(http.client.HTTPConnection, "connect", connect)
    yield fake
    fake.join()


def test_a_request_carries_the_token_and_its_body(peer: Peer) -> None:
    peer.answers = [[OK]]
    with HttpTransport(URL, token=ADMINISTRATOR) as http_:
        answer = http_.request("PUT", "/x?y=1", b'{"b": 2}')
    peer.join()
    assert answer == Reply(200, b'{"a": 1}', {"content-length": "8", "x-a": "b"})
    assert answer.document == {"a": 1}
    head, _, body = peer.asked.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"PUT /base/x?y=1 HTTP/1.1"
    assert {
        f"Authorization: Bearer {ADMINISTRATOR}".encode(),
        b"Content-Type: application/json",
    } <= set(lines)
    assert body == b'{"b": 2}'


def test_a_post_without_a_body_says_that_it_has_none(peer: Peer) -> None:
    peer.answers = [[OK]]
    with HttpTransport(URL, token="") as http_:
        http_.request("POST", "/ping")
    peer.join()
    assert b"Content-Length: 0" in peer.asked
    assert b"Authorization" not in peer.asked


def test_one_connection_serves_several_requests(peer: Peer) -> None:
    peer.answers = [[OK, OK]]
    with HttpTransport(URL, token=ADMINISTRATOR) as http_:
        assert http_.request("GET", "/1").status == 200
        assert http_.request("GET", "/2").status == 200


def test_a_connection_that_the_server_closes_is_made_again(peer: Peer) -> None:
    closing = OK.replace(b"X-A: b", b"Connection: close")
    peer.answers = [[closing], [OK]]
    with HttpTransport(URL, token=ADMINISTRATOR) as http_:
        assert http_.request("GET", "/1").status == 200
        assert http_.request("GET", "/2").status == 200


@pytest.mark.parametrize("body", [b"", b"<html>"])
def test_a_body_that_is_no_json_is_no_document(body: bytes) -> None:
    assert Reply(502, body, {}).document is None


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        pytest.param(
            ConnectionRefusedError(111, "Connection refused"),
            r"no server answers at http://127.0.0.1:8400/base \(connection refused\): start",
            id="refused",
        ),
        pytest.param(
            socket.gaierror(-2, "Name or service not known"), "name or service", id="no such host"
        ),
        pytest.param(TimeoutError("timed out"), "did not answer in time", id="timeout"),
        pytest.param(
            ssl.SSLCertVerificationError(1, "self-signed"), "SSL_CERT_FILE", id="certificate"
        ),
        pytest.param(b"", "no server answers", id="closed at once"),
        pytest.param(b"SSH-2.0-x\r\n", "no server answers", id="not HTTP"),
        pytest.param(OK[:-3], "no server answers", id="half an answer"),
    ],
)
def test_failures_of_the_network_are_told_in_words(
    peer: Peer, failure: bytes | Exception, message: str
) -> None:
    if isinstance(failure, ssl.SSLCertVerificationError):
        failure.verify_message = "self-signed certificate"
    peer.answers = [failure if isinstance(failure, Exception) else [failure]]
    with (
        HttpTransport(URL, token=ADMINISTRATOR) as http_,
        pytest.raises(NotRunningError, match=message),
    ):
        http_.request("GET", "/")


@pytest.mark.parametrize("ask", ["request", "lines"])
def test_after_a_failure_the_next_request_connects_again(peer: Peer, ask: str) -> None:
    peer.answers = [[b""], [OK]]
    failing: dict[str, Callable[[HttpTransport], object]] = {
        "request": lambda transport: transport.request("GET", "/"),
        "lines": lambda transport: list(transport.lines("/", "text/event-stream")),
    }
    with HttpTransport(URL, token=ADMINISTRATOR) as http_:
        with pytest.raises(NotRunningError):
            failing[ask](http_)
        assert http_.request("GET", "/").status == 200


def test_lines_come_one_by_one_from_a_chunked_answer(peer: Peer) -> None:
    answer = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"e\r\n: following\n\nd\r\n6\r\nata: 1\r\n2\r\n\n\n\r\n0\r\n\r\n"
    )
    peer.answers = [[answer]]
    with HttpTransport(URL, token=ADMINISTRATOR) as http_:
        lines = list(http_.lines("/follow", "text/event-stream"))
    assert lines == [b": following", b"", b"data: 1", b""]


def test_an_error_instead_of_lines_is_given_as_a_reply(peer: Peer) -> None:
    peer.answers = [[b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"]]
    with HttpTransport(URL, token=ADMINISTRATOR) as http_:
        assert list(http_.lines("/", "x")) == [Reply(404, b"{}", {"content-length": "2"})]


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:8400", "ftp://x", "http://", "http://x:99999", "http://[::1"]
)
def test_an_address_that_is_none_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError, match="--url"):
        HttpTransport(url, token=ADMINISTRATOR)


def test_a_ca_file_that_is_none_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="CA file /nowhere/ca"):
        HttpTransport("https://127.0.0.1:8443", token=ADMINISTRATOR, ca_file="/nowhere/ca.pem")


@pytest.mark.parametrize(
    "url",
    [
        "http://user:hunter2@127.0.0.1:8400",
        "http://hunter2@127.0.0.1:8400/",
        "https://hunter2:@host.example",
        "http://user:hunter2@127.0.0.1:port",
        "ftp://user:hunter2@host.example",
        "user:hunter2@host.example",
        "http://a@hunter2@host.example",
        "http://user:hunter2@[::1",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError, match=r"--url: .*\*\*\*@") as raised:
        HttpTransport(url, token="")
    assert "hunter2" not in repr(raised.value) + repr(raised.value.__cause__)
