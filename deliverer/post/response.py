"""Responses: their head, as a record shows it, and how much of a response is recorded.

An endpoint that gets thousands of deliveries a second sends the same bytes again and again; only
``Date`` changes, once a second. So a parsed head is cached by its bytes: without that a delivery
costs 10 to 14 us more (docs/decisions/0010).
"""

from itertools import islice
from typing import NamedTuple

from msgspec import Struct

from portcall.deliverer.post.content_coding import charset_of, codings_of, text_of
from portcall.schemas.records import MAX_RESPONSE_CHARACTERS, Answer
from portcall.schemas.webhooks import masked_headers

MAX_CONTENT_BYTES = 4 * MAX_RESPONSE_CHARACTERS
"""Limit of a response's content, for reading and for decompressing; UTF-8 has at most four bytes a
character."""
MAX_HEADER_CHARACTERS = 1024
MAX_NAME_CHARACTERS = 128
MAX_SHOWN_HEADERS = 64
MAX_KNOWN = 2_000
MAX_KNOWN_BYTES = 1_024
"""Of a head that is cached; longer ones are parsed each time."""
END = b"\r\n\r\n"


class Head(Struct, frozen=True):
    """The head of a response.

    Attributes:
        status: The HTTP status.
        version: Of HTTP, e.g. ``1.1``.
        reason: The reason phrase, printable and cut.
        headers: Printable, cut, with secrets masked; shared, so never changed.
        retry_after: The header of that name as received; empty: none.
        codings: The content's codings, in order of application.
        charset: The codec of its text; empty: unknown.
        belies_itself: Whether it announces a content that its status cannot have.
    """

    status: int
    version: str
    reason: str
    headers: dict[str, str]
    retry_after: str
    codings: tuple[str, ...] = ()
    charset: str = ""
    belies_itself: bool = False

    @classmethod
    def of(
        cls, status: int, version: str, reason: bytes, headers: list[tuple[bytes, bytes]]
    ) -> "Head":
        """Parse the parts of a received head that a record shows."""
        said = _by_name(headers)
        length, coded = _joined(said, b"content-length"), _joined(said, b"transfer-encoding")
        shown = {
            name[:MAX_NAME_CHARACTERS]: ", ".join(values)[:MAX_HEADER_CHARACTERS]
            for name, values in islice(said.values(), MAX_SHOWN_HEADERS)
        }
        return cls(
            status,
            version,
            _line(reason)[:MAX_HEADER_CHARACTERS],
            masked_headers(shown),
            _first(said, b"retry-after"),
            codings_of(_joined(said, b"content-encoding"), coded),
            charset_of(_last(said, b"content-type")),
            status in _WITHOUT_CONTENT and (length not in ("", "0") or bool(coded)),
        )


class Response(Struct, frozen=True):
    """A response; the content may be cut."""

    head: Head
    content: bytes

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.head.status

    def answer(self) -> Answer:
        """The same for a record."""
        head = self.head
        content = text_of(
            self.content, codings=head.codings, charset=head.charset, limit=MAX_CONTENT_BYTES
        )
        content = printable(content)[:MAX_RESPONSE_CHARACTERS]
        return Answer(head.status, head.reason, head.headers, content, head.version)


class _Known(NamedTuple):
    head: Head
    content_bytes: int


class ResponseHeads:
    """Heads by their bytes, for complete responses that leave the connection open.

    The parser is deterministic: after the same head it reads the same number of bytes as the
    content, whatever they are. All other responses are left to the parser.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}

    def response(self, data: bytes) -> Response | None:
        """The response in *data*, if its head is cached and *data* is exactly one response."""
        end = data.find(END, 0, MAX_KNOWN_BYTES) + len(END)
        known = self._known.get(data[:end])
        if known is None or len(data) - end != known.content_bytes:
            return None
        return Response(known.head, data[end:])

    def learn(self, data: bytes, response: Response) -> None:
        """Cache the head of *response*, which the parser found to be the whole of *data*."""
        end = data.find(END, 0, MAX_KNOWN_BYTES) + len(END)
        if end < len(END) or len(data) - end != len(response.content):
            return  # a long head, or an encoded content
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[data[:end]] = _Known(response.head, len(response.content))


_UNPRINTABLE = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160)])
"""The control characters except tab and line breaks."""


_WITHOUT_CONTENT = frozenset({204, 304})
Fields = dict[bytes, tuple[str, list[str]]]
"""Headers by their names in lower case: the name as first received, and the values in order."""


def _by_name(headers: list[tuple[bytes, bytes]]) -> Fields:
    """Group the values of repeated headers. Source: RFC 9110, 5.3."""
    found: Fields = {}
    for name, value in headers:
        found.setdefault(name.lower(), (_line(name), []))[1].append(_line(value.strip(b" \t")))
    return found


def _joined(said: Fields, name: bytes) -> str:
    return ", ".join(said[name][1]) if name in said else ""


def _first(said: Fields, name: bytes) -> str:
    return said[name][1][0] if name in said else ""


def _last(said: Fields, name: bytes) -> str:
    return said[name][1][-1] if name in said else ""


def _line(raw: bytes) -> str:
    """A header's text: UTF-8 if valid, else Latin-1. Source: RFC 9110, 5.5 (obs-text)."""
    try:
        return printable(raw.decode())
    except UnicodeDecodeError:
        return printable(raw.decode("latin-1"))


def printable(text: str) -> str:
    """Without control characters (a database takes no NUL, a log no escapes) and surrogates."""
    if text.isascii() and text.isprintable():
        return text  # nearly always, and in a tenth of the time
    return text.translate(_UNPRINTABLE).encode("utf-8", "replace").decode("utf-8")
