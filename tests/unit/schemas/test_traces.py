import msgspec
import pytest

from portcall.schemas import examples
from portcall.schemas.frames import decode_events, encode_events
from portcall.schemas.journal import digest_of
from portcall.schemas.traces import (
    Context,
    Trace,
    attempt_context,
    context_of,
    is_kept,
    received_context,
)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("text", "sampled"),
    [
        pytest.param(GOOD, True, id="sampled"),
        pytest.param(f"00-{TRACE}-{SPAN}-00", False, id="not sampled"),
        pytest.param(f"00-{TRACE}-{SPAN}-03", True, id="another flag is ignored"),
        pytest.param(f"01-{TRACE}-{SPAN}-01", True, id="a later version"),
        pytest.param(
            f"cc-{TRACE}-{SPAN}-01-what.comes.later", True, id="a later version with more"
        ),
    ],
)
def test_a_traceparent_is_read(text: str, *, sampled: bool) -> None:
    assert context_of(text) == Context(TRACE, SPAN, sampled)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("garbage", id="garbage"),
        pytest.param(f"00-{TRACE}-{SPAN}", id="no flags"),
        pytest.param(f"00-{TRACE}-{SPAN}-01-more", id="version 00 with more"),
        pytest.param(f"ff-{TRACE}-{SPAN}-01", id="the forbidden version"),
        pytest.param(f"cc-{TRACE}-{SPAN}-01.more", id="a later version with more, but no dash"),
        pytest.param(f"00-{'0' * 32}-{SPAN}-01", id="a trace of zeros"),
        pytest.param(f"00-{TRACE}-{'0' * 16}-01", id="a span of zeros"),
        pytest.param(GOOD.upper(), id="upper case"),
        pytest.param(f"00-{TRACE[:-1]}-{SPAN}-01", id="too short a trace"),
        pytest.param(f"00-{TRACE}-{SPAN}-0g", id="no hex"),
        pytest.param(f"{GOOD}\n", id="a line break"),
        pytest.param(f"00-{TRACE[:-1]}٣-{SPAN}-01", id="a digit of another script"),
        pytest.param("0" * 100_000, id="very long"),
    ],
)
def test_what_is_no_traceparent_counts_as_none(text: str) -> None:
    assert context_of(text) is None


def test_a_header_that_comes_twice_counts_as_none() -> None:
    assert received_context([f" {GOOD}\t"]) == Context(TRACE, SPAN, sampled=True)
    assert received_context([]) is None
    assert received_context([GOOD, GOOD]) is None


def test_a_context_writes_what_it_was_read_from() -> None:
    context = context_of(GOOD)
    assert context is not None
    assert context.traceparent == GOOD
    assert len(GOOD) == 55


def test_an_exemplar_names_its_span() -> None:
    context = context_of(GOOD)
    assert context is not None
    assert context.exemplar == {"trace_id": TRACE, "span_id": SPAN}


def test_an_attempt_has_the_same_id_in_every_process() -> None:
    parent = Context(TRACE, SPAN, sampled=False)
    first = attempt_context(parent, 7, 1, sampled=True)
    assert first == attempt_context(Context(TRACE, SPAN, sampled=True), 7, 1, sampled=True)
    assert first.trace_id == TRACE
    others = {
        attempt_context(parent, webhook, number, sampled=True).span_id
        for webhook in (7, 8)
        for number in (1, 2)
    }
    assert len(others) == 4
    assert context_of(first.traceparent) == first


@pytest.mark.parametrize(
    ("sampled", "attempt", "failed", "kept"),
    [
        (True, 1, False, True),
        (False, 1, False, False),
        (False, 1, True, True),
        (False, 2, False, True),
    ],
)
def test_from_the_first_failure_on_spans_are_kept(
    *, sampled: bool, attempt: int, failed: bool, kept: bool
) -> None:
    assert is_kept(Context(TRACE, SPAN, sampled), attempt, failed=failed) is kept


def test_the_trace_travels_beside_the_event_and_does_not_identify_it() -> None:
    plain = examples.event()
    event = msgspec.structs.replace(plain, trace=Trace(GOOD, 5))
    (read,) = decode_events(encode_events([event])).events
    assert read.trace == Trace(GOOD, 5)
    assert read.trace.context == context_of(GOOD)
    assert digest_of(read) == digest_of(plain)
    assert b"trace" not in encode_events([plain])


def test_a_process_of_an_earlier_version_reads_a_frame_with_traces() -> None:
    class OldEvent(msgspec.Struct, frozen=True):
        id: str
        body: msgspec.Raw

    class OldFrame(msgspec.Struct, frozen=True):
        v: int
        events: list[OldEvent]

    event = msgspec.structs.replace(examples.event(), trace=Trace(GOOD, 5))
    read = msgspec.json.decode(encode_events([event]), type=OldFrame)
    assert [each.id for each in read.events] == [event.id]


def test_a_wrong_traceparent_in_a_frame_refuses_no_event() -> None:
    event = msgspec.structs.replace(examples.event(), trace=Trace("garbage", 5))
    (read,) = decode_events(encode_events([event])).events
    assert read.trace is not None
    assert read.trace.context is None
    assert read.context is None
    assert examples.event().context is None
    traced = msgspec.structs.replace(event, trace=Trace(GOOD, 5))
    assert traced.context == context_of(GOOD)
