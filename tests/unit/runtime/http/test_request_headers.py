"""Heads that repeat a header: what is joined, and what stays as it is."""

from itertools import count

import pytest
from aiohttp.http_exceptions import BadHttpMessage

from portcall.runtime.http import request_headers as heads
from portcall.runtime.http.request_headers import (
    MAX_HEAD_BYTES,
    MAX_JOINS,
    MAX_LINES,
    LenientParser,
    joined,
)
from portcall.runtime.http.serving import target_of

FIRST = b"POST /x HTTP/1.1\r\n"
JOINED = {
    "the same twice": (b"Content-Type: a/b\r\nX: 1\r\nContent-Type: a/b\r\n\r\n", b"Content-Type: a/b\r\nX: 1\r\n\r\n"),
    "another": (b"content-type: a/b\r\nContent-Type:c/d \r\n\r\n", b"content-type: a/b, c/d\r\n\r\n"),
    "three": (b"Content-Type: a\r\nContent-Type: b\r\nContent-Type: a\r\n\r\n", b"Content-Type: a, b\r\n\r\n"),
    "another header": (b"ETag: 1\r\nServer: x\r\netag: 2\r\n\r\n", b"ETag: 1, 2\r\nServer: x\r\n\r\n"),
    "with a body behind it": (b"User-Agent: a\r\nUser-Agent: a\r\n\r\nab\r\nContent-Type: x", b"User-Agent: a\r\n\r\nab\r\nContent-Type: x"),
    "not complete yet": (b"Content-Type: a\r\nContent-Type: b\r\nHo", b"Content-Type: a, b\r\nHo"),
    "complete but for the last line": (b"Content-Type: a\r\nContent-Type: b\r\n", b"Content-Type: a, b\r\n"),
}  # fmt: skip


@pytest.mark.parametrize(("head", "wanted"), JOINED.values(), ids=JOINED)
def test_a_harmless_header_that_is_repeated_is_joined(head: bytes, wanted: bytes) -> None:
    assert joined(FIRST + head) == FIRST + wanted


LEFT = {
    "nothing is repeated": b"Content-Type: a\r\nHost: b\r\n\r\n",
    "two lengths": b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
    "two codings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "two hosts": b"Host: a\r\nHost: b\r\n\r\n",
    "two tokens": b"Authorization: a\r\nAuthorization: b\r\n\r\n",
    "a folded line": b"Content-Type: a\r\n b\r\nContent-Type: c\r\n\r\n",
    "the second is not complete": b"Content-Type: a\r\nContent-Type: b",
    "behind the head": b"Content-Type: a\r\n\r\nContent-Type: b\r\n\r\n",
    "a name with a space behind it": b"Content-Type : a\r\nContent-Type : b\r\n\r\n",
    "nothing": b"",
    "a line too many": b"ETag: 1\r\n" * MAX_LINES + b"\r\n",
    "a line too many, not complete yet": b"ETag: 1\r\n" * MAX_LINES,
    "too many bytes": b"ETag: 1\r\nETag: " + b"x" * MAX_HEAD_BYTES + b"\r\n\r\n",
    "6,000 different ones": b"".join(b"etag: %d\r\n" % n for n in range(6000)) + b"\r\n",
}


@pytest.mark.parametrize("head", LEFT.values(), ids=LEFT)
def test_everything_else_is_left_to_the_parser(head: bytes) -> None:
    assert joined(FIRST + head) is None


def test_a_head_that_just_fits_is_joined() -> None:
    values = [b"%d" % n for n in range(MAX_LINES - 1)]
    lines = b"".join(b"ETag: " + value + b"\r\n" for value in values)
    assert joined(FIRST + lines + b"\r\n") == FIRST + b"ETag: " + b", ".join(values) + b"\r\n\r\n"


def test_a_large_body_behind_a_head_is_no_part_of_it() -> None:
    body = b"\r\n" * MAX_HEAD_BYTES
    head = FIRST + b"ETag: 1\r\nETag: 1\r\n\r\n"
    assert joined(head + body) == FIRST + b"ETag: 1\r\n\r\n" + body


class Refusing:
    """A parser that refuses whatever is repeated in a head, as aiohttp's does at once."""

    def feed_data(self, data: bytes) -> None:
        if data.lower().count(b"etag") != 1 or FIRST not in data:
            raise BadHttpMessage("repeated")


def test_a_head_that_comes_line_by_line_is_joined_so_many_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    joins = count()
    monkeypatch.setattr(heads, "joined", lambda head: (next(joins), joined(head))[1])
    parser = LenientParser(Refusing)
    for _ in range(2):  # of one connection
        parser.begin()
        parser.head += FIRST + b"ETag: 0\r\n"
        for n in range(MAX_JOINS):
            parser.head += b"ETag: %d\r\n" % n
            parser.feed_data(b"ETag: %d\r\n" % n)
        parser.head += b"ETag: 0\r\n"
        with pytest.raises(BadHttpMessage):
            parser.feed_data(b"ETag: 0\r\n")
    assert next(joins) == 2 * MAX_JOINS


@pytest.mark.parametrize(
    ("head", "target"),
    [
        (b"POST /registries/a/notifications HTTP/1.1\r\nHost: x", "/registries/a/notifications"),
        (b"garbage\r\n\r\n", ""),
        (b"", ""),
        (b"GET  /a HTTP/1.1\r\n", ""),
        (b"\x16\x03 \xff\xfe x\r\n", "\xff\xfe"),
    ],
)
def test_the_target_is_that_of_the_first_line(head: bytes, target: str) -> None:
    assert target_of(head) == target
