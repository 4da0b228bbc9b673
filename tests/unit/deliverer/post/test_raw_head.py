"""Heads as bytes: where they end, which are interim, and odd ones made plain."""

import pytest

from portcall.deliverer.post.raw_head import head_end, is_interim, may_begin, plain

STATUS = b"HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"", 0),
        (b"HTTP/1.1 200 OK\r\n", 0),
        (b"HTTP/1.1 200 OK\r\n\r", 0),
        (b"HTTP/1.1 200 OK\r\n\r\nok", 19),
        (b"HTTP/1.1 200 OK\n\nok", 17),
        (b"HTTP/1.1 200 OK\nA: b\r\n\nok", 23),
        (b"HTTP/1.1 200 OK\r\nA: b\n\r\nok", 24),
        (b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 18),
    ],
    ids=ascii,
)
def test_where_a_head_ends_however_it_comes(data: bytes, end: int) -> None:
    assert head_end(data, 0) == end
    assert head_end(data, -3) == end
    found = 0
    for seen in range(len(data)):
        found = head_end(data[: seen + 1], seen - 3)
        if found:
            break
    assert found == end


@pytest.mark.parametrize("status", [*range(100, 200)])
def test_every_1xx_but_101_is_interim(status: int) -> None:
    for line_end in (b"\r\n\r\n", b"\n\n"):
        for reason in (b" Reason", b" ", b""):
            head = b"HTTP/1.1 %d%b%b" % (status, reason, line_end)
            assert is_interim(head) is (status != 101)


@pytest.mark.parametrize(
    "status", [b"200", b"204", b"101", b"1000", b"10", b"1", b"1xx", b"010", b"099", b"599", b"999"]
)
def test_nothing_else_is_interim(status: bytes) -> None:
    assert not is_interim(b"HTTP/1.1 %b Reason\r\n\r\n" % status)


@pytest.mark.parametrize("data", [b"", b"H", b"HTTP", b"HTTP/", b"HTTP/1.1 2"])
def test_what_may_become_an_answer(data: bytes) -> None:
    assert may_begin(data)


@pytest.mark.parametrize("data", [b"h", b"SSH-2.0", b"\x15\x03\x01", b"<html>", b"ICY 200 OK"])
def test_what_never_becomes_one(data: bytes) -> None:
    assert not may_begin(data)


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ([b"A: one\r\n two"], [b"A: one two"]),
        ([b"A: one\r\n\ttwo\r\n   three  "], [b"A: one two three"]),
        ([b"A:\r\n one"], [b"A: one"]),
        ([b"A: one\r\n \r\n two"], [b"A: one two"]),
        ([b"A: one\n two", b"B: c"], [b"A: one two", b"B: c"]),
        ([b"A : one", b"B\t: two"], [b"A: one", b"B: two"]),
        ([b"A: b : c"], [b"A: b : c"]),
        ([b"A:"], [b"A:"]),
        ([b"Content-Length: 2", b"content-length: 2"], [b"Content-Length: 2"]),
        ([b"Content-Length: 2, 2", b"A: b"], [b"A: b", b"Content-Length: 2"]),
        ([b"Content-Length: 2", b"Content-Length: 3"],) * 2,
        ([b"Content-Length: 2, 3"],) * 2,
        ([b"Content-Length: "], [b"Content-Length: "]),
        ([b" folded into nothing: x"],) * 2,
        ([b"no colon"],) * 2,
    ],
    ids=ascii,
)
def test_odd_heads_are_made_plain(lines: list[bytes], wanted: list[bytes]) -> None:
    head = b"\r\n".join([STATUS, *lines]) + b"\r\n\r\n"
    assert plain(head) == b"\r\n".join([STATUS, *wanted]) + b"\r\n\r\n"


def test_bare_line_feeds_become_line_ends() -> None:
    assert plain(b"HTTP/1.1 200 OK\nA: b\n\n") == b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n"


@pytest.mark.parametrize(
    ("version", "read_as"),
    [(b"1.2", b"1.1"), (b"1.9", b"1.1"), (b"1.1", b"1.1"), (b"1.0", b"1.0"), (b"2.0", b"2.0")],
)
def test_a_newer_minor_version_is_read_as_the_newest_known(version: bytes, read_as: bytes) -> None:
    assert plain(b"HTTP/%b 200 OK\r\n\r\n" % version) == b"HTTP/%b 200 OK\r\n\r\n" % read_as
