"""Records: what stays unsaid when there is nothing to say."""

import msgspec
import pytest

from portcall.schemas.records import (
    Answer,
    Detail,
    Failure,
    Masking,
    Outcome,
    Record,
    RecordOf,
    Sent,
)

SENT = Sent(uri="http://h/", headers={"Content-Type": "application/json"})
ANSWER = Answer(status=200, reason="OK", headers={})


@pytest.mark.parametrize(
    ("detail", "text"),
    [
        pytest.param(Detail(), b"{}", id="nothing"),
        pytest.param(
            Detail(sent=SENT, answer=ANSWER),
            b'{"sent":{"uri":"http://h/","headers":{"Content-Type":"application/json"}},'
            b'"answer":{"status":200,"reason":"OK","headers":{}}}',
            id="a success",
        ),
        pytest.param(
            Detail(sent=SENT, failure=Failure.TIMEOUT, message="no answer in 15s"),
            b'{"sent":{"uri":"http://h/","headers":{"Content-Type":"application/json"}},'
            b'"failure":"timeout","message":"no answer in 15s"}',
            id="no answer",
        ),
    ],
)
def test_a_detail_is_written_without_its_defaults(detail: Detail, text: bytes) -> None:
    assert msgspec.json.encode(detail) == text
    assert msgspec.json.decode(text, type=Detail) == detail


def test_a_record_is_an_array() -> None:
    record = RecordOf(0, 7, 1, Outcome.DELIVERED, 200, 1000, 2000, Detail())
    text = msgspec.json.encode(record)
    assert text == b'[0,7,1,"delivered",200,1000,2000,{}]'
    assert msgspec.json.decode(text, type=Record) == record


def test_what_ends_a_delivery_has_one_word_each() -> None:
    assert list(Outcome) == ["delivered", "retried", "given_up", "cancelled", "refused"]
    assert Failure.NONE.value == ""
    assert len({failure.value for failure in Failure}) == len(Failure)


@pytest.mark.parametrize(
    ("masking", "name", "covered"),
    [
        (Masking.SECRETS, "Authorization", True),
        (Masking.SECRETS, "X-Api-Key", True),
        (Masking.SECRETS, "X-Team", False),
        (Masking.ALL, "X-Team", True),
    ],
)
def test_what_looks_secret_or_everything_is_masked(
    masking: Masking, name: str, *, covered: bool
) -> None:
    assert masking.covers(name) is covered


@pytest.mark.parametrize(
    ("sent", "other"),
    [
        (SENT, None),
        (msgspec.structs.replace(SENT, content="a text"), "a text"),
        (msgspec.structs.replace(SENT, json=msgspec.Raw(b'{"a":1}')), '{"a":1}'),
        (msgspec.structs.replace(SENT, json=msgspec.Raw(b'"\xff"')), '"\ufffd"'),
        (msgspec.structs.replace(SENT, method="OPTIONS"), ""),
    ],
    ids=["the event's own", "text", "json", "garbled", "handshake"],
)
def test_a_record_has_the_body_that_was_not_the_events_own(sent: Sent, other: str | None) -> None:
    written = msgspec.json.encode(Detail(sent=sent))
    read = msgspec.json.decode(written, type=Detail)
    assert read.sent is not None
    assert read.sent.other == sent.other == other
    assert (b'"json"' in written) is (b"content" not in written and other not in (None, ""))
