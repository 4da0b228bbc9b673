"""The consumer under test: its URI and its headers go out as a deliverer sends them."""

import pytest

from portcall.deliverer.post.request import Template
from portcall.loadtest.send.target import ConsumerTarget
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.formats.heads import USER_AGENT
from tests.signedtargets import RESTS
from tests.unit.deliverer.samples import webhook

AUTHORITIES = ["h", "H.Example:443", "a.test.:81", "127.1:80", "[2001:DB8::1]:8080"]


def first_lines(head: bytes) -> list[bytes]:
    return head.split(b"\r\n")[:2]


@pytest.mark.parametrize("authority", AUTHORITIES)
@pytest.mark.parametrize("rest", ["", "/", "?", *RESTS.values()])
def test_a_request_is_as_the_deliverers_and_its_uri_as_given(authority: str, rest: str) -> None:
    uri = f"http://{authority}{rest}"
    target, template = ConsumerTarget.of(uri, {}), Template.of(webhook(uri=uri))
    wanted = rest if rest.startswith("/") else f"/{rest}"
    assert target.uri == uri
    assert target.origin == template.origin
    assert first_lines(target.start) == first_lines(template.head)
    assert first_lines(target.start) == [
        f"POST {wanted} HTTP/1.1".encode(),
        f"Host: {authority}".encode(),
    ]
    pseudo = dict(target.fields([], 0)[:4])
    assert (pseudo[b":path"], pseudo[b":authority"]) == (wanted.encode(), authority.encode())


@pytest.mark.parametrize(
    ("headers", "sent"),
    [({}, USER_AGENT), ({"user-agent": "mine/1"}, "mine/1"), ({"USER-AGENT": ""}, "")],
    ids=["none", "one of another case", "an empty one"],
)
def test_there_is_one_user_agent(headers: dict[str, str], sent: str) -> None:
    target = ConsumerTarget.of("http://h/", headers)
    head = target.head([("User-Agent", "of a format")] if headers else [], 0).decode().split("\r\n")
    agents = [line for line in head if line.lower().startswith("user-agent:")]
    assert [line.partition(":")[2].strip() for line in agents] == [sent]
    fields = [value for name, value in target.fields([], 0) if name == b"user-agent"]
    assert fields == [sent.encode()]


def test_user_info_becomes_a_header_and_is_not_shown() -> None:
    target = ConsumerTarget.of("https://u:p%40x@h?a", {})
    assert target.uri == "https://h?a"
    assert b"Authorization: Basic dTpwQHg=\r\n" in target.start


@pytest.mark.parametrize("uri", ["http://h/a b", "http://h/#x", "ftp://h/", "http://h\\x/"])
def test_a_uri_that_cannot_be_sent_is_refused(uri: str) -> None:
    with pytest.raises(InvalidValueError, match="--uri"):
        ConsumerTarget.of(uri, {})
