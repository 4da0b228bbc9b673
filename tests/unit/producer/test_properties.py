"""The translators on whatever is sent: an event survives, a fault is an `InvalidValueError`."""

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from urllib.parse import quote

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.producer.digests.digests import KnownDigests
from portcall.producer.formats import cloudevents, distribution, published
from portcall.producer.formats.acceptance import Acceptance, Translation
from portcall.schemas.errors import InvalidValueError
from portcall.schemas.events import EVENT_ID_PATTERN, Action, Payload
from portcall.schemas.scopes import TAG_PATTERN
from tests.unit.producer.samples import acceptance, envelope

Read = Callable[[bytes, Acceptance], Translation]

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
SIZES = st.integers(0, 2**63 - 1)
REPOSITORIES = st.from_regex("[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,2}", fullmatch=True)
TAGS = st.from_regex(TAG_PATTERN, fullmatch=True)
DIGESTS = st.from_regex("sha256:[0-9a-f]{64}", fullmatch=True)
IDS = st.from_regex(EVENT_ID_PATTERN, fullmatch=True)
TARGETS = st.fixed_dictionaries(
    {"repository": REPOSITORIES},
    optional={
        "mediaType": TEXT,
        "size": SIZES,
        "digest": DIGESTS,
        "length": SIZES,
        "tag": TAGS,
        "name": TEXT,
        "version": TEXT,
    },
)
REQUESTS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("id", "host", "method", "useragent"), TEXT)
)
ACTIONS = st.sampled_from([action.value for action in Action])
EVENTS = st.fixed_dictionaries(
    {"action": ACTIONS, "target": TARGETS}, optional={"id": IDS, "request": REQUESTS}
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "action",
                    "target",
                    "id",
                    "timestamp",
                    "request",
                    "repository",
                    "tag",
                    "data",
                    "specversion",
                    "source",
                    "type",
                    "time",
                    "data_base64",
                    "events",
                    "digest",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
BODIES = st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode())
READERS: dict[str, Read] = {
    "events": published.read,
    "structured": cloudevents.read_structured,
    "batch": cloudevents.read_batch,
    "envelopes": partial(distribution.read, KnownDigests()),
}


def without_empty(event: dict[str, object]) -> dict[str, object]:
    """*event* without nulls, empty texts and zeros, and without a request that has nothing else."""
    left = {
        name: without_empty(value) if isinstance(value, dict) else value
        for name, value in event.items()
        if value not in (None, "", 0, {})
    }
    return {name: value for name, value in left.items() if value != {}}


def body_of(translation: Translation) -> Payload:
    (event,) = translation.events
    return msgspec.json.decode(event.body, type=Payload)


def cloud(event: object, **attributes: object) -> dict[str, object]:
    return (
        {"specversion": "1.0", "id": "ce-1", "source": "/r", "type": "any"}
        | attributes
        | {"data": event}
    )


@given(EVENTS)
def test_an_event_is_posted_as_it_was_published(event: dict[str, object]) -> None:
    payload = body_of(published.read(json.dumps(event).encode(), acceptance()))
    told = msgspec.to_builtins(payload)
    sent = without_empty(event)
    assert told == sent | {"id": sent.get("id", "new-1"), "timestamp": payload.timestamp}


@given(st.lists(EVENTS, max_size=5))
def test_an_array_is_each_of_its_events(events: list[dict[str, object]]) -> None:
    together = published.read(json.dumps(events).encode(), acceptance()).events
    alone = [published.read(json.dumps(each).encode(), acceptance()).events[0] for each in events]
    assert [(each.action, each.repository, each.tag) for each in together] == [
        (each.action, each.repository, each.tag) for each in alone
    ]


@given(EVENTS)
def test_a_cloudevent_in_any_form_is_the_event_that_it_holds(event: dict[str, object]) -> None:
    event = {"id": "e-1"} | event
    plain = published.read(json.dumps(event).encode(), acceptance())
    data = json.dumps(event).encode()
    wrapped = {name: value for name, value in cloud(event).items() if name != "data"}
    wrapped["data_base64"] = base64.b64encode(data).decode()
    headers = {
        f"ce-{name}": quote(str(cloud(0)[name])) for name in ("specversion", "id", "source", "type")
    }
    for translation in (
        cloudevents.read_structured(json.dumps(cloud(event)).encode(), acceptance()),
        cloudevents.read_structured(json.dumps(wrapped).encode(), acceptance()),
        cloudevents.read_batch(json.dumps([cloud(event)]).encode(), acceptance()),
        cloudevents.read_binary(headers, data, acceptance()),
    ):
        assert translation == plain


@given(TARGETS, ACTIONS)
def test_a_notification_is_an_event_or_is_counted(target: dict[str, object], action: str) -> None:
    body = envelope({"action": action, "target": target, "id": "e-1"})
    translation = distribution.read(KnownDigests(), body, acceptance())
    assert len(translation.events) + translation.ignored.total() == 1
    for event in translation.events:
        told = msgspec.json.decode(event.body)["target"]
        left_out = {"name", "version"} | ({"size", "length"} if action == "delete" else set())
        kept = {name: value for name, value in target.items() if name not in left_out}
        assert told == without_empty(kept)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@given(body=BODIES)
def test_whatever_is_sent_is_read_or_refused(read: Read, body: bytes) -> None:
    with suppress(InvalidValueError):
        for event in read(body, acceptance()).events:
            assert event.action in list(Action) and event.repository


@given(
    st.dictionaries(st.sampled_from(cloudevents.HEADERS), st.text(max_size=20), min_size=1), BODIES
)
def test_whatever_headers_are_sent_are_read_or_refused(
    headers: dict[str, str], body: bytes
) -> None:
    assert cloudevents.is_binary(headers) == any(headers.values())
    with suppress(InvalidValueError):
        assert cloudevents.read_binary(headers, body, acceptance()).events
