"""docs/security.md: each promise names a test, and each test that is named is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/security.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith(("| promise", "| ---"))
]
WITHOUT = ("the same", "by hand", "limits.md")
"""What else may stand in place of a test."""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_promise_names_its_test(row: list[str]) -> None:
    assert len(row) == 2
    assert re.search(r"test_\w+\.py|contract/\w+\.py", row[1]) or any(
        each in row[1] for each in WITHOUT
    )


def test_every_test_that_is_named_is_there() -> None:
    named = set(re.findall(r"`((?:tests/)?[\w/]*?\w+\.py)`", PAGE))
    known = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")}
    names = {Path(each).name for each in known}
    missing = [each for each in named if each not in (known if "/" in each else names)]
    assert named and missing == []


def test_every_page_that_is_linked_is_there() -> None:
    linked = re.findall(r"\]\(([^)#:]+?\.md)\)", PAGE)
    assert linked and [each for each in linked if not (ROOT / "docs" / each).exists()] == []
