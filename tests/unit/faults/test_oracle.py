"""The oracle of the fault tests: it must find what it is there for."""

from dataclasses import replace

import pytest

from tests.faults.harness.journals import (
    Endpoint,
    Expectation,
    Fault,
    Post,
    PostJournal,
    Publication,
    Recorded,
    expectations,
)
from tests.faults.harness.oracle import judge, latencies_s, quantile
from tests.faults.harness.verdict import Verdict

HOOK = "/hook"
EXPECTED = {"msg_1": Expectation(HOOK, "event-1", 100.0, 1, 100.0)}
POST = Post(100.5, HOOK, "msg_1", "event-1", 200, 100.501, "answer")
RECORD = Recorded(HOOK, "msg_1", 1, "delivered", 200, "", 100.499, 0.003)
FAILED = replace(POST, status=500, at=90.0, ended_at=90.001)
RETRIED = replace(RECORD, outcome="retried", status=500, failure="status", started_at=89.999)


def fault(whom: str, at: float, what: str = "SIGKILL") -> Fault:
    return Fault(what, whom, at, at)


def judged(posts: list[Post], records: list[Recorded], faults: tuple[Fault, ...] = ()) -> Verdict:
    return judge(EXPECTED, posts, records, faults)


def test_a_delivery_and_its_record_are_no_problem() -> None:
    verdict = judged([POST], [RECORD])
    assert verdict.problems == []
    assert (verdict.accepted, verdict.delivered, verdict.duplicates) == (1, 1, [])


def test_what_was_accepted_and_never_arrives_is_lost() -> None:
    assert judged([], []).lost == ["msg_1"]


def test_what_was_only_tried_and_never_arrives_is_not_lost() -> None:
    never_accepted = {"msg_1": replace(EXPECTED["msg_1"], accepted_at=None)}
    assert judge(never_accepted, [], [], []).problems == []


def test_what_failed_and_has_no_end_is_lost() -> None:
    assert judged([FAILED], [RETRIED]).lost == ["msg_1"]


def test_what_has_no_end_is_pending_while_queues_hold_something() -> None:
    verdict = judge(EXPECTED, [FAILED], [RETRIED], [], holding=True)
    assert (verdict.pending, verdict.lost) == (["msg_1"], [])
    assert verdict.is_open and verdict.figures()["pending"] == 1
    assert verdict.problems == ["1 still pending, e.g. msg_1"]
    assert judge(EXPECTED, [POST], [RECORD], [], holding=True).problems == []


@pytest.mark.parametrize("outcome", ["given_up", "cancelled"])
def test_what_is_recorded_as_ended_is_not_lost(outcome: str) -> None:
    last = replace(RETRIED, outcome=outcome)
    records = [last] if outcome == "given_up" else [RETRIED, replace(last, status=0, attempt=2)]
    verdict = judged([FAILED], records)
    assert verdict.problems == []
    assert verdict.figures()[outcome] == 1


@pytest.mark.parametrize(
    "post",
    [
        pytest.param(replace(POST, delivery_id="msg_2"), id="a delivery that never was"),
        pytest.param(replace(POST, event_id="event-2"), id="another event's body"),
        pytest.param(replace(POST, path="/other"), id="another webhook"),
    ],
)
def test_what_was_never_published_is_a_phantom(post: Post) -> None:
    assert judged([POST, post], [RECORD]).phantoms == [post]


def test_a_success_without_a_record_is_unlisted_and_unrecorded() -> None:
    verdict = judged([POST], [])
    assert verdict.unlisted == ["msg_1"]
    assert verdict.unrecorded == [POST]


def test_a_failed_attempt_without_a_record_is_unrecorded() -> None:
    assert judged([FAILED, POST], [RECORD]).unrecorded == [FAILED]


def test_the_death_of_a_deliverer_explains_a_missing_record_but_not_the_lack_of_any() -> None:
    killed = (fault("deliverer", 90.01),)
    verdict = judged([FAILED, POST], [RECORD], killed)
    assert (verdict.problems, verdict.forgotten) == ([], [FAILED])
    assert judged([POST], [], (fault("deliverer", 100.51),)).unlisted == ["msg_1"]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(fault("recorder", 90.01), id="another role"),
        pytest.param(fault("deliverer", 80.0), id="too early"),
        pytest.param(fault("deliverer", 93.0), id="too late"),
        pytest.param(Fault("deaf", "sink line", 89.0, 91.0), id="a line that is deaf"),
        pytest.param(Fault("slow", "sink line", 89.0, 91.0), id="a line that is slow"),
        pytest.param(Fault("cut", "sink line", 88.0, 91.0), id="a line that was cut before"),
        pytest.param(fault("deliverer", 90.01, "SIGTERM"), id="an orderly end"),
    ],
)
def test_nothing_else_explains_a_missing_record(other: Fault) -> None:
    assert judged([FAILED, POST], [RECORD], (other,)).unrecorded == [FAILED]


@pytest.mark.parametrize(
    "record",
    [
        pytest.param(replace(RECORD, status=204), id="another status"),
        pytest.param(replace(RECORD, started_at=50.0), id="another time"),
        pytest.param(replace(RECORD, path="/other"), id="in another webhook's list"),
        pytest.param(replace(RECORD, outcome="retried"), id="2xx and not delivered"),
        pytest.param(replace(RECORD, status=0, failure="timeout"), id="delivered unanswered"),
        pytest.param(
            replace(RECORD, outcome="given_up", status=0, failure="timeout"),
            id="a timeout though it was answered",
        ),
    ],
)
def test_a_record_that_its_post_does_not_bear_out_is_misrecorded(record: Recorded) -> None:
    assert judged([POST], [record]).misrecorded


def test_a_record_of_an_attempt_that_never_was_is_misrecorded() -> None:
    assert judged([POST], [RECORD, replace(RECORD, started_at=200.0, attempt=2)]).misrecorded


def test_an_attempt_that_got_no_answer_may_have_a_record_without_a_post() -> None:
    refused = replace(RETRIED, status=0, failure="connection_refused")
    assert judged([POST], [RECORD, refused]).problems == []


def test_the_same_record_twice_is_found() -> None:
    assert judged([POST], [RECORD, RECORD]).doubled == [RECORD]


def second(at: float = 110.0) -> tuple[list[Post], list[Recorded]]:
    """Two successes, both recorded."""
    again = replace(POST, at=at, ended_at=at)
    return [POST, again], [RECORD, replace(RECORD, started_at=at - 0.001)]


@pytest.mark.parametrize("whom", ["router", "deliverer", "rabbitmq", "broker line"])
def test_a_duplicate_is_counted_and_explained_by_what_happened_before_it(whom: str) -> None:
    verdict = judged(*second(), faults=(fault(whom, 101.0),))
    assert verdict.problems == []
    assert [each.causes for each in verdict.duplicates] == [(f"SIGKILL {whom}",)]
    assert verdict.figures()["duplicates_percent"] == 100.0


@pytest.mark.parametrize(
    "faults",
    [
        pytest.param((), id="nothing happened"),
        pytest.param((fault("deliverer", 111.0),), id="after it"),
        pytest.param((fault("deliverer", 99.0),), id="before the event"),
        pytest.param((fault("recorder", 101.0),), id="to a role that repeats nothing"),
        pytest.param((fault("deliverer", 101.0, "SIGTERM"),), id="an orderly end"),
    ],
)
def test_a_duplicate_without_a_cause_is_a_problem(faults: tuple[Fault, ...]) -> None:
    assert len(judged(*second(), faults=faults).unexplained) == 1


@pytest.mark.parametrize(
    ("whom", "after_s", "explained"),
    [("deliverer", 12.9, True), ("deliverer", 13.1, False), ("router", 13.1, False),
     ("rabbitmq", 22.9, True), ("rabbitmq", 23.1, False), ("broker line", 23.1, False)],
)  # fmt: skip
def test_a_duplicate_long_after_a_fault_is_not_explained_by_it(
    whom: str, after_s: float, *, explained: bool
) -> None:
    verdict = judged(*second(101.0 + after_s), faults=(fault(whom, 101.0),))
    assert (verdict.unexplained == []) is explained


def test_a_record_waits_for_a_broker_that_is_away() -> None:
    away = Fault("SIGSTOP", "rabbitmq", 90.0, 99.0)
    verdict = judged([FAILED, POST], [RECORD], (away, fault("deliverer", 104.0)))
    assert (verdict.problems, verdict.forgotten) == ([], [FAILED])


def test_an_event_that_was_published_again_explains_its_duplicate() -> None:
    expected = {"msg_1": replace(EXPECTED["msg_1"], tries=2)}
    posts, records = second()
    assert judge(expected, posts, records, []).problems == []


def test_an_answer_that_a_broken_line_swallowed_explains_timeout_and_duplicate() -> None:
    posts, records = second()
    records[0] = replace(RECORD, outcome="retried", status=0, failure="timeout", duration_s=3.0)
    swallowing = (Fault("deaf", "sink line", 100.0, 104.0),)
    verdict = judged(posts, records, swallowing)
    assert verdict.problems == []
    assert verdict.duplicates[0].causes == ("the answer was lost on the way",)


def test_one_lost_answer_explains_one_duplicate_whichever_post_it_was_and_not_two() -> None:
    held = (Fault("deaf", "sink line", 98.0, 100.4),)
    timeout = replace(RECORD, outcome="retried", status=0, failure="timeout", started_at=98.5)
    answered = replace(RECORD, attempt=2, started_at=100.45, duration_s=0.2)
    together = replace(POST, at=100.55, ended_at=100.551)
    assert judged([POST, together], [timeout, answered], held).problems == []
    third = replace(POST, at=101.0, ended_at=101.0)
    late = replace(RECORD, attempt=3, started_at=100.999)
    verdict = judged([POST, together, third], [timeout, answered, late], held)
    assert [each.at for each in verdict.unexplained] == [101.0]


def test_a_post_that_a_line_held_back_is_that_of_the_attempt_that_gave_up_waiting() -> None:
    timeout = replace(RECORD, outcome="retried", status=0, failure="timeout", started_at=95.0)
    held = (Fault("deaf", "sink line", 94.0, 100.4),)
    late = replace(RECORD, attempt=2, started_at=110.0)
    again = replace(POST, at=110.0, ended_at=110.0)
    assert judged([POST, again], [timeout, late], held).problems == []
    assert judged([POST, again], [timeout, late]).unrecorded == [POST]


def test_an_answer_that_a_cut_line_swallowed_needs_no_record() -> None:
    cut = (Fault("cut", "sink line", 100.4, 100.6),)
    again = replace(POST, at=102.0, ended_at=102.0)
    verdict = judged([POST, again], [replace(RECORD, started_at=101.999)], cut)
    assert verdict.problems == []
    assert verdict.forgotten == [POST]


def test_expectations_are_the_accepted_events_times_the_scopes_that_cover_them() -> None:
    endpoints = [
        Endpoint("/all", "one", "all", 1),
        Endpoint("/repo", "one", "repo", 2, "team/app:*"),
        Endpoint("/tag", "one", "tag", 3, "team/app:v2"),
        Endpoint("/elsewhere", "two", "elsewhere", 4),
    ]
    published = Publication("event-1", "one", "team/app", "v1", [10.0, 11.0], 11.0, 11.1)
    found = expectations([published, Publication("untried", "one", "team/app", "v1")], endpoints)
    assert {each.path for each in found.values()} == {"/all", "/repo"}
    assert {(each.accepted_at, each.tries) for each in found.values()} == {(11.0, 2)}


def test_a_journal_is_read_in_pieces() -> None:
    journal = PostJournal()
    lines = '["+",1,10.5,"/hook","msg_1","event-1"]\n["=",1,10.6,200,"answer"]\n'
    journal.take(lines[:20])
    assert journal.posts == []
    journal.take(lines[20:50])
    assert [post.status for post in journal.posts] == [0]
    journal.take(lines[50:])
    assert journal.posts == [Post(10.5, "/hook", "msg_1", "event-1", 200, 10.6, "answer")]


def test_latencies_are_of_the_first_post_at_the_paths_asked_for() -> None:
    posts, _ = second()
    assert latencies_s(EXPECTED, posts, {HOOK}) == [0.5]
    assert latencies_s(EXPECTED, posts, {"/other"}) == []


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([], 0.99, 0.0), ([3.0], 0.99, 3.0), ([float(n) for n in range(100)], 0.99, 99.0)],
)
def test_quantile(values: list[float], share: float, found: float) -> None:
    assert quantile(values, share) == found


@pytest.mark.parametrize(("answered_at", "crossed"), [(100.6, False), (101.45, True)])
def test_an_answer_that_crossed_with_the_timeout_is_no_wrong_record(
    answered_at: float, *, crossed: bool
) -> None:
    post = replace(POST, ended_at=answered_at)
    late = replace(RECORD, status=0, failure="timeout", outcome="retried", duration_s=1.001)
    again = replace(POST, at=103.0, ended_at=103.001)
    second = replace(RECORD, attempt=2, started_at=102.999)
    verdict = judged([post, again], [late, second])
    assert (not verdict.misrecorded) is crossed
    assert [each.causes for each in verdict.duplicates] == [("the answer was lost on the way",)]
