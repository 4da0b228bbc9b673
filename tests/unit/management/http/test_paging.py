"""Tokens: opaque, URL-safe, of one list only."""

from collections.abc import Mapping

import pytest
from aiohttp.test_utils import make_mocked_request

from portcall.management.http.access import Principal
from portcall.management.http.calls import Call
from portcall.management.http.errors import ArmError
from portcall.management.http.paging import PageSize, next_link, page_size, skip_number, skip_token
from portcall.store.access.principals import Role

SOMEBODY = Principal("somebody", Role.READER)
HOST = {"Host": "portcall.test:8400"}


def call(path: str, headers: Mapping[str, str] = HOST) -> Call:
    return Call(make_mocked_request("GET", path, headers=dict(headers)), {}, SOMEBODY)


@pytest.mark.parametrize("after", ["a", "ab", "abc", "abcd", "Webhook01", "z" * 50])
def test_a_token_of_any_length_comes_back(after: str) -> None:
    link = next_link(call("/list?api-version=2025-11-01"), "things", after)
    assert skip_token(call(link.removeprefix("http://portcall.test:8400")), "things") == after


@pytest.mark.parametrize("number", [0, 7, 12_345, 2**53])
def test_a_number_comes_back(number: int) -> None:
    link = next_link(call("/list?api-version=2025-11-01&$skipToken=old"), "rows", number)
    assert link.count("skipToken") == 1
    assert skip_number(call(link.removeprefix("http://portcall.test:8400")), "rows") == number


def test_without_a_token_the_first_page_is_meant() -> None:
    assert skip_token(call("/list"), "things") == ""
    assert skip_number(call("/list"), "things") is None


def test_a_link_keeps_the_path_as_it_was_sent_and_what_shapes_the_page() -> None:
    path = "/SUBSCRIPTIONS/x/a%20b?api-version=2025-11-01&$TOP=5&$expand=callbackConfig&x=y"
    link = next_link(call(path), "things", "abc")
    assert link == (
        "http://portcall.test:8400/SUBSCRIPTIONS/x/a%20b?api-version=2025-11-01&$top=5"
        "&$expand=callbackConfig&$skipToken=dGhpbmdzOmFiYw"
    )


@pytest.mark.parametrize(
    "token", ["", "x", "dGhpbmdz", "dGhpbmdzOg", "dGhpbmdzOgA", "w6k6YQ", "a b", "%F0%9F"]
)
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(ArmError) as raised:
        skip_token(call(f"/list?$skipToken={token}"), "things")
    assert (raised.value.status, raised.value.target) == (400, "$skipToken")


@pytest.mark.parametrize(("text", "size"), [("1", 1), ("50", 50), ("007", 7)])
def test_a_page_has_the_size_that_is_asked_for(text: str, size: int) -> None:
    assert page_size(call(f"/list?%24Top={text}"), PageSize(10, 50)) == size


@pytest.mark.parametrize("text", ["", "0", "51", "-1", "1.5", "1e1", "%D9%A1", "9" * 100])
def test_another_size_is_refused(text: str) -> None:
    with pytest.raises(ArmError) as raised:
        page_size(call(f"/list?$top={text}"), PageSize(10, 50))
    assert (raised.value.status, raised.value.target) == (400, "$top")
