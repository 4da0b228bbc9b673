"""The load test's options of faults and checks: what is read, and what is told."""

import pytest

from portcall.cli.errors import UsageError
from portcall.cli.loadtest.orders import checking_of, mix_of, policy_of, traffic_of
from portcall.loadtest.payloads.formats import ACR, Format, find_format
from portcall.loadtest.send.retrying import Outage, Policy, parse_outage
from portcall.loadtest.send.senders import SENDERS
from portcall.loadtest.send.sources import Workload
from portcall.loadtest.signing import Style
from portcall.schemas.durations import parse_schedule_ms
from portcall.schemas.errors import InvalidValueError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 (of the specification)


def weights(words: list[str], payload: Format = ACR) -> dict[str, int]:
    return dict(mix_of(words, payload, repositories=1, zipf=1.0, tags=1).actions)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["push"], {"push": 1}),
        (["push:9,delete:1"], {"push": 9, "delete": 1}),
        (["push:9", "ping"], {"push": 9, "ping": 1}),
        (["ping:3"], {"ping": 3}),
        (["push, ping:2"], {"push": 1, "ping": 2}),
    ],
)
def test_actions_have_weights_and_a_ping_is_one(words: list[str], expected: dict[str, int]) -> None:
    assert weights(words) == expected


@pytest.mark.parametrize("words", [["pull"], ["push:x"], ["ping:0"], ["pings"]])
def test_what_is_no_action_is_told(words: list[str]) -> None:
    with pytest.raises(UsageError, match="--action"):
        weights(words)


def test_an_action_that_a_sender_does_not_tell_of_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="harbor has events of push, delete only"):
        weights(["quarantine"], find_format("harbor"))


@pytest.mark.parametrize(
    ("text", "schedule_ms"),
    [
        ("", ()),
        ("1s,5s", (1000, 5000)),
        ("outpost", tuple(30_000 * 2**n for n in range(10))),
        ("acr", ()),
    ],
)
def test_retries_are_delays_or_a_sender_s(text: str, schedule_ms: tuple[int, ...]) -> None:
    assert policy_of(text, compression=2.0, jitter=False).schedule_ms == schedule_ms


@pytest.mark.parametrize(
    ("text", "heeds"), [("1s", True), ("portcall", True), ("harbor", False), ("svix", False)]
)
def test_whose_retries_heed_what_a_consumer_asks_for(text: str, *, heeds: bool) -> None:
    assert policy_of(text, compression=1.0, jitter=True).heeds is heeds


@pytest.mark.parametrize("text", ["pigeon", "1x", "1s,,x", "stripe", "docker-hub"])
def test_what_are_no_retries_is_told(text: str) -> None:
    with pytest.raises(InvalidValueError, match="--retries"):
        policy_of(text, compression=1.0, jitter=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("20s-40s", Outage(20, 40)), ("0-500ms", Outage(0, 0.5)), ("1m-2m", Outage(60, 120))],
)
def test_an_outage_is_from_when_to_when(text: str, expected: Outage) -> None:
    assert parse_outage(text) == expected


@pytest.mark.parametrize("text", ["20s", "40s-20s", "x-1s", "1s-1s", ""])
def test_what_is_no_outage_is_told(text: str) -> None:
    with pytest.raises(InvalidValueError, match="--outage"):
        parse_outage(text)


def traffic(
    faults: list[str],
    *,
    secret: str = SECRET,
    outage: str = "",
    retries: str = "",
    swap_within: str = "",
) -> Workload:
    return traffic_of(
        mix_of(["push"], ACR, repositories=1, zipf=1.0, tags=1),
        ACR,
        style=Style.STANDARD,
        secret=secret,
        faults=faults,
        policy=policy_of(retries, compression=1.0, jitter=True),
        outage=outage,
        duration_s=10,
        swap_within=swap_within,
    )


def test_faults_and_retries_come_together() -> None:
    made = traffic(["duplicate:5%"], retries="1s", outage="1s-2s")
    assert made.faults == {"duplicate": 0.05}
    assert made.policy == Policy((1000,))
    assert made.outage == Outage(1, 2)
    assert made.signing.sign is not None


def test_an_outage_without_retries_would_lose_everything() -> None:
    with pytest.raises(InvalidValueError, match="needs --retries"):
        traffic([], outage="1s-2s")


def test_an_outage_after_the_run_would_be_none() -> None:
    with pytest.raises(
        InvalidValueError, match="begins after the end of the run, which lasts 10 s"
    ):
        traffic([], outage="20s-40s", retries="1s")


def test_how_late_is_late_is_from_when_to_when() -> None:
    assert traffic(["swapped"]).swap_within_s == (0.2, 1)
    assert traffic(["swapped"], swap_within="2s-5s").swap_within_s == (2, 5)
    with pytest.raises(InvalidValueError, match="--swap-within: '5s' is not a time span"):
        traffic(["swapped"], swap_within="5s")


def test_a_fault_of_signatures_needs_a_secret() -> None:
    with pytest.raises(InvalidValueError, match="needs a secret"):
        traffic(["expired"], secret="")
    assert "expired" not in traffic(["all"], secret="").faults


@pytest.mark.parametrize(("kill_at", "at_s"), [("", 30.0), ("5s", 5.0)])
def test_the_consumer_is_killed_in_the_middle_unless_told(kill_at: str, at_s: float) -> None:
    checking = checking_of(
        processed="",
        settle="10s",
        kill_cmd="true",
        kill_at=kill_at,
        conformance=False,
        duration_s=60,
    )
    assert checking.kill_at_s == at_s
    assert checking.settle_s == 10.0


@pytest.mark.parametrize("retries", ["1s,5s,30s", "", *(s.name for s in SENDERS if s.schedule_ms)])
def test_a_schedule_can_be_given_to_a_webhook_as_it_is(retries: str) -> None:
    policy = policy_of(retries, compression=1.0, jitter=True)
    if not retries:
        assert policy.written == ""
    else:
        assert parse_schedule_ms(policy.written, "x") == policy.schedule_ms
