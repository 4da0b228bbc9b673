"""What is POSTed to a webhook."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall import __version__
from portcall.deliverer.post.request import Template
from portcall.schemas.deliveries import delivery_id
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.records import Masking
from portcall.schemas.webhooks import MASK, parse_service_uri
from tests.unit.deliverer.samples import SECRET, headers_of, uri_of, webhook

ACR_TYPE = "application/json; charset=utf-8"
AGENT = f"AzureContainerRegistry/1.0 (Portcall/{__version__})"
BODY = b'{"id":"e1","timestamp":"2026-03-04T10:20:30.1234567Z","action":"ping"}'
ID = "msg_ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NOW_S = 1_772_619_630


def sent_headers(custom: dict[str, str], secret: str = "") -> list[tuple[str, str]]:
    template = Template.of(webhook(headers=custom, secret=secret))
    return list(headers_of(template.request(delivery_id=ID, body=BODY, now_s=NOW_S)).items())


TYPE = ("Content-Type", ACR_TYPE)
OURS_AGENT = ("User-Agent", AGENT)
LENGTH = ("Content-Length", str(len(BODY)))
OURS = [("webhook-id", ID), ("webhook-timestamp", str(NOW_S)), LENGTH]


@pytest.mark.parametrize(
    ("custom", "expected"),
    [
        ({}, [TYPE, OURS_AGENT]),
        ({"X-B": "2", "X-A": "1"}, [TYPE, OURS_AGENT, ("X-B", "2"), ("X-A", "1")]),
        ({"Content-Type": "text/plain"}, [OURS_AGENT, ("Content-Type", "text/plain")]),
        (
            {"X-A": "1", "content-type": "application/x", "X-B": "2"},
            [OURS_AGENT, ("X-A", "1"), ("content-type", "application/x"), ("X-B", "2")],
        ),
        ({"CONTENT-TYPE": ""}, [OURS_AGENT, ("CONTENT-TYPE", "")]),
        ({"User-Agent": "mine/1"}, [TYPE, ("User-Agent", "mine/1")]),
        ({"X-A": "1", "uSER-aGENT": "m"}, [TYPE, ("X-A", "1"), ("uSER-aGENT", "m")]),
        ({"user-agent": ""}, [TYPE, ("user-agent", "")]),
        ({"Accept": "a/b"}, [TYPE, OURS_AGENT, ("Accept", "a/b")]),
    ],
    ids=[
        "none",
        "in-order",
        "type",
        "type-in-lower-case",
        "type-empty",
        "agent",
        "agent-odd-case",
        "agent-empty",
        "accept",
    ],
)
def test_the_headers_are_acrs_then_the_custom_ones_then_ours(
    custom: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    assert sent_headers(custom) == expected + OURS


def test_nothing_is_added_that_nobody_asked_for() -> None:
    names = {name.lower() for name, _ in sent_headers({})}
    assert names == {
        "content-type", "user-agent", "content-length", "webhook-id", "webhook-timestamp",
    }  # fmt: skip


def test_the_agent_is_what_receivers_of_acrs_form_look_for_and_names_us() -> None:
    """Kargo takes what begins with the word; RFC 9110, 10.1.5 has the rest as a comment."""
    agent = dict(sent_headers({}))["User-Agent"]
    assert agent.startswith("AzureContainerRegistry/")
    assert f"Portcall/{__version__}" in agent


def test_the_body_is_the_events_byte_for_byte() -> None:
    body = b'{ "id" : "e1"\t,"x":"\xc3\xa4\\u00e4\xf0\x9f\x90\x8b"}'
    request = Template.of(webhook()).request(delivery_id=ID, body=body, now_s=NOW_S)
    assert request.body == body


def posted(text: str) -> tuple[str, str, tuple[str, int, bool], str]:
    """The request line, Host, where it is connected to, and what the record shows."""
    kept = parse_service_uri(text).uri
    request = Template.of(webhook(uri=kept)).request(delivery_id=ID, body=BODY, now_s=NOW_S)
    line, host = request.head.decode("ascii").split("\r\n")[:2]
    return line, host, request.origin[:3], request.sent.uri


@pytest.mark.parametrize(
    ("start", "host", "origin"),
    [
        ("http://endpoint.example", "endpoint.example", ("endpoint.example", 80, False)),
        ("HTTPS://A.B:443", "A.B:443", ("a.b", 443, True)),
        ("https://user:pass@a.b:8443", "a.b:8443", ("a.b", 8443, True)),
        ("https://A.b.:8443", "A.b.:8443", ("a.b.", 8443, True)),
        ("http://127.1:81", "127.1:81", ("127.0.0.1", 81, False)),
        ("http://[2001:DB8::1]:8080", "[2001:DB8::1]:8080", ("2001:db8::1", 8080, False)),
        (
            "https://b\u00fccher.example",
            "xn--bcher-kva.example",
            ("xn--bcher-kva.example", 443, True),
        ),
    ],
    ids=ascii,
)
@pytest.mark.parametrize(
    ("rest", "target"),
    [
        ("", "/"),
        ("/", "/"),
        ("?", "/?"),
        ("?sp=%2Ftriggers%2Fmanual%2Frun&sig=a", "/?sp=%2Ftriggers%2Fmanual%2Frun&sig=a"),
        ("/a/../b/%2e%2e//c;d?", "/a/../b/%2e%2e//c;d?"),
        ("/%40%3A%27%28%41%7E%2f%zz%", "/%40%3A%27%28%41%7E%2f%zz%"),
        ("/~user;v=1?q={1}|'\"`^<>[]", "/~user;v=1?q={1}|'\"`^<>[]"),
        ("/%c3%a4/\u00e4?code=a%2Bb==&x=%25&y=a+b", "/%c3%a4/%C3%A4?code=a%2Bb==&x=%25&y=a+b"),
    ],
    ids=ascii,
)
def test_what_is_sent_is_what_was_set_byte_for_byte(
    start: str, host: str, origin: tuple[str, int, bool], rest: str, target: str
) -> None:
    scheme = start.partition(":")[0]
    assert posted(f"{start}{rest}") == (
        f"POST {target} HTTP/1.1",
        f"Host: {host}",
        origin,
        f"{scheme}://{host}{target}",
    )


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40))
def test_no_path_or_query_is_sent_otherwise_than_kept(text: str) -> None:
    try:
        kept = parse_service_uri(f"http://endpoint.example/{text}").uri
    except InvalidValueError:
        return
    request = Template.of(webhook(uri=kept)).request(delivery_id=ID, body=BODY, now_s=NOW_S)
    assert uri_of(request) == kept
    assert request.sent.uri == kept


def test_a_uri_that_was_kept_when_none_was_measured_encoded_is_still_sent() -> None:
    kept = "http://endpoint.example/" + "%E2%82%AC" * 600
    request = Template.of(webhook(uri=kept)).request(delivery_id=ID, body=BODY, now_s=NOW_S)
    assert uri_of(request) == kept


# -- signatures ----------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"{}", BODY, b"\x00\xff.\n", b"x" * 300_000], ids=len)
def test_the_signature_is_that_of_the_specification(body: bytes) -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    expected = hmac.new(key, ID.encode() + b"." + str(NOW_S).encode() + b"." + body, hashlib.sha256)
    request = Template.of(webhook(secret=SECRET)).request(delivery_id=ID, body=body, now_s=NOW_S)
    scheme, comma, signed = headers_of(request)["webhook-signature"].partition(",")
    assert (scheme, comma) == ("v1", ",")
    assert base64.b64decode(signed, validate=True) == expected.digest()


def test_the_signature_comes_after_what_it_signs() -> None:
    assert [name for name, _ in sent_headers({"X-A": "1"}, SECRET)] == [
        "Content-Type", "User-Agent", "X-A", "webhook-id", "webhook-timestamp", "webhook-signature",
        "Content-Length",
    ]  # fmt: skip


def test_without_a_secret_nothing_is_signed() -> None:
    assert "webhook-signature" not in dict(sent_headers({}))


def test_a_delivery_id_does_not_break_the_signed_text() -> None:
    assert "." not in delivery_id("an.event.id", 7)


# -- what is kept of it --------------------------------------------------------------------------


def test_what_is_kept_shows_the_request_with_secrets_masked() -> None:
    custom = {
        "Authorization": "Bearer abc",
        "X-Api-Key": "def",
        "X-Team": "registry",
        "User-Agent": "mine/1",
        "X-Empty": "",
        "Cookie": "ghi",
        "x-secret-thing": "jkl",
    }
    template = Template.of(webhook(headers=custom, secret=SECRET))
    request = template.request(delivery_id=ID, body=BODY, now_s=NOW_S)
    assert headers_of(request)["Authorization"] == "Bearer abc"
    assert request.sent.headers == {
        "Content-Type": ACR_TYPE,
        "Authorization": MASK,
        "X-Api-Key": MASK,
        "X-Team": "registry",
        "User-Agent": "mine/1",
        "X-Empty": "",
        "Cookie": MASK,
        "x-secret-thing": MASK,
        "Content-Length": str(len(BODY)),
        "webhook-id": ID,
        "webhook-timestamp": str(NOW_S),
        "webhook-signature": headers_of(request)["webhook-signature"],
    }
    assert request.sent.method == "POST"


def test_where_all_headers_are_masked_no_custom_one_is_in_the_record() -> None:
    custom = {"Authorization": "Bearer abc", "X-Team": "registry", "content-type": "text/x"}
    template = Template.of(webhook(headers=custom), Masking.ALL)
    request = template.request(delivery_id=ID, body=BODY, now_s=NOW_S)
    assert {name: headers_of(request)[name] for name in custom} == custom
    assert {name: request.sent.headers[name] for name in custom} == dict.fromkeys(custom, MASK)
    assert request.sent.headers["webhook-id"] == ID


def test_the_secret_itself_is_nowhere_in_a_request() -> None:
    template = Template.of(webhook(secret=SECRET))
    request = template.request(delivery_id=ID, body=BODY, now_s=NOW_S)
    assert SECRET.removeprefix("whsec_") not in repr(request)


def test_requests_of_one_template_do_not_share_their_headers() -> None:
    template = Template.of(webhook())
    first = template.request(delivery_id="a", body=b"1", now_s=1)
    second = template.request(delivery_id="b", body=b"22", now_s=2)
    assert headers_of(first)["webhook-id"] == "a"
    assert headers_of(second)["webhook-id"] == "b"
    assert first.sent.headers["Content-Length"] == "1"
    assert template.shown == {"Content-Type": ACR_TYPE, "User-Agent": AGENT}
