"""Refusals: when they are a problem, and when a new channel is worth a try."""

from portcall.runtime.broker.refusals import FORGOTTEN_AFTER_S, MAX_PATIENCE_S, Refusals

ROUTE = ("portcall.deliver", "deliver.0")


def refused_every(step_s: float, until_s: float, refusals: Refusals) -> list[float]:
    """Be refused again and again; gives when the channel is replaced."""
    times = [number * step_s for number in range(int(until_s / step_s) + 1)]
    return [now for now in times if refusals.refused(ROUTE, now)]


def test_a_channel_is_replaced_after_a_while_and_more_and_more_seldom() -> None:
    assert refused_every(0.5, 31, Refusals()) == [2, 6, 14, 30]


def test_it_is_never_replaced_more_seldom_than_it_must() -> None:
    replaced = refused_every(1, 400, Refusals())
    assert replaced[-1] - replaced[-2] == MAX_PATIENCE_S


def test_a_confirm_ends_it() -> None:
    refusals = Refusals()
    refused_every(0.5, 1.5, refusals)
    refusals.confirmed(ROUTE)
    assert refusals.problem(1.5) is None
    assert not refusals.refused(ROUTE, 3.0)


def test_a_confirm_of_another_route_does_not() -> None:
    refusals = Refusals()
    refused_every(0.5, 1.5, refusals)
    refusals.confirmed(("portcall.deliver", "deliver.1"))
    assert refusals.problem(1.5) is not None


def test_one_refusal_is_no_problem_yet_and_an_old_one_none_any_more() -> None:
    refusals = Refusals()
    refusals.refused(ROUTE, 0.0)
    assert refusals.problem(0.0) is None
    refusals.refused(ROUTE, 1.0)
    problem = refusals.problem(1.0)
    assert problem is not None and "portcall.deliver" in problem
    assert refusals.problem(1.0 + FORGOTTEN_AFTER_S) is None


def test_after_a_long_silence_it_begins_anew() -> None:
    refusals = Refusals()
    refused_every(0.5, 6, refusals)
    assert not refusals.refused(ROUTE, 1000.0)
    assert not refusals.refused(ROUTE, 1001.0)
    assert refusals.refused(ROUTE, 1002.0)
