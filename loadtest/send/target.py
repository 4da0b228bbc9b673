"""The consumer under test: the destination of its requests, and what they have in common."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Self

from msgspec import Struct

from portcall.deliverer.post.origin import Origin
from portcall.loadtest.plan import Headers
from portcall.schemas.formats.heads import USER_AGENT
from portcall.schemas.uris import parse_uri
from portcall.schemas.webhooks import check_headers, parse_service_uri


class ConsumerTarget(Struct, frozen=True):
    """A consumer.

    Attributes:
        uri: As given, without a user and a password.
        origin: The URI's origin.
        start: The request line and the common headers.
        named: The names of the user's headers, in lower case: these have priority.
    """

    uri: str
    origin: Origin
    start: bytes
    named: frozenset[str]

    @classmethod
    def of(cls, uri: str, headers: Mapping[str, str]) -> Self:
        """Create the consumer at *uri*.

        Raises:
            InvalidValueError: The URI, or a header, cannot be used.
        """
        service = parse_service_uri(uri, "--uri")
        check_headers(headers, "--header")
        named = frozenset(name.lower() for name in headers)
        if service.authorization and "authorization" not in named:
            headers = {**headers, "Authorization": service.authorization}
        read = parse_uri(service.uri, "--uri")
        default = {} if "user-agent" in named else {"User-Agent": USER_AGENT}  # as deliverers do
        lines = [f"POST {read.target} HTTP/1.1", f"Host: {read.authority}"]
        lines += [f"{name}: {value}" for name, value in {**default, **headers}.items()]
        return cls(
            uri=service.uri,
            origin=Origin(read.host, read.port, read.tls),
            start="".join(f"{line}\r\n" for line in lines).encode("latin-1"),
            named=named,
        )

    def head(self, signed: Headers, length: int) -> bytes:
        """Return the head of one request.

        Args:
            signed: Its own headers; the user's headers have priority.
            length: Of the content.
        """
        lines = "".join(
            f"{name}: {value}\r\n" for name, value in signed if name.lower() not in self.named
        )
        return self.start + f"{lines}Content-Length: {length}\r\n\r\n".encode("latin-1")

    def fields(self, signed: Headers, length: int) -> list[tuple[bytes, bytes]]:
        """Return the same for HTTP/2: pseudo-headers, then names in lower case.

        Source: RFC 9113, 8.2 and 8.3.1.
        """
        own = [(name.lower(), value) for name, value in signed]
        return [
            *_common(self.start, self.origin.tls),
            *(
                (name.encode("latin-1"), value.strip().encode("latin-1"))
                for name, value in own
                if name not in self.named
            ),
            (b"content-length", b"%d" % length),
        ]


@lru_cache(maxsize=16)
def _common(start: bytes, tls: bool) -> tuple[tuple[bytes, bytes], ...]:  # noqa: FBT001 (a key)
    """Return what all requests of a target share; cached, because it costs 5 us."""
    request, host, *others = start.splitlines()
    pairs = (line.partition(b":") for line in others)
    return (
        (b":method", b"POST"),
        (b":scheme", b"https" if tls else b"http"),
        (b":authority", host.removeprefix(b"Host: ")),
        (b":path", request.split(b" ")[1]),
        *((name.lower(), value.strip()) for name, _, value in pairs),
    )
