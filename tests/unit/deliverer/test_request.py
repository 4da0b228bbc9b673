"""What is POSTed to a webhook."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deliverer.request import Template
from schemas.deliveries import delivery_id
from schemas.errors import InvalidValueError
from schemas.records import Masking
from schemas.webhooks import MASK, parse_service_uri
from tests.unit.deliverer.samples import SECRET, headers_of, uri_of, webhook

ACR_TYPE = "application/json; charset=utf-8"
BODY = b'{"id":"e1","timestamp":"2026-03-04T10:20:30.1234567Z","action":"ping"}'
ID = "msg_ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NOW_S = 1_772_619_630


def sent_headers(custom: dict[str, str], secret: str = "") -> list[tuple[str, str]]:
    template = Template.of(webhook(headers=custom, secret=secret))
    return list(headers_of(template.request(delivery_id=ID, body=BODY, now_s=NOW_S)).items())


LENGTH = ("Content-Length", str(len(BODY)))
OURS = [("webhook-id", ID), ("webhook-timestamp", str(NOW_S)), LENGTH]


@pytest.mark.parametrize(
    ("custom", "expected"),
    [
        ({}, [("Content-Type", ACR_TYPE)]),
        ({"X-B": "2", "X-A": "1"}, [("Content-Type", ACR_TYPE), ("X-B", "2"), ("X-A", "1")]),
        ({"Content-Type": "text/plain"}, [("Content-Type", "text/plain")]),
        (
            {"X-A": "1", "content-type": "application/x", "X-B": "2"},
            [("X-A", "1"), ("content-type", "application/x"), ("X-B", "2")],
        ),
        ({"CONTENT-TYPE": ""}, [("CONTENT-TYPE", "")]),
        ({"User-Agent": "mine/1"}, [("Content-Type", ACR_TYPE), ("User-Agent", "mine/1")]),
        ({"Accept": "a/b"}, [("Content-Type", ACR_TYPE), ("Accept", "a/b")]),
    ],
    ids=["none", "in-order", "type", "type-in-lower-case", "type-empty", "agent", "accept"],
)
def test_the_headers_are_acrs_then_the_custom_ones_then_ours(
    custom: dict[str, str], expected: list[tuple[str, str]]
) -> None:
    assert sent_headers(custom) == expected + OURS


def test_nothing_is_added_that_nobody_asked_for() -> None:
    names = {name.lower() for name, _ in sent_headers({})}
    assert names == {"content-type", "content-length", "webhook-id", "webhook-timestamp"}


def test_the_body_is_the_events_byte_for_byte() -> None:
    body = b'{ "id" : "e1"\t,"x":"\xc3\xa4\\u00e4\xf0\x9f\x90\x8b"}'
    request = Template.of(webhook()).request(delivery_id=ID, body=body, now_s=NOW_S)
    assert request.body == body


@pytest.mark.parametrize(
    "text",
    [
        "http://endpoint.example",
        "https://user:pass@endpoint.example:8443/a/b?c=d&e=%2F%20f",
        "http://[2001:DB8::1]:8080/x",
        "http://Endpoint.example/%c3%a4/\u00e4?code=a%2Bb==&x=%25&y=a+b",
        "https://b\u00fccher.example/%7Euser;v=1?q={1}|'\"",
    ],
    ids=ascii,
)
def test_the_uri_is_sent_as_it_is_kept(text: str) -> None:
    kept = parse_service_uri(text).uri
    request = Template.of(webhook(uri=kept)).request(delivery_id=ID, body=BODY, now_s=NOW_S)
    assert uri_of(request) == kept
    assert request.sent.uri == kept


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40))
def test_no_path_or_query_is_sent_otherwise_than_kept(text: str) -> None:
    try:
        kept = parse_service_uri(f"http://endpoint.example/{text}").uri
    except InvalidValueError:
        return
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
        "Content-Type", "X-A", "webhook-id", "webhook-timestamp", "webhook-signature",
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
    assert template.shown == {"Content-Type": ACR_TYPE}
