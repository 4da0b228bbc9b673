"""Heads: worked out once, and only ever taken for a response that is whole."""

import pytest

from portcall.deliverer.post.response import (
    MAX_KNOWN,
    MAX_KNOWN_BYTES,
    Head,
    Response,
    ResponseHeads,
)

LINES = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 2\r\n\r\n"
HEADERS = [(b"Server", b"nginx"), (b"Content-Length", b"2")]


def head(**changes: object) -> Head:
    given: dict[str, object] = {"status": 200, "version": "1.1", "reason": b"OK"} | changes
    given.setdefault("headers", HEADERS)
    return Head.of(**given)  # type: ignore[arg-type]  # of the types above


def learned(data: bytes = LINES + b"ok", content: bytes = b"ok") -> ResponseHeads:
    heads = ResponseHeads()
    heads.learn(data, Response(head(), content))
    return heads


def test_a_known_head_gives_the_response_with_the_new_content() -> None:
    found = learned().response(LINES + b"no")
    assert found == Response(head(), b"no")


def test_the_answer_shows_head_and_content() -> None:
    answer = Response(head(), b"ok\x00").answer()
    assert (answer.status, answer.reason, answer.version) == (200, "OK", "1.1")
    assert answer.headers == {"Server": "nginx", "Content-Length": "2"}
    assert answer.content == "ok"


@pytest.mark.parametrize(
    "data",
    [
        LINES,
        LINES + b"o",
        LINES + b"ok!",
        LINES.replace(b"200", b"500") + b"ok",
        LINES[:-2],
        b"",
        b"HTTP/1.1 200 OK",
    ],
)
def test_anything_else_is_left_to_the_parser(data: bytes) -> None:
    assert learned().response(data) is None


def test_an_encoded_content_is_not_learned() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    assert learned(chunked).response(chunked) is None


def test_an_interim_response_before_it_is_not_learned() -> None:
    both = b"HTTP/1.1 100 Continue\r\n\r\n" + LINES + b"ok"
    assert learned(both).response(both) is None


def test_a_long_head_is_not_learned() -> None:
    long = LINES.replace(b"nginx", b"n" * MAX_KNOWN_BYTES) + b"ok"
    assert learned(long).response(long) is None


def test_heads_that_never_come_again_do_not_pile_up() -> None:
    heads = ResponseHeads()
    for number in range(MAX_KNOWN + 1):
        data = LINES.replace(b"nginx", b"%d" % number) + b"ok"
        heads.learn(data, Response(head(), b"ok"))
    assert heads.response(LINES.replace(b"nginx", b"0") + b"ok") is None
    assert heads.response(LINES.replace(b"nginx", b"%d" % MAX_KNOWN) + b"ok")


def test_secrets_are_masked_and_retry_after_is_kept() -> None:
    shown = head(headers=[(b"Set-Cookie", b"session=1"), (b"RETRY-After", b"7")])
    assert shown.retry_after == "7"
    assert "session" not in shown.headers["Set-Cookie"]
