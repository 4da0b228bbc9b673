"""Final answers in a load test: no retry, and counted apart from failures."""

import pytest

from portcall.cli.loadtest.orders import policy_of
from portcall.loadtest.measure.measurements import Measurements
from portcall.loadtest.measure.metrics import metrics_of
from portcall.loadtest.send.retrying import Policy
from portcall.loadtest.send.senders import Patience
from portcall.schemas.errors import InvalidValueError
from tests.unit.loadtest.samples import deliveries, outcome, planned

POLICY = Policy((1_000, 5_000), final_answers="400,404")
FINAL = frozenset({400, 404})


@pytest.mark.parametrize(
    ("status", "retried"), [(400, False), (404, False), (403, True), (503, True), (200, False)]
)
def test_a_sender_does_not_try_again_after_a_final_answer(status: int, *, retried: bool) -> None:
    source = deliveries([0.0], policy=POLICY)
    (post,) = source
    assert bool(list(source.after(outcome(post, status)))) is retried
    assert post.final == FINAL


def test_refused_requests_are_counted_apart_from_failed_ones() -> None:
    measured, patience = Measurements(), Patience()
    for number, status in enumerate((200, 400, 404, 404, 500)):
        post = planned(f"d{number}", final=FINAL)
        for observer in (measured, patience):
            observer.sent(post)
            observer.done(outcome(post, status))
    assert (measured.done_count, measured.refused_count, measured.failed_count) == (5, 3, 1)
    assert patience.failed == 1
    shown = metrics_of(measured, 1.0, names=("refused", "http_req_failed"))
    assert shown["refused"].values["count"] == 3
    assert shown["http_req_failed"].values["rate"] == 0.2


def test_a_400_is_a_failure_where_it_is_not_final() -> None:
    measured = Measurements()
    measured.done(outcome(planned(), 400))
    assert (measured.refused_count, measured.failed_count) == (0, 1)


@pytest.mark.parametrize(
    ("retries", "answers", "final"),
    [
        ("", "receiver-refuses", 8),
        ("1s,2s", "400,404", 2),
        ("harbor", "400", 1),
        ("1s", "acr", 0),
        ("1s", "", 0),
    ],
)
def test_the_option_goes_with_every_schedule(retries: str, answers: str, final: int) -> None:
    made = policy_of(retries, compression=1.0, jitter=True, final_answers=answers)
    assert len(made.final) == final


def test_an_answer_that_cannot_be_final_is_refused_by_the_options_name() -> None:
    with pytest.raises(InvalidValueError, match="429 cannot be final") as caught:
        policy_of("1s", compression=1.0, jitter=True, final_answers="429")
    assert caught.value.field == "--final-answers"
