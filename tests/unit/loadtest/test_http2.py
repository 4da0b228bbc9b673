"""HTTP/2's frames as they come in pieces, and a target's headers."""

import pytest

from portcall.loadtest.http2.frames import Frames, Goaway
from portcall.loadtest.send.target import ConsumerTarget

SETTINGS = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00" + b"\x00\x03\x00\x00\x00\x64"
DATA = b"\x00\x00\x02\x00\x01\x00\x00\x00\x01ok"
GOAWAY = b"\x00\x00\x0a\x07\x00\x00\x00\x00\x00" + b"\x80\x00\x00\x05\x00\x00\x00\x0bhi"


def test_whole_frames_pass_together_and_goaway_is_taken_out() -> None:
    found = Frames().cut(SETTINGS + DATA + GOAWAY + DATA)
    assert found == [SETTINGS + DATA, Goaway(5, 11), DATA]


def test_frames_in_pieces_are_put_together() -> None:
    frames, found = Frames(), []
    for number in range(len(data := SETTINGS + GOAWAY + DATA)):
        found += frames.cut(data[number : number + 1])
    assert found == [SETTINGS, Goaway(5, 11), DATA]


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff\xff\xff\x00rubbish--"]
)
def test_what_is_no_http_2_is_known_at_once(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"HTTP/1|frames"):
        Frames().cut(data)


def test_a_target_s_headers_are_lower_case_after_the_pseudo_ones() -> None:
    target = ConsumerTarget.of("https://example.org/a?b=c", {"X-Own": " 1 ", "User-Agent": "mine"})
    fields = target.fields([("Content-Type", "application/json"), ("User-Agent", "ours")], 7)
    assert fields[:4] == [
        (b":method", b"POST"),
        (b":scheme", b"https"),
        (b":authority", b"example.org"),
        (b":path", b"/a?b=c"),
    ]
    rest = dict(fields[4:])
    assert rest == {
        b"x-own": b"1",
        b"user-agent": b"mine",
        b"content-type": b"application/json",
        b"content-length": b"7",
    }
