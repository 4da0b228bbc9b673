"""A canary run: faults and bad input leave no secret anywhere."""

from pathlib import Path

import pytest

from tests.canary import Canary
from tests.faults.harness import places
from tests.faults.harness.lab import laboratory
from tests.faults.harness.mirror import mirror
from tests.faults.scenarios.marked import Marked, environ_of

pytestmark = pytest.mark.timeout(300)


async def searched(marked: Marked, canary: Canary) -> None:
    """The run, the search; and the same search again with a mark in every kind of place."""
    await marked.run()
    assert canary.found(await marked.places()) == []
    assert places.readable_by_others(marked.lab.installation.home) == []
    planted = set(canary.marks)
    await marked.plant()
    found = canary.found(await marked.places())
    seen = {each.partition(": ")[2] for each in found}
    assert seen == set(canary.marks) - planted
    assert {each.split(" ")[0].removesuffix(":") for each in found} >= {
        *("answers", "logs", "rows", "messages", "metrics", "file"),
    }


async def test_faults_and_bad_input_leave_no_secret_anywhere(
    tmp_path: Path, canary: Canary
) -> None:
    environ = environ_of(canary)
    async with mirror() as endpoints, laboratory(tmp_path, environ) as lab:
        await searched(Marked(lab, canary, endpoints), canary)
