"""What follows from an attempt, and when."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portcall.deliverer.policy import (
    Age,
    Decision,
    Done,
    GiveUp,
    Refuse,
    Retry,
    decide,
    is_due,
    next_rung,
    outlived,
    parked,
    retry_after_ms,
    schedule_of,
)
from portcall.deliverer.post.attempts import Attempt
from portcall.schemas.deliveries import Delivery
from portcall.schemas.durations import parse_schedule_ms
from portcall.schemas.events import PING
from portcall.schemas.final_answers import final_statuses
from portcall.schemas.formats.answers import MAX_ASKED_MS
from portcall.schemas.records import Failure
from portcall.schemas.topology import BASE_RUNGS_MS, rungs_for
from tests.unit.deliverer.samples import NOW_MS, answered, unanswered

SCHEDULE = (10_000, 60_000)
DEFAULT_RUNGS = rungs_for(parse_schedule_ms("10s,1m,5m,30m,1h,3h,6h,12h,12h,24h"))
TEST_RUNGS = rungs_for(parse_schedule_ms("1s,1s,2s"))
DAY_MS = 86_400_000
HOUR_MS = 3_600_000


def decided(attempt: Attempt, number: int = 1, schedule: tuple[int, ...] = SCHEDULE) -> Decision:
    return decide(attempt, number, schedule, now_ms=NOW_MS, chance=0.0)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 226, 250, 299])
def test_every_2xx_is_success(status: int) -> None:
    assert decided(answered(status)) == Done()


@pytest.mark.parametrize("number", [1, 2, 3, 99])
def test_success_is_success_at_any_attempt(number: int) -> None:
    assert decided(answered(200), number) == Done()


@pytest.mark.parametrize(
    "status", [99, 100, 101, 199, 300, 301, 302, 307, 308, 400, 401, 403, 404, 408, 418, 422, 429,
               499, 500, 501, 502, 503, 504, 599, 999]
)  # fmt: skip
def test_every_other_status_is_tried_again(status: int) -> None:
    assert decided(answered(status)) == Retry(NOW_MS + 10_000, NOW_MS + 10_500)


@pytest.mark.parametrize(
    "failure",
    [each for each in Failure if each not in (Failure.NONE, Failure.STATUS, Failure.INVALID)],
)
def test_an_attempt_without_an_answer_is_tried_again(failure: Failure) -> None:
    assert decided(unanswered(failure)) == Retry(NOW_MS + 10_000, NOW_MS + 10_500)


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("schedule", [SCHEDULE, ()], ids=["some", "empty"])
def test_gone_gives_up_at_once_and_says_so(number: int, schedule: tuple[int, ...]) -> None:
    reason = "the endpoint answered 410 Gone: the webhook was disabled"
    assert decided(answered(410), number, schedule) == GiveUp(reason, gone=True)


REFUSES = final_statuses("receiver-refuses")


@pytest.mark.parametrize("number", [1, 3, 99])
@pytest.mark.parametrize("schedule", [SCHEDULE, ()], ids=["some", "empty"])
@pytest.mark.parametrize("status", sorted(REFUSES))
def test_a_final_answer_refuses_at_any_attempt(
    status: int, schedule: tuple[int, ...], number: int
) -> None:
    made = decide(answered(status, "30"), number, schedule, now_ms=NOW_MS, chance=0, final=REFUSES)
    assert made == Refuse(f"refused by the receiver: the endpoint answered {status}")


@pytest.mark.parametrize(
    ("attempt", "follows"),
    [
        pytest.param(answered(200), Done(), id="200"),
        pytest.param(answered(302), Retry(NOW_MS + 10_000, NOW_MS + 10_500), id="302"),
        pytest.param(answered(408), Retry(NOW_MS + 10_000, NOW_MS + 10_500), id="408"),
        pytest.param(answered(409), Retry(NOW_MS + 10_000, NOW_MS + 10_500), id="409"),
        pytest.param(answered(429), Retry(NOW_MS + 10_000, NOW_MS + 10_500), id="429"),
        pytest.param(answered(500), Retry(NOW_MS + 10_000, NOW_MS + 10_500), id="500"),
        pytest.param(answered(503), Retry(NOW_MS + 10_000, NOW_MS + 10_500), id="503"),
        pytest.param(unanswered(), Retry(NOW_MS + 10_000, NOW_MS + 10_500), id="no-answer"),
        pytest.param(unanswered(Failure.INVALID, "no"), GiveUp("no"), id="invalid"),
    ],
)
def test_every_other_answer_is_what_it_was(attempt: Attempt, follows: Decision) -> None:
    assert decide(attempt, 1, SCHEDULE, now_ms=NOW_MS, chance=0.0, final=REFUSES) == follows


def test_a_ping_is_not_retried_and_says_so() -> None:
    made = decide(unanswered(), 1, (), now_ms=NOW_MS, chance=0.0, is_ping=True)
    assert made == GiveUp("not delivered; pings are not retried: no answer")


def test_gone_disables_whatever_is_final() -> None:
    made = decide(answered(410), 1, SCHEDULE, now_ms=NOW_MS, chance=0.0, final=range(400, 500))
    assert isinstance(made, GiveUp) and made.gone


def test_a_request_that_cannot_be_made_is_given_up_at_once() -> None:
    assert decided(unanswered(Failure.INVALID, "no such URI")) == GiveUp("no such URI")


@pytest.mark.parametrize(
    ("number", "schedule", "expected"),
    [
        (1, (), GiveUp("attempt 1 was the last of the schedule: no answer")),
        (1, (5_000,), Retry(NOW_MS + 5_000, NOW_MS + 5_250)),
        (2, (5_000,), GiveUp("attempt 2 was the last of the schedule: no answer")),
        (2, SCHEDULE, Retry(NOW_MS + 60_000, NOW_MS + 63_000)),
        (3, SCHEDULE, GiveUp("attempt 3 was the last of the schedule: no answer")),
        (9, SCHEDULE, GiveUp("attempt 9 was the last of the schedule: no answer")),
    ],
    ids=["no-schedule", "first", "second-is-last", "second", "third-is-last", "beyond"],
)
def test_n_entries_are_n_plus_1_attempts(
    number: int, schedule: tuple[int, ...], expected: Decision
) -> None:
    assert decided(unanswered(), number, schedule) == expected


@pytest.mark.parametrize(
    ("chance", "due_ms"), [(0.0, 10_500), (0.5, 10_750), (1.0, 11_000)], ids=str
)
def test_the_random_part_comes_on_top(chance: float, due_ms: int) -> None:
    decision = decide(unanswered(), 1, SCHEDULE, now_ms=NOW_MS, chance=chance)
    assert decision == Retry(NOW_MS + 10_000, NOW_MS + due_ms)


@pytest.mark.parametrize(
    ("header", "delay_ms"),
    [("", 10_000), ("5", 10_000), ("10", 10_000), ("11", 11_000), ("3600", HOUR_MS),
     ("90000", DAY_MS), ("never", 10_000)],
)  # fmt: skip
def test_retry_after_only_lengthens_a_delay(header: str, delay_ms: int) -> None:
    decision = decided(answered(503, header))
    assert isinstance(decision, Retry)
    assert decision.not_before_ms == NOW_MS + delay_ms


def test_retry_after_makes_no_attempt_more() -> None:
    assert isinstance(decided(answered(503, "60"), 3), GiveUp)


@pytest.mark.parametrize(
    ("action", "own", "expected"),
    [
        ("push", None, SCHEDULE),
        ("push", (1,), (1,)),
        ("push", (), ()),
        (PING, None, ()),
        (PING, (1,), ()),
    ],
    ids=["default", "own", "own-empty", "ping", "ping-own"],
)
def test_the_schedule_is_the_webhooks_own_or_the_default(
    action: str, own: tuple[int, ...] | None, expected: tuple[int, ...]
) -> None:
    assert schedule_of(action, own, SCHEDULE) == expected


def http_date(seconds: float, style: str = "%a, %d %b %Y %H:%M:%S GMT") -> str:
    now = datetime.fromtimestamp(NOW_MS / 1000, UTC).replace(microsecond=0)
    return (now + timedelta(seconds=seconds)).strftime(style)


@pytest.mark.parametrize(
    ("header", "expected_ms"),
    [
        ("", 0),
        ("   ", 0),
        ("0", 0),
        ("000", 0),
        ("1", 1000),
        (" 120 ", 120_000),
        ("007", 7000),
        ("0000000000000000000030", 30_000),
        ("86400", DAY_MS),
        ("86401", DAY_MS),
        ("999999999", DAY_MS),
        ("9" * 5000, DAY_MS),
        ("-1", 0),
        ("-120", 0),
        ("+120", 0),
        ("1.5", 0),
        ("120.0", 0),
        ("1e3", 0),
        ("0x10", 0),
        ("12 0", 0),
        ("120s", 0),
        ("120, 60", 0),
        ("\N{FULLWIDTH DIGIT ONE}2", 0),
        ("\N{SUPERSCRIPT TWO}", 0),
        ("soon", 0),
        ("NaN", 0),
        ("inf", 0),
        ("Mon", 0),
        ("Mon, 99 Foo 2026", 0),
        ("32 Jan 2026 00:00:00 GMT", 0),
        ("1 Jan 99999 00:00:00 GMT", 0),
        ("Wed, 04 Mar 2026 25:61:61 GMT", 0),
        ("Wed, 04 Mar 2026 10:20:40 +9999", 0),
        ("\x00\xff", 0),
        (";;;;", 0),
    ],
)
def test_retry_after_as_seconds_or_garbage(header: str, expected_ms: int) -> None:
    assert retry_after_ms(header, NOW_MS) == expected_ms


@pytest.mark.parametrize(
    ("header", "expected_ms"),
    [
        (http_date(60), 60_000 - 123),
        (http_date(0), 0),
        (http_date(-60), 0),
        (http_date(-3600 * 24 * 365), 0),
        (http_date(86_000), 86_000_000 - 123),
        (http_date(3600 * 25), DAY_MS),
        (http_date(3600 * 24 * 365 * 1000), DAY_MS),
        (http_date(60, "%A, %d-%b-%y %H:%M:%S GMT"), 60_000 - 123),
        (http_date(60, "%a %b %d %H:%M:%S %Y"), 60_000 - 123),
        (http_date(60, "%d %b %Y %H:%M:%S -0000"), 60_000 - 123),
        (http_date(3660, "%a, %d %b %Y %H:%M:%S +0100"), 60_000 - 123),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0),
        ("Sun Nov  6 08:49:37 1994", 0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
    ],
    ids=["date", "now", "past", "long-past", "a-day", "over-a-day", "in-1000-years", "rfc850",
         "asctime", "minus-zero", "offset", "rfc850-example", "asctime-example", "example"],
)  # fmt: skip
def test_retry_after_as_a_date(header: str, expected_ms: int) -> None:
    assert retry_after_ms(header, NOW_MS) == expected_ms


@given(st.text(max_size=60))
def test_retry_after_never_raises_and_keeps_its_bounds(header: str) -> None:
    assert 0 <= retry_after_ms(header, NOW_MS) <= MAX_ASKED_MS


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001 (hypothesis wants them so)
    st.integers(0, 4_000_000_000_000),
)
def test_retry_after_reads_every_date_that_can_be_written(moment: datetime, now_ms: int) -> None:
    ahead_ms = int(moment.timestamp()) * 1000 - now_ms
    header = format_datetime(moment, usegmt=True)
    assert retry_after_ms(header, now_ms) == pytest.approx(min(max(ahead_ms, 0), DAY_MS), abs=1)


# -- when ----------------------------------------------------------------------------------------


def waiting(not_before_ms: int, due_ms: int) -> Delivery:
    return Delivery(0, 7, 2, NOW_MS + not_before_ms, NOW_MS + due_ms)


@pytest.mark.parametrize(
    ("not_before_ms", "due_ms", "expected"),
    [
        (1, 1, False),
        (1, 400, False),
        (0, 0, True),
        (-1, 0, True),
        (0, 500, True),
        (0, 501, False),
        (-500, 501, False),
        (0, 5_000, False),
        (-3_750, 1_250, True),
        (-3_740, 1_260, False),
        (-50_000, -10, True),
        (-DAY_MS, -DAY_MS, True),
    ],
)
def test_is_due(not_before_ms: int, due_ms: int, *, expected: bool) -> None:
    assert is_due(waiting(not_before_ms, due_ms), NOW_MS) is expected


def test_a_delivery_that_never_waited_is_due() -> None:
    assert is_due(Delivery(0, 7), NOW_MS)


@pytest.mark.parametrize(
    ("not_before_ms", "due_ms", "rung_ms"),
    [
        (10_000, 10_500, 10_000),
        (9_990, 10_490, 10_000),
        (10_001, 11_000, 10_000),
        (60_000, 66_000, 60_000),
        (1, 1, 500),
        (499, 499, 500),
        (500, 500, 500),
        (600, 600, 500),
        (1_800, 1_900, 2_000),
        (1_700, 1_700, 500),
        (-10, 3_000, 2_000),
        (-10, 700, 500),
        (DAY_MS, DAY_MS + HOUR_MS, 12 * HOUR_MS),
        (12 * HOUR_MS - 60, 13 * HOUR_MS, 12 * HOUR_MS),
        (-5_000, -1_000, 500),
    ],
)
def test_the_next_rung(not_before_ms: int, due_ms: int, rung_ms: int) -> None:
    rungs = (500, 2_000, 10_000, 60_000, 12 * HOUR_MS)
    assert next_rung(waiting(not_before_ms, due_ms), rungs, NOW_MS) == rung_ms


def simulated(
    delay_ms: int, chance: float, rungs_ms: tuple[int, ...], overheads_ms: list[int]
) -> tuple[int, int]:
    """When the attempt happens, milliseconds after the decision, and by how many hops."""
    decision = decide(unanswered(), 1, (delay_ms,), now_ms=NOW_MS, chance=chance)
    assert isinstance(decision, Retry)
    held = Delivery(0, 7, 2, decision.not_before_ms, decision.due_ms)
    now_ms, hops = NOW_MS, 0
    while hops == 0 or not is_due(held, now_ms):
        now_ms += next_rung(held, rungs_ms, now_ms) + overheads_ms[hops % len(overheads_ms)]
        hops += 1
    return now_ms - NOW_MS, hops


@pytest.mark.parametrize("rungs_ms", [DEFAULT_RUNGS, TEST_RUNGS, BASE_RUNGS_MS], ids=str)
@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    "delay_ms",
    [100, 499, 500, 501, 1_000, 1_500, 1_999, 2_000, 5_000, 10_000, 59_999, 60_000, 300_000,
     1_800_000, 32_399_194, 42_897_716, HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, 12 * HOUR_MS, DAY_MS],
)  # fmt: skip
@pytest.mark.parametrize("overhead_ms", [0, 7, 60])
def test_a_retry_happens_in_its_time(
    delay_ms: int, chance: float, rungs_ms: tuple[int, ...], overhead_ms: int
) -> None:
    after_ms, hops = simulated(delay_ms, chance, rungs_ms, [overhead_ms])
    assert delay_ms <= after_ms <= 1.25 * delay_ms + 1000
    assert hops <= 14


@given(
    delay_ms=st.one_of(
        st.integers(100, 10_000), st.integers(100, DAY_MS), st.sampled_from(DEFAULT_RUNGS)
    ),
    chance=st.floats(0, 1),
    rungs_ms=st.sampled_from([DEFAULT_RUNGS, TEST_RUNGS, BASE_RUNGS_MS]),
    overheads_ms=st.lists(st.integers(0, 60), min_size=1, max_size=12),
)
def test_any_delay_is_kept_by_hops(
    delay_ms: int, chance: float, rungs_ms: tuple[int, ...], overheads_ms: list[int]
) -> None:
    after_ms, hops = simulated(delay_ms, chance, rungs_ms, overheads_ms)
    assert delay_ms <= after_ms <= 1.25 * delay_ms + 1000
    assert hops <= 14


@given(
    delay_ms=st.integers(100, 30_000),
    chance=st.floats(0, 1),
    rungs_ms=st.sampled_from([(500,), (500, 2_000), (500, 1_000, 3_000), (200, 700)]),
    overheads_ms=st.lists(st.integers(0, 60), min_size=1, max_size=12),
)
def test_small_ladders_keep_delays_too_by_more_hops(
    delay_ms: int, chance: float, rungs_ms: tuple[int, ...], overheads_ms: list[int]
) -> None:
    after_ms, _ = simulated(delay_ms, chance, rungs_ms, overheads_ms)
    assert delay_ms <= after_ms <= 1.25 * delay_ms + 1000


def test_retries_of_the_same_moment_are_spread() -> None:
    times = {simulated(1_800_000, chance / 20, DEFAULT_RUNGS, [20])[0] for chance in range(21)}
    assert len(times) >= 5


# -- parking -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parks", "wait_ms"),
    [(0, 2_000), (1, 4_000), (2, 8_000), (3, 16_000), (4, 32_000), (5, 60_000), (6, 60_000),
     (10, 60_000), (1_000_000, 60_000)],
)  # fmt: skip
def test_a_park_until_nobody_knows_when_is_longer_each_time(parks: int, wait_ms: int) -> None:
    before = Delivery(3, 7, attempt=4, not_before_ms=5, due_ms=6, parks=parks)
    after = parked(before, turn_s=None, now_ms=NOW_MS, chance=1.0)
    due_ms = NOW_MS + wait_ms + wait_ms // 10
    assert after == Delivery(3, 7, 4, NOW_MS + wait_ms, due_ms, parks + 1)


@pytest.mark.parametrize("parks", [0, 1, 50])
@pytest.mark.parametrize(
    ("turn_s", "wait_ms"),
    [(0.0, 2_000), (0.3, 2_000), (2.0, 2_000), (2.5, 2_500), (37.0, 37_000), (60.0, 60_000),
     (900.0, 60_000)],
)  # fmt: skip
def test_a_park_is_as_long_as_until_its_turn(parks: int, turn_s: float, wait_ms: int) -> None:
    after = parked(Delivery(0, 7, parks=parks), turn_s=turn_s, now_ms=NOW_MS, chance=0.0)
    assert after.not_before_ms == NOW_MS + wait_ms
    assert (after.attempt, after.parks) == (1, parks + 1)


def test_a_park_ends_in_its_time() -> None:
    held = parked(Delivery(0, 7), turn_s=None, now_ms=NOW_MS, chance=0.5)
    rung_ms = next_rung(held, DEFAULT_RUNGS, NOW_MS)
    assert rung_ms == 2_000
    assert is_due(held, NOW_MS + rung_ms + 20)


AGE = Age(limit_ms=600_000, end_ms=NOW_MS)


@pytest.mark.parametrize(
    ("parks", "due_ms", "now_ms", "is_over"),
    [
        pytest.param(1, NOW_MS - 5_000, NOW_MS - 4_000, False, id="in time"),
        pytest.param(1, NOW_MS + 1_000, NOW_MS + 1_000, True, id="it was to come back too late"),
        pytest.param(1, NOW_MS - 5_000, NOW_MS + 3_600_000, False, id="we were away for an hour"),
        pytest.param(0, 0, NOW_MS + 3_600_000, False, id="never parked"),
        pytest.param(1, 0, NOW_MS + 1, True, id="parked, and nobody knows for how long"),
    ],
)
def test_a_delivery_that_comes_back_late_is_not_too_old_for_that(
    parks: int, due_ms: int, now_ms: int, *, is_over: bool
) -> None:
    delivery = Delivery(0, 7, due_ms=due_ms, parks=parks)
    assert bool(outlived(delivery, AGE, now_ms)) is is_over
