from portcall.runtime.tracing.spans import Kind, Span, Tracer, joined
from portcall.schemas.traces import Context

REMOTE = Context("a" * 32, "b" * 16, sampled=True)


def span(*, sampled: bool) -> Span:
    context = Context("a" * 32, "c" * 16, sampled)
    return Span("publish", Kind.PRODUCER, context, None, 1, 2, {})


def test_a_new_trace_has_new_ids_and_the_samplers_decision() -> None:
    asked: list[tuple[Context | None, str]] = []

    def sample(parent: Context | None, trace_id: str) -> bool:
        asked.append((parent, trace_id))
        return False

    tracer = Tracer(lambda _span: None, sample)
    first, second = tracer.begin(None), tracer.begin(None)
    assert first.trace_id != second.trace_id
    assert not first.sampled
    assert asked == [(None, first.trace_id), (None, second.trace_id)]


def test_a_received_trace_goes_on_under_a_new_span() -> None:
    tracer = Tracer(lambda _span: None)
    begun = tracer.begin(REMOTE)
    assert begun.trace_id == REMOTE.trace_id
    assert begun.span_id != REMOTE.span_id
    following = tracer.follow(begun)
    assert following.trace_id == REMOTE.trace_id
    assert following.span_id != begun.span_id
    assert following.sampled
    assert not tracer.follow(begun, sampled=False).sampled


def test_only_sampled_spans_are_exported() -> None:
    exported: list[Span] = []
    tracer = Tracer(exported.append)
    tracer.end(span(sampled=False))
    tracer.end(span(sampled=True))
    assert exported == [span(sampled=True)]


def test_an_export_that_fails_fails_nothing_else() -> None:
    def broken(_span: Span) -> None:
        raise RuntimeError

    Tracer(broken).end(span(sampled=True))


def of_trace(letter: str) -> Context:
    return Context(letter * 32, "1" * 16, sampled=True)


def test_events_of_one_frame_are_linked_by_its_first_one() -> None:
    a, b, c = map(of_trace, "abc")
    assert joined([a, b, None, c, a]) == [(b, c), (a,), (), (a,), (b, c)]


def test_events_of_one_trace_need_no_links() -> None:
    a = of_trace("a")
    assert joined([a, a, None]) == [(), (), ()]
    assert joined([None, None]) == [(), ()]
    assert joined([]) == []


def test_a_large_frame_has_few_links() -> None:
    contexts = [Context(f"{number:032x}", "1" * 16, sampled=True) for number in range(1, 501)]
    links = joined(contexts)
    assert len(links[0]) == 128
    assert {len(each) for each in links[1:]} == {1}
