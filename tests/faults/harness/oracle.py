"""The one judge of all fault tests: what was seen against what was promised. No I/O.

An event that was accepted is delivered to every webhook that matches, or recorded as ended; nothing
arrives that was never published; every answered POST has its record and every record its POST; a
POST after one that succeeded is a duplicate, and some fault explains it.
"""

from collections.abc import Iterable, Mapping, Sequence

from tests.faults.harness.journals import Expectation, Fault, Post, Recorded, by_delivery
from tests.faults.harness.verdict import Duplicate, Verdict

SLACK_S = 0.25
"""By how much the clocks of two processes' journals may seem to differ: records have milliseconds,
and a process may be kept from running between looking at the clock and writing."""
CUT_SLACK_S = 1.0
"""The same for a cut: the sink reads what had arrived before it, and answers into the void."""
AGAIN_S = 5.0
"""A frame that comes again may go by the 2 s rung, and its deliveries wait a second in a line."""
RESTART_S, BROKER_BACK_S = 5.0, 15.0
"""A role that died is back within so long, and all go on so long after the broker came back."""
REPEATING = {
    "router": RESTART_S, "deliverer": RESTART_S,
    "rabbitmq": BROKER_BACK_S, "broker line": BROKER_BACK_S,
}  # fmt: skip
"""Whose faults may repeat a delivery, and how long after their end a frame may come again. Those of
the others must not, and neither must a SIGTERM."""
BROKERS = frozenset({"rabbitmq", "broker line"})
RECORDED_S = 2.0
"""An answer is in a record that the broker confirmed within so long, where there is a broker."""
CUTTING = frozenset({"cut", "half closed"})
"""What is done to a line that ends connections: an attempt on one that had been used before is
repeated at once, and has no record of its own. Every other attempt has one."""
ATTEMPT_TIMEOUT_S = 3.0
FORGETTING = frozenset({"deliverer", "up"})
"""Whose end may leave an answered POST without a record: nobody lives to write it."""
SINK_LINE = "sink line"


def judge(
    expected: Mapping[str, Expectation],
    posts: Sequence[Post],
    records: Iterable[Recorded],
    faults: Sequence[Fault],
    *,
    holding: bool = False,
    attempt_timeout_s: float = ATTEMPT_TIMEOUT_S,
) -> Verdict:
    """Judge what was seen.

    Args:
        expected: Every delivery that may be, by its id.
        posts: What arrived.
        records: What list-events shows, of all webhooks.
        faults: What was done meanwhile.
        holding: Whether queues still hold deliveries: then what has not ended may be one of them.
        attempt_timeout_s: Of the installation: a frame waits for the slowest of its deliveries.
    """
    records = list(records)
    verdict = Verdict(posts=len(posts), records=len(records))
    arrived = by_delivery(posts)
    listed: dict[str, list[Recorded]] = {}
    for record in records:
        listed.setdefault(record.delivery_id, []).append(record)
    for post in posts:
        expectation = expected.get(post.delivery_id)
        if expectation is None or (expectation.path, expectation.event_id) != (
            post.path,
            post.event_id,
        ):
            verdict.phantoms.append(post)
    for delivery_id, expectation in expected.items():
        _judge_end(
            verdict,
            delivery_id,
            expectation,
            arrived.get(delivery_id, ()),
            listed.get(delivery_id, ()),
            holding=holding,
        )
    for delivery_id in arrived.keys() | listed.keys():
        those_posts = arrived.get(delivery_id, ())
        those_records = listed.get(delivery_id, ())
        lost_answers = _judge_records(verdict, those_posts, those_records, faults)
        _judge_duplicates(
            verdict,
            expected.get(delivery_id),
            those_posts,
            lost_answers,
            faults,
            attempt_timeout_s=attempt_timeout_s,
        )
    return verdict


def _judge_end(
    verdict: Verdict,
    delivery_id: str,
    expectation: Expectation,
    posts: Sequence[Post],
    records: Sequence[Recorded],
    *,
    holding: bool,
) -> None:
    """Say how one delivery ended."""
    if expectation.accepted_at is None:
        return
    verdict.accepted += 1
    outcomes = {record.outcome for record in records}
    if any(post.succeeded for post in posts):
        verdict.delivered += 1
        if not outcomes & {"delivered", "given_up", "cancelled"}:
            verdict.unlisted.append(delivery_id)
    elif "refused" in outcomes:
        verdict.refused += 1
    elif "given_up" in outcomes:
        verdict.given_up += 1
    elif "cancelled" in outcomes:
        verdict.cancelled += 1
    elif holding:
        verdict.pending.append(delivery_id)
    else:
        verdict.lost.append(delivery_id)


def _judge_records(
    verdict: Verdict, posts: Sequence[Post], records: Sequence[Recorded], faults: Sequence[Fault]
) -> list[Post]:
    """Pair the records of one delivery with its POSTs; gives the POSTs whose answer was lost."""
    left = list(posts)
    lost_answers: list[Post] = []
    once: set[Recorded] = set()
    # Those with a status first: a timeout pairs with anything that is left.
    for record in sorted(records, key=lambda record: (record.status == 0, record.started_at)):
        if record in once:
            verdict.doubled.append(record)
            continue
        once.add(record)
        if why := _contradiction(record):
            verdict.misrecorded.append(f"{why}: {record}")
        if record.outcome == "cancelled":
            continue
        post = next((post for post in left if _is_of(post, record, faults)), None)
        if post is not None:
            left.remove(post)
        if post is None and record.status:
            verdict.misrecorded.append(f"no POST was answered like that: {record}")
        elif post is not None and post.status and not record.status:
            lost_answers.append(post)
            ended = record.started_at + record.duration_s
            waited = record.duration_s > 2 * SLACK_S
            crossed = waited and _ended_at(post) > ended - SLACK_S
            if not crossed and not _happened(faults, {SINK_LINE}, post.at, ended):
                verdict.misrecorded.append(f"the sink had answered {post.status}: {record}")
    _judge_unrecorded(verdict, [post for post in left if post.status], faults)
    return lost_answers


def _judge_unrecorded(verdict: Verdict, posts: Iterable[Post], faults: Sequence[Fault]) -> None:
    """Say of answered POSTs without a record whether anybody got the answer, and lived."""
    for post in posts:
        killed = _happened(faults, FORGETTING, post.at, _recorded_by(post, faults))
        (verdict.forgotten if killed or _was_cut(post, faults) else verdict.unrecorded).append(post)


def _recorded_by(post: Post, faults: Iterable[Fault]) -> float:
    """When a POST's record must have been confirmed, if its deliverer lived."""
    end = _ended_at(post) + RECORDED_S
    for fault in faults:
        if _overlaps(fault, BROKERS, post.at, end):
            end = max(end, fault.ended_at + BROKER_BACK_S)
    return end


def _was_cut(post: Post, faults: Iterable[Fault]) -> bool:
    """Whether the line to the sink was cut at the moment of this POST."""
    return any(
        fault.whom == SINK_LINE
        and fault.what in CUTTING
        and post.at - CUT_SLACK_S <= fault.began_at <= _ended_at(post) + CUT_SLACK_S
        for fault in faults
    )


def _ended_at(post: Post) -> float:
    return post.at if post.ended_at is None else post.ended_at


def _contradiction(record: Recorded) -> str:
    succeeded = 200 <= record.status < 300
    if succeeded and record.outcome != "delivered":
        return "2xx is a delivery"
    if record.outcome == "refused" and not 400 <= record.status < 600:
        return "no refusal without an answer"
    if not succeeded and record.outcome == "delivered":
        return "no delivery without 2xx"
    return ""


def _is_of(post: Post, record: Recorded, faults: Iterable[Fault]) -> bool:
    """Whether a record may be this POST's: a status is the same, or was lost on the way."""
    began, ended = record.started_at, record.started_at + record.duration_s
    if post.path != record.path or record.status not in {0, post.status}:
        return False
    if not record.status:  # a line may hold a POST back for longer than anybody waits for it
        held = [fault.ended_at for fault in faults if _overlaps(fault, {SINK_LINE}, began, ended)]
        ended = max([ended, *held])
    return began - SLACK_S <= post.at <= ended + SLACK_S


def _judge_duplicates(
    verdict: Verdict,
    expectation: Expectation | None,
    posts: Sequence[Post],
    lost_answers: Sequence[Post],
    faults: Sequence[Fault],
    *,
    attempt_timeout_s: float,
) -> None:
    first = next((number for number, post in enumerate(posts) if post.succeeded), None)
    if first is None:
        return
    for number, post in enumerate(posts[first + 1 :], first + 1):
        causes = []
        if expectation is not None:
            causes += _causes(expectation, post, faults, attempt_timeout_s)
        # Each lost answer is worth one more POST. Which of two POSTs it was cannot always be told:
        # a line that was deaf hands on what it held back together with the attempt after that.
        cut = [each for each in posts[:number] if each not in lost_answers]
        lost = len(lost_answers) + sum(_was_cut(each, faults) for each in cut)
        if lost >= number - first:
            causes.append("the answer was lost on the way")
        if expectation is not None and expectation.tries > 1:
            causes.append("it was published again")
        verdict.duplicates.append(Duplicate(post.delivery_id, post.path, post.at, tuple(causes)))


def _causes(
    expectation: Expectation, post: Post, faults: Sequence[Fault], attempt_timeout_s: float
) -> list[str]:
    """The faults that may have repeated a delivery, the last one last."""
    return [
        f"{fault.what} {fault.whom}"
        for fault in sorted(faults, key=lambda fault: fault.began_at)
        if fault.whom in REPEATING
        and fault.what != "SIGTERM"
        and expectation.first_tried_at - SLACK_S <= fault.ended_at
        and fault.began_at
        <= post.at
        <= fault.ended_at + REPEATING[fault.whom] + AGAIN_S + attempt_timeout_s
    ]


def _happened(
    faults: Iterable[Fault], whom: frozenset[str] | set[str], began: float, ended: float
) -> bool:
    return any(_overlaps(fault, whom, began, ended) for fault in faults)


def _overlaps(fault: Fault, whom: frozenset[str] | set[str], began: float, ended: float) -> bool:
    return (
        fault.whom in whom
        and fault.what != "SIGTERM"
        and fault.began_at <= ended + SLACK_S
        and began - SLACK_S <= fault.ended_at
    )


def latencies_s(
    expected: Mapping[str, Expectation], posts: Sequence[Post], paths: frozenset[str] | set[str]
) -> list[float]:
    """From the beginning of the request that was accepted to the first POST, at these paths."""
    first: dict[str, float] = {}
    for post in posts:
        if post.path in paths:
            first[post.delivery_id] = min(post.at, first.get(post.delivery_id, post.at))
    return [
        at - accepted_at
        for delivery_id, at in first.items()
        if delivery_id in expected
        and (accepted_at := expected[delivery_id].accepted_at) is not None
    ]


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed; of none: 0."""
    in_order = sorted(values)
    return in_order[min(len(in_order) - 1, int(share * len(in_order)))] if in_order else 0.0
