from msgspec import structs

from portcall.runtime.tracing.spans import Span, Tracer
from portcall.schemas.events import Event
from portcall.schemas.traces import Context, Trace
from tests.unit.router.samples import event
from tests.unit.router.worlds import World

FIRST = Context("a" * 32, "1" * 16, sampled=True)
SECOND = Context("b" * 32, "2" * 16, sampled=True)


def traced(name: str, context: Context) -> Event:
    return structs.replace(event(name), trace=Trace(context.traceparent, 5))


def world_of(spans: list[Span]) -> World:
    world = World(tracer=Tracer(spans.append))
    world.put(1)
    world.put(2)
    return world


async def test_an_event_goes_on_below_the_span_of_its_routing() -> None:
    spans: list[Span] = []
    world = world_of(spans)
    await world.route(traced("e1", FIRST))
    (span,) = spans
    assert span.parent == FIRST
    assert span.context.trace_id == FIRST.trace_id
    assert span.attributes["portcall.deliveries"] == 2
    assert span.start_ns <= span.end_ns
    sent = [each.trace for one in world.publisher.published for each in one.frame.events]
    assert sent
    assert {each.parent for each in sent if each} == {span.context.traceparent}
    assert all(each and each.since_ms == span.start_ns // 1_000_000 for each in sent)


async def test_traces_that_share_a_frame_are_linked() -> None:
    spans: list[Span] = []
    await world_of(spans).route(traced("e1", FIRST), traced("e2", SECOND), traced("e3", FIRST))
    assert [span.links for span in spans] == [(SECOND,), (FIRST,), (SECOND,)]
    assert {span.attributes["portcall.frame_events"] for span in spans} == {3}


async def test_an_event_without_a_readable_trace_begins_one() -> None:
    spans: list[Span] = []
    garbled = structs.replace(event("e2"), trace=Trace("garbage", 5))
    await world_of(spans).route(event("e1"), garbled)
    assert [span.parent for span in spans] == [None, None]
    assert len({span.context.trace_id for span in spans}) == 2


async def test_without_tracing_a_trace_goes_through_untouched() -> None:
    world = World()
    world.put(1)
    told = traced("e1", FIRST)
    await world.route(told)
    (published,) = world.publisher.published
    assert published.frame.events == [told]
