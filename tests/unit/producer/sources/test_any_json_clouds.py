"""Adapters on whatever is sent: a translation or an `InvalidValueError`, and events that hold."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portcall.producer.sources.adapter import Adapter
from portcall.producer.sources.handshakes import eventgrid_validation, options_answer
from portcall.producer.sources.kinds import (
    acr,
    alibaba,
    artifactory,
    ecr,
    eventgrid,
    gar,
    generic,
    harness,
    nexus,
)
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import EVENT_ID_PATTERN
from portcall.schemas.scopes import TAG_PATTERN, check_repository
from tests.unit.producer.samples import acceptance
from tests.unit.producer.sources import (
    test_acr,
    test_alibaba,
    test_artifactory,
    test_ecr,
    test_eventgrid,
    test_gar,
    test_generic,
    test_harness,
    test_nexus,
)
from tests.unit.producer.sources.requests import request, taken

SAMPLES: dict[str, tuple[Adapter, Any, Mapping[str, str]]] = {
    "acr": (acr.read, test_acr.PUSH, {}),
    "alibaba": (alibaba.read, test_alibaba.PUSH, {}),
    "artifactory": (artifactory.read, test_artifactory.PUSH, {}),
    "ecr": (ecr.read, test_ecr.PUSH, {}),
    "eventgrid": (eventgrid.read, test_eventgrid.own("ImagePushed", test_eventgrid.DATA), {}),
    "cloudevents": (eventgrid.read, test_eventgrid.cloud("ImagePushed", test_eventgrid.DATA), {}),
    "gar": (
        gar.read,
        {"action": "INSERT", "tag": test_gar.TAGGED, "digest": test_gar.BY_DIGEST},
        {},
    ),
    "generic": (generic.read, test_generic.SENT, test_generic.SETTINGS),
    "harness": (harness.read, test_harness.CREATED, {}),
    "nexus": (nexus.read, test_nexus.CREATED, {}),
}
"""By kind: the adapter, a good body, the settings."""
DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[A-Za-z0-9=_-]+", re.ASCII)
ODD_TEXTS = st.sampled_from(
    ["", "\0", "\ud800", "é" * 2000, ":", "@", "/", "a:b:c", "sha256:", "sha256-" + "a" * 64, " "]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([2**63, 2**64, 10**400, 1e308, -1, 0])
    | st.text(max_size=20)
    | ODD_TEXTS
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def paths(value: object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The paths of all places in a body, its root first."""
    inner = value.items() if isinstance(value, dict) else ()
    return [path, *(each for name, part in inner for each in paths(part, (*path, name)))]


def is_json(body: bytes) -> bool:
    try:
        json.loads(body.removeprefix(b"\xef\xbb\xbf").decode(errors="replace"))
    except ValueError:
        return False
    return True


def put(value: Any, path: tuple[str, ...], other: object) -> Any:  # noqa: ANN401 (any JSON)
    """*value* with another one at a path."""
    if not path:
        return other
    return value | {path[0]: put(value[path[0]], path[1:], other)}


def check(adapter: Adapter, body: bytes, options: Mapping[str, str]) -> int:
    """Read a body, check its events, and count them."""
    translation = taken(adapter, body, options=options)
    for event in translation.events:
        payload = json.loads(bytes(event.body))
        assert re.fullmatch(EVENT_ID_PATTERN, event.id, re.ASCII)
        assert check_repository(event.repository)
        assert event.tag == "" or re.fullmatch(TAG_PATTERN, event.tag, re.ASCII)
        digest = payload["target"].get("digest")
        assert digest is None or DIGEST.fullmatch(digest)
        assert "\0" not in json.dumps(payload, ensure_ascii=False)
    assert all(translation.ignored)
    return len(translation.events) + sum(translation.ignored.values())


@pytest.mark.parametrize("kind", SAMPLES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_value_at_any_place_is_read_or_ignored(kind: str, data: st.DataObject) -> None:
    adapter, sample, options = SAMPLES[kind]
    body = sample
    for _ in range(data.draw(st.integers(1, 3))):
        body = put(body, data.draw(st.sampled_from(paths(body))), data.draw(JSON))
        if not isinstance(body, dict):
            break
    raw = json.dumps(body).encode()
    told = check(adapter, raw, options)
    many_tags = kind == "generic" and told > 1  # one event for each
    assert told == 1 or isinstance(body, list) or many_tags
    if adapter is gar.read:
        message = {"message": {"data": base64.b64encode(raw).decode(), "messageId": "1"}}
        assert check(adapter, json.dumps(message).encode(), options) == 1


@pytest.mark.parametrize("kind", SAMPLES)
@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_a_translation_or_no_json(kind: str, body: bytes) -> None:
    adapter, _, options = SAMPLES[kind]
    try:
        check(adapter, body, options)
    except InvalidValueError as problem:
        assert (problem.field, is_json(body)) == ("", False)  # noqa: PT017 (either way is right)


@pytest.mark.parametrize("kind", SAMPLES)
@pytest.mark.parametrize("depth", [900, 5_000, 200_000])
@pytest.mark.parametrize(
    "shape", [(b"[", b"]"), (b'{"data":', b"}"), (b'{"target":[', b"]}")], ids=str
)
def test_any_depth_is_a_translation_or_no_json(
    kind: str, depth: int, shape: tuple[bytes, bytes]
) -> None:
    adapter, _, options = SAMPLES[kind]
    opening, closing = shape
    try:
        check(adapter, opening * depth + b"1" + closing * depth, options)
    except InvalidValueError as problem:
        assert "nested" in problem.problem  # noqa: PT017 (either way is right)


@given(
    st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.sampled_from(["aeg-event-type", "WebHook-Request-Origin"]), st.text()),
)
def test_a_handshake_never_fails(body: bytes, headers: dict[str, str]) -> None:
    eventgrid_validation(request(body, headers=headers))
    eventgrid_validation(request(body + b"SubscriptionValidationEvent", headers=headers))
    options_answer(headers)


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_good_body_is_an_event_even_behind_a_byte_order_mark(kind: str) -> None:
    adapter, sample, options = SAMPLES[kind]
    body = b"\xef\xbb\xbf" + json.dumps(sample).encode()
    assert len(taken(adapter, body, options=options).events) == 1
    assert len(adapter(request(sample, options=options), acceptance("other")).events) == 1
