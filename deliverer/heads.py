"""Response heads: the status line and the headers, as a record shows them.

An endpoint that is sent thousands of deliveries a second answers with the same bytes again and
again; only ``Date`` changes, once a second. So a head is worked out once, and found by its bytes
the next time: without that a delivery costs 10 to 14 us more (docs/decisions/0010).
"""

from typing import NamedTuple

from msgspec import Struct

from schemas.records import MAX_RESPONSE_CHARACTERS, Answer
from schemas.webhooks import masked_headers

MAX_HEADER_CHARACTERS = 1024
MAX_NAME_CHARACTERS = 128
MAX_SHOWN_HEADERS = 64
MAX_KNOWN = 2_000
MAX_KNOWN_BYTES = 1_024
"""Of a head that is remembered; longer ones are worked out each time."""
END = b"\r\n\r\n"


class Head(Struct, frozen=True):
    """The head of a response.

    Attributes:
        status: The HTTP status.
        version: Of HTTP, e.g. ``1.1``.
        reason: The reason phrase, printable and cut.
        headers: Printable, cut, with secrets masked; shared, so never changed.
        retry_after: The header of that name as it came; empty: none.
    """

    status: int
    version: str
    reason: str
    headers: dict[str, str]
    retry_after: str

    @classmethod
    def of(
        cls, status: int, version: str, reason: bytes, headers: list[tuple[bytes, bytes]]
    ) -> "Head":
        """Work out what a record shows of a head as it came."""
        values = (value for name, value in headers if name.lower() == b"retry-after")
        shown = {
            _text(name)[:MAX_NAME_CHARACTERS]: _text(value)[:MAX_HEADER_CHARACTERS]
            for name, value in headers[:MAX_SHOWN_HEADERS]
        }
        return cls(
            status,
            version,
            _text(reason)[:MAX_HEADER_CHARACTERS],
            masked_headers(shown),
            next(values, b"").decode("latin-1"),
        )


class Response(Struct, frozen=True):
    """What came back; the content may be cut."""

    head: Head
    content: bytes

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.head.status

    def answer(self) -> Answer:
        """The same for a record."""
        head = self.head
        content = _text(self.content)[:MAX_RESPONSE_CHARACTERS]
        return Answer(head.status, head.reason, head.headers, content, head.version)


class _Known(NamedTuple):
    head: Head
    content_bytes: int


class Heads:
    """Heads by their bytes, for whole responses that leave the connection open.

    The parser is deterministic: after the same head it takes the same number of bytes as the
    content, whatever they are. Anything else than exactly those is left to the parser.
    """

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}

    def response(self, data: bytes) -> Response | None:
        """The response in *data*, if its head is known and nothing is missing or left over."""
        end = data.find(END, 0, MAX_KNOWN_BYTES) + len(END)
        known = self._known.get(data[:end])
        if known is None or len(data) - end != known.content_bytes:
            return None
        return Response(known.head, data[end:])

    def learn(self, data: bytes, response: Response) -> None:
        """Remember the head of *response*, which the parser found to be the whole of *data*."""
        end = data.find(END, 0, MAX_KNOWN_BYTES) + len(END)
        if end < len(END) or len(data) - end != len(response.content):
            return  # a long head, or an encoded content
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[data[:end]] = _Known(response.head, len(response.content))


_UNPRINTABLE = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160)])
"""The control characters but for tab and line breaks."""


def _text(raw: bytes) -> str:
    return printable(raw.decode("utf-8", "replace"))


def printable(text: str) -> str:
    """Without control characters (a database takes no NUL, a log no escapes) and surrogates."""
    if text.isascii() and text.isprintable():
        return text  # nearly always, and in a tenth of the time
    return text.translate(_UNPRINTABLE).encode("utf-8", "replace").decode("utf-8")
