"""Heads that repeat a header: what is joined, and what stays as it is."""

import pytest

from runtime.heads import joined
from runtime.serving import target_of

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
}


@pytest.mark.parametrize("head", LEFT.values(), ids=LEFT)
def test_everything_else_is_left_to_the_parser(head: bytes) -> None:
    assert joined(FIRST + head) is None


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
