"""Tokens of pages, filters, paths and bodies on whatever is sent: read, or refused by name."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from portcall.management.http.access import Principal
from portcall.management.http.bodies import parse_body
from portcall.management.http.calls import Call, check_api_version
from portcall.management.http.errors import ArmError
from portcall.management.http.filters import Condition, Field, parse_filter
from portcall.management.http.paging import (
    TOP,
    PageSize,
    next_link,
    page_size,
    skip_number,
    skip_token,
)
from portcall.management.http.routes import segments_of
from portcall.management.login.oauth import OAuthError, read_request
from portcall.management.openapi.document import rows
from portcall.store.access.principals import Role

WORDS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=60)
MODELS = sorted(
    {row.body for _, row in rows() if row.body and issubclass(row.body, BaseModel)},
    key=lambda model: model.__name__,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)


def refusal_of(ask: Callable[[], object]) -> ArmError | None:
    """How it was refused; None: it was not."""
    try:
        ask()
    except ArmError as refusal:
        return refusal
    return None


def call(**parameters: str) -> Call:
    query = "&".join(f"{quote(name)}={quote(value, safe='')}" for name, value in parameters.items())
    request = make_mocked_request("GET", f"/list?{query}", headers={"Host": "management.test"})
    return Call(request, {}, Principal("nobody", Role.READER))


def answered(link: str) -> Call:
    """The call that follows a nextLink."""
    request = make_mocked_request("GET", link.removeprefix("http://management.test"))
    return Call(request, {}, Principal("nobody", Role.READER))


@given(WORDS)
def test_a_page_begins_where_its_link_says(after: str) -> None:
    assert skip_token(answered(next_link(call(), "webhooks", after)), "webhooks") == after


@given(st.integers(0, 10**18 - 1))
def test_so_does_a_page_by_number(after: int) -> None:
    assert skip_number(answered(next_link(call(), "events", after)), "events") == after


@given(WORDS, st.sampled_from(["events", "replays", "registries"]))
def test_a_token_is_of_its_own_list_only(after: str, other: str) -> None:
    with pytest.raises(ArmError) as refusal:
        skip_token(answered(next_link(call(), "webhooks", after)), other)
    assert (refusal.value.status, refusal.value.target) == (400, "$skipToken")


@given(st.text(max_size=60))
def test_any_other_token_is_refused_by_name(token: str) -> None:
    refusal = refusal_of(lambda: skip_number(call(**{"$skipToken": token}), "events"))
    assert refusal is None or (refusal.status, refusal.target) == (400, "$skipToken")


@given(st.text(max_size=30) | st.integers().map(str))
def test_any_size_is_within_bounds_or_refused_by_name(text: str) -> None:
    refusal = refusal_of(lambda: page_size(call(**{TOP: text}), PageSize(10, 100)))
    if refusal is None:
        assert 1 <= int(text) <= 100
    else:
        assert (refusal.status, refusal.target) == (400, TOP)


@given(st.text(max_size=40))
def test_any_version_is_served_or_refused_by_name(text: str) -> None:
    refusal = refusal_of(lambda: check_api_version(text))
    assert refusal is None or (refusal.status, refusal.target) == (400, "api-version")


@given(st.text(max_size=60))
def test_any_filter_is_read_or_refused_by_name(text: str) -> None:
    refusal = refusal_of(lambda: parse_filter(text))
    assert refusal is None or refusal.status == 400


@given(st.text(max_size=30))
def test_a_filter_finds_the_text_that_was_quoted(text: str) -> None:
    quoted = text.replace("'", "''")
    assert parse_filter(f"name eq '{quoted}'") == (Condition(Field.NAME, text.lower()),)


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10), min_size=1)
)
def test_the_segments_of_a_path_are_what_was_quoted(segments: list[str]) -> None:
    path = "/" + "/".join(quote(segment, safe="") for segment in segments)
    assert segments_of(path) == tuple(segments)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
@given(data=st.data())
def test_any_body_is_read_or_refused_by_name(model: type[BaseModel], data: st.DataObject) -> None:
    fields = [str(field.alias or name) for name, field in model.model_fields.items()]
    bodies = st.dictionaries(st.sampled_from(fields), JSON, max_size=4).map(_written)
    body = data.draw(st.binary(max_size=100) | JSON.map(_written) | bodies)
    refusal = refusal_of(lambda: parse_body(model, body))
    assert refusal is None or (refusal.status == 400 and refusal.target)


@given(
    st.binary(max_size=200), st.sampled_from(["application/x-www-form-urlencoded", "", "text/x"])
)
def test_no_form_raises_anything_but_oauths_error(body: bytes, kind: str) -> None:
    with suppress(OAuthError):
        assert read_request(body, kind, "http://management.test").client_id


def _written(value: Any) -> bytes:  # noqa: ANN401 (whatever JSON can hold)
    return json.dumps(value).encode()
