"""HTTP for the command line: blocking, from the standard library, so that commands start fast.

`HttpTransport` knows one server and follows no redirect to another: the token goes only there.
"""

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self
from urllib.parse import SplitResult, urlsplit

from portcall.cli.errors import NotRunningError, UsageError

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer of a server."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def document(self) -> object:
        """Return the body as JSON; None if it is empty or not JSON."""
        try:
            document: object = json.loads(self.body) if self.body else None
        except ValueError:
            return None
        return document


class Transport(Protocol):
    """The part of HTTP that `cli.client.Management` needs."""

    def request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        content_type: str = "application/json",
    ) -> Reply:
        """Send a request, and read the whole answer, whatever its status."""
        ...

    def lines(self, target: str, accept: str) -> Iterator[Reply | bytes]:
        """Request an endless answer: return an error's `Reply`, or yield line after line."""
        ...


class HttpTransport:
    """One keep-alive connection to one server; reopened after the server closes it."""

    def __init__(
        self, url: str, *, token: str, ca_file: str = "", patience_s: float = ANSWER_TIMEOUT_S
    ) -> None:
        parts = _split(url)
        self._url = url.rstrip("/")
        self._prefix = parts.path.rstrip("/")
        self._authorization = {"Authorization": f"Bearer {token}"} if token else {}
        self._patience_s = patience_s
        self._secure = parts.scheme == "https"
        # Certificates have no final dot in a name, and neither has the hosts file.
        self._host, self._port = (parts.hostname or "").removesuffix("."), parts.port
        self._context = _tls(ca_file) if self._secure else None
        self._kept: http.client.HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        if self._kept is not None:
            self._kept.close()
        self._kept = None

    def request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        content_type: str = "application/json",
    ) -> Reply:
        """Send a request, and read the whole answer, whatever its status.

        Raises:
            NotRunningError: No server answers there, or it does not speak HTTP.
        """
        headers = {**self._authorization, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = content_type
        elif method in {"POST", "PUT", "PATCH"}:
            headers["Content-Length"] = "0"
        with self._translated():
            connection = self._connection()
            connection.request(method, self._prefix + target, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.will_close:
                self.close()
            return Reply(answer.status, content, _headers(answer))

    def lines(self, target: str, accept: str) -> Iterator[Reply | bytes]:
        """Request an endless answer: return an error's `Reply`, or yield line after line.

        This uses a separate connection. It ends when the server closes it, or is silent for longer
        than the answer timeout (server-sent events have a comment every few seconds).

        Raises:
            NotRunningError: No server answers there, or the connection broke.
        """
        headers = {**self._authorization, "Accept": accept}
        with self._translated():
            connection = self._open()
            try:
                connection.request("GET", self._prefix + target, headers=headers)
                answer = connection.getresponse()
                if answer.status != http.HTTPStatus.OK:
                    yield Reply(answer.status, answer.read(), _headers(answer))
                    return
                while line := answer.readline():
                    yield line.rstrip(b"\r\n")
            finally:
                connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self._kept is None:
            self._kept = self._open()
        return self._kept

    def _open(self) -> http.client.HTTPConnection:
        if self._secure:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                self._host, self._port, timeout=CONNECT_TIMEOUT_S, context=self._context
            )
        else:
            connection = http.client.HTTPConnection(
                self._host, self._port, timeout=CONNECT_TIMEOUT_S
            )
        connection.connect()
        connection.sock.settimeout(self._patience_s)
        return connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Describe a network failure and what to do; the connection is dropped."""
        try:
            yield
        except ssl.SSLCertVerificationError as error:
            self.close()
            raise NotRunningError(
                f"the certificate of {self._url} is not trusted ({error.verify_message}): set"
                " SSL_CERT_FILE to its CA file, or use the http address"
            ) from error
        except TimeoutError as error:
            self.close()
            raise NotRunningError(
                f"{self._url} did not answer in time: run `portcall doctor` to see what is"
                " wrong there"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NotRunningError(
                f"no server answers at {self._url} ({_reason(error)}): start one with"
                " `portcall up`, or give another address with --url"
            ) from error


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 (reading it checks it)
    except ValueError:
        raise _no_address(url) from None  # its message may contain a password
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise _no_address(url)
    if "@" in parts.netloc:
        raise UsageError(
            f"--url: {shown(url)!r} contains a user or a password, which is not sent: remove"
            " it, and set PORTCALL_TOKEN"
        )
    return parts


def _no_address(url: str) -> UsageError:
    return UsageError(f"--url: {shown(url)!r} is not an address: write it as http://127.0.0.1:8400")


def shown(url: str) -> str:
    """Return a URL as messages may show it: without user and password."""
    before, found, rest = url.rpartition("@")
    if not found:
        return url
    scheme, slashes, _ = before.partition("//")
    return f"{scheme}//***@{rest}" if slashes else f"***@{rest}"


def _tls(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"the CA file {ca_file} cannot be read: {error}") from error


def _headers(answer: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.getheaders()}


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
