"""What `portcall doctor` says of the recorder's lease."""

from pathlib import Path

import pytest

from portcall.cli.doctor.checks import CheckedInstallation
from portcall.cli.doctor.findings import Verdict
from portcall.cli.doctor.leading import judge, leading
from portcall.store.engine import open_store
from portcall.store.records.lease import LeaseState

OWNER = "node-a 7 boot/pid:[1] 5 0badcafe"


@pytest.mark.parametrize(
    ("seen", "verdict", "found"),
    [
        pytest.param(
            LeaseState(OWNER, 3, -50_000, -1),
            Verdict.OK,
            "process 7 on node-a leads; none stands by",
            id="alone",
        ),
        pytest.param(
            LeaseState(OWNER, 3, 4_000, 50_000),
            Verdict.OK,
            "process 7 on node-a leads; another one stands by",
            id="with a standby",
        ),
        pytest.param(
            LeaseState(OWNER, 3, -100, 50_000),
            Verdict.WRONG,
            "process 7 on node-a leads no more, and no standby has taken over yet",
            id="between two leaders",
        ),
        pytest.param(LeaseState("", 3, -1, -1), Verdict.WRONG, "none leads", id="released"),
        pytest.param(
            LeaseState("recorder-of-another-build", 3, 4_000, -1),
            Verdict.OK,
            "recorder-of-another-build leads; none stands by",
            id="a name of another form",
        ),
    ],
)
def test_the_lease_is_judged(seen: LeaseState, verdict: Verdict, found: str) -> None:
    finding = judge(seen)
    assert (finding.verdict, finding.found) == (verdict, found)
    assert bool(finding.advice) is (verdict is Verdict.WRONG)
    assert "0badcafe" not in str(finding), "people get a process and a host, not the whole name"


def test_the_lease_is_read_from_the_database(sqlite_url: str, tmp_path: Path) -> None:
    site = CheckedInstallation(tmp_path, {"PORTCALL_DATABASE_URL": sqlite_url}, None)
    assert leading(site).found == "none leads"
    store = open_store(sqlite_url)
    store.lease.take(store.lease.look(), OWNER)
    store.close()
    assert leading(site).found == "process 7 on node-a leads; none stands by"


def test_a_database_that_is_away_says_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'none' / 'no.db'}"
    site = CheckedInstallation(tmp_path, {"PORTCALL_DATABASE_URL": url}, None)
    assert leading(site).verdict is Verdict.UNKNOWN
