import pytest

from portcall.cli.doctor.filling import filling
from portcall.cli.doctor.findings import Verdict

GB = 10**9


@pytest.mark.parametrize(
    ("free", "attempts_per_s", "verdict"),
    [
        (500 * GB, 0.0, Verdict.OK),
        (1 * GB, 0.0, Verdict.OK),
        (500 * GB, 10.0, Verdict.OK),
        (1 * GB, 1_000.0, Verdict.WRONG),
    ],
)
def test_a_disk_that_will_be_full_within_a_day_is_told(
    free: int, attempts_per_s: float, verdict: Verdict
) -> None:
    found = filling("/x", free, attempts_per_s)
    assert found.verdict is verdict
    if verdict is Verdict.WRONG:
        assert found.found.startswith("/x will be full in about 0 h: 1000 attempts a second write")
        assert "PORTCALL_RECORD_RETENTION" in found.advice


def test_twice_the_rate_is_half_the_time() -> None:
    once, twice = (filling("/x", 10 * GB, rate).facts["hours_left"] for rate in (50.0, 100.0))
    assert once == pytest.approx(2 * twice, rel=0.02)
